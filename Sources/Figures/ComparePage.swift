public import LienzoImages

/// How well pictures fit texts, as one web page that needs nothing but itself.
///
/// The page has thumbnails, a shaded table of probabilities with the cosines beneath, and a plot of pictures and texts
/// in the space they share. It follows the reader's light or dark setting, loads nothing, and runs nothing.
public struct ComparePage: Sendable {
    /// One picture and what the model says of it.
    public struct Picture: Sendable {
        /// What the page calls it, such as its file name.
        public let name: String
        /// The picture; the page holds a small copy.
        public let image: Image
        /// `[texts]`: the cosine of its embedding with each text's, −1…1.
        public let cosine: [Double]
        /// `[texts]`: the softmax over the texts, 0…1.
        public let probability: [Double]
        /// Its embedding, for the plot.
        public let embedding: [Float]

        /// Makes a row.
        ///
        /// - Parameters:
        ///   - name: What the page calls it, such as its file name.
        ///   - image: The picture.
        ///   - cosine: `[texts]`, −1…1.
        ///   - probability: `[texts]`, 0…1.
        ///   - embedding: Its embedding, for the plot.
        public init(name: String, image: Image, cosine: [Double], probability: [Double], embedding: [Float]) {
            self.name = name
            self.image = image
            self.cosine = cosine
            self.probability = probability
            self.embedding = embedding
        }
    }

    /// What the model is called.
    public let model: String
    /// The texts, in the order of the pictures' numbers.
    public let texts: [String]
    /// `[texts]`: their embeddings, for the plot.
    public let textEmbeddings: [[Float]]
    /// The pictures.
    public let pictures: [Picture]
    /// What was left out, and why.
    public let skipped: [(name: String, reason: String)]

    /// Makes a page.
    ///
    /// - Parameters:
    ///   - model: What the model is called.
    ///   - texts: The texts, in the order of the pictures' numbers.
    ///   - textEmbeddings: Their embeddings, for the plot.
    ///   - pictures: The pictures.
    ///   - skipped: What was left out, and why.
    public init(
        model: String,
        texts: [String],
        textEmbeddings: [[Float]],
        pictures: [Picture],
        skipped: [(name: String, reason: String)] = []
    ) {
        self.model = model
        self.texts = texts
        self.textEmbeddings = textEmbeddings
        self.pictures = pictures
        self.skipped = skipped
    }

    /// The page as one HTML file.
    ///
    /// - Returns: HTML with every name escaped and a policy that forbids loading and running anything.
    /// - Throws: `ImageError` when a thumbnail cannot be made.
    public func html() throws(ImageError) -> String {
        let subtitle = "\(count(pictures.count, "picture")) · \(count(texts.count, "text")) · model \(model)"
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" \
            content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
            <title>Pictures and texts compared · Lienzo</title>
            <style>
            \(Palette.pageVariables)
            \(Self.style)
            </style>
            </head>
            <body>
            <main>
            <h1>Which text fits which picture?</h1>
            <p class="facts">\(Markup.escaped(subtitle))</p>
            <section aria-labelledby="table-title">
            <h2 id="table-title">Probabilities</h2>
            <p>Each row shares 100 % among the texts. The small number is the cosine of the two embeddings.</p>
            <div class="scroll" tabindex="0" role="region" aria-labelledby="table-title">
            \(try table())</div>
            </section>
            <section aria-labelledby="plot-title">
            <h2 id="plot-title">The shared space</h2>
            <p>Pictures and texts as the model places them, seen along the two directions in which they differ most.</p>
            <div class="scroll" tabindex="0" role="region" aria-labelledby="plot-title">
            \(try scatter())</div>
            </section>
            \(leftOut())</main>
            </body>
            </html>

            """
    }

    // MARK: - Parts

    private func table() throws(ImageError) -> String {
        let table = ShadedTable(
            rows: pictures.map(\.name),
            columns: texts,
            values: pictures.map(\.probability),
            range: 0...1
        )
        var thumbnails: [String] = []
        for picture in pictures { thumbnails.append(try Markup.dataAddress(try picture.image.thumbnail(144))) }
        let decimals = ShadedTable(rows: [], columns: [], values: [], format: .decimals(3))
        return table.html(
            caption: "Probability of each text for each picture",
            corner: "Picture",
            thumbnails: thumbnails,
            details: pictures.map { $0.cosine.map { decimals.cell($0) } }
        )
    }

    private func scatter() throws(ImageError) -> String {
        let components = PrincipalComponents(of: pictures.map(\.embedding) + textEmbeddings)
        var points: [Scatter.Point] = []
        for (index, picture) in pictures.enumerated() {
            let place = components.coordinates[index]
            points.append(
                Scatter.Point(
                    label: picture.name,
                    kind: .picture,
                    x: place[0],
                    y: place[1],
                    thumbnail: try picture.image.thumbnail(88)
                )
            )
        }
        for (index, text) in texts.enumerated() where index < textEmbeddings.count {
            let place = components.coordinates[pictures.count + index]
            points.append(Scatter.Point(label: text, kind: .text, x: place[0], y: place[1]))
        }
        let percent = ShadedTable(rows: [], columns: [], values: [])
        let shares = components.explainedVariance.map { percent.cell($0) }
        let plot = Scatter(
            points: points,
            xTitle: "first principal component (\(shares[0]) of the variance)",
            yTitle: "second (\(shares[1]))"
        )
        return try plot.svg(width: 940, height: 640, palette: .page)
    }

    private func leftOut() -> String {
        guard !skipped.isEmpty else { return "" }
        let items = skipped.map { "<li><b>\(Markup.escaped($0.name))</b>: \(Markup.escaped($0.reason))</li>" }
        return "<section aria-labelledby=\"skipped-title\">\n<h2 id=\"skipped-title\">Left out</h2>\n<ul>\n"
            + items.joined(separator: "\n") + "\n</ul>\n</section>\n"
    }

    private func count(_ number: Int, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : "s")"
    }

    private static let style = """
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
        svg{display:block;max-width:none}
        ul{margin:8px 0 0;padding-left:20px}
        li{overflow-wrap:anywhere}
        @media(prefers-color-scheme:dark){.shaded td.deep{color:#0d0c12}}
        """
}

extension Image {
    /// The picture over white, shrunk where a side is longer than `side`.
    func thumbnail(_ side: Int) throws(ImageError) -> Image {
        let flat = flattened(over: .white)
        return max(width, height) <= side ? flat : try flat.fitted(into: side)
    }
}
