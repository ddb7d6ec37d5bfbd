extension Markup {
    /// A page in one file that loads nothing and runs nothing, light or dark as its reader likes.
    ///
    /// - Parameters:
    ///   - title: The heading, as text.
    ///   - language: Of the page, as HTML names it.
    ///   - isDense: Whether the cells of tables are low, for many rows.
    ///   - body: HTML that comes beneath the heading.
    /// - Returns: HTML with a policy that forbids loading and running anything.
    static func page(title: String, language: String = "en", isDense: Bool = false, body: String) -> String {
        """
        <!DOCTYPE html>
        <html lang="\(language)">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="Content-Security-Policy" \
        content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
        <title>\(escaped(title)) · Lienzo</title>
        <style>
        \(Palette.pageVariables)
        \(pageStyle)
        </style>
        </head>
        <body>
        <main\(isDense ? " class=\"dense\"" : "")>
        <h1>\(escaped(title))</h1>
        \(body)</main>
        </body>
        </html>

        """
    }

    private static let pageStyle = """
        body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 \(Palette.fonts)}
        main{max-width:1000px;margin:0 auto;padding:40px 24px 64px}
        h1{font-size:28px;line-height:1.2;margin:0 0 6px;letter-spacing:-.01em}
        h2{font-size:19px;margin:0 0 4px}
        p{margin:0 0 14px;color:var(--muted)}
        section{background:var(--surface);border:1px solid var(--grid);border-radius:12px;padding:22px 24px;margin-top:24px}
        .scroll{overflow-x:auto}
        .shaded{border-collapse:separate;border-spacing:4px;font-variant-numeric:tabular-nums;margin:0 -4px}
        .shaded caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
        .shaded th{font-weight:500;font-size:14px;text-align:left}
        .shaded thead th{vertical-align:bottom;padding:4px 8px;color:var(--muted);max-width:130px;\
        overflow-wrap:anywhere;text-align:center}
        .shaded thead th:first-child{text-align:left}
        .shaded td{min-width:74px;height:72px;padding:4px 8px;text-align:center;border-radius:8px;\
        background:rgba(var(--shade),calc(var(--share)*.92 + .06))}
        .shaded td small{display:block;font-size:12px;opacity:.85}
        .shaded td.deep{color:#fff}
        .shaded td.best{font-weight:700}
        .shaded td.best small{font-weight:400}
        .who{display:flex;align-items:center;gap:12px;padding-right:14px}
        .who .name{min-width:96px;max-width:210px;overflow-wrap:anywhere}
        .who .thumbnail{width:72px;height:72px;flex:none;display:flex;align-items:center;justify-content:center}
        .who img{max-width:72px;max-height:72px;border-radius:6px}
        .plain{border-collapse:collapse;font-variant-numeric:tabular-nums}
        .plain th,.plain td{text-align:left;font-weight:400;padding:6px 18px 6px 0;border-bottom:1px solid var(--grid);\
        overflow-wrap:anywhere}
        .plain thead th{color:var(--muted);font-size:14px}
        .plain small{color:var(--muted)}
        .dense .shaded td{min-width:52px;height:30px}
        svg{display:block;max-width:none}
        ul{margin:8px 0 0;padding-left:20px}
        li{overflow-wrap:anywhere}
        @media(prefers-color-scheme:dark){.shaded td.deep{color:#0d0c12}}
        """
}
