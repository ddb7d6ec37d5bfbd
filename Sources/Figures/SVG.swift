/// An SVG drawing while it is being written.
struct SVG {
    let width: Double
    let height: Double
    let palette: Palette
    /// What a screen reader says of it.
    let title: String
    var body = ""

    init(width: Double, height: Double, palette: Palette, title: String) {
        self.width = width
        self.height = height
        self.palette = palette
        self.title = title
    }

    /// The whole drawing on its background.
    var finished: String {
        let (w, h) = (Markup.number(width), Markup.number(height))
        return """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(w)" height="\(h)" viewBox="0 0 \(w) \(h)" role="img" \
            aria-label="\(Markup.escaped(title))" font-family="\(Palette.fonts)">
            <rect width="\(w)" height="\(h)" fill="\(palette.surface)"/>
            \(body)</svg>

            """
    }

    mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, color: String) {
        body +=
            "<line x1=\"\(Markup.number(x1))\" y1=\"\(Markup.number(y1))\" x2=\"\(Markup.number(x2))\" "
            + "y2=\"\(Markup.number(y2))\" stroke=\"\(color)\" stroke-width=\"1\"/>\n"
    }

    /// One line of text with its baseline at `y`.
    ///
    /// - Parameters:
    ///   - text: Any text; it is escaped here.
    ///   - x: Where its anchor is.
    ///   - y: Where its baseline is.
    ///   - size: Font size in pixels.
    ///   - color: Its fill.
    ///   - anchor: `start`, `middle` or `end`.
    ///   - isBold: Whether it is bold.
    ///   - isTurned: Whether it runs upwards.
    ///   - halo: Whether the background shows around the letters, so that lines under them do not disturb.
    /// - Returns: A `<text>` element.
    func text(
        _ text: String,
        x: Double,
        y: Double,
        size: Double,
        color: String,
        anchor: String = "start",
        isBold: Bool = false,
        isTurned: Bool = false,
        halo: Bool = false
    ) -> String {
        var attributes =
            "x=\"\(Markup.number(x))\" y=\"\(Markup.number(y))\" font-size=\"\(Markup.number(size))\" "
            + "fill=\"\(color)\" text-anchor=\"\(anchor)\""
        if isBold { attributes += " font-weight=\"600\"" }
        if isTurned { attributes += " transform=\"rotate(-90 \(Markup.number(x)) \(Markup.number(y)))\"" }
        if halo {
            attributes +=
                " stroke=\"\(palette.surface)\" stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\""
        }
        return "<text \(attributes)>\(Markup.escaped(text))</text>\n"
    }
}
