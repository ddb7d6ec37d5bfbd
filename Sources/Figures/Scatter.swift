import Foundation
public import LienzoImages

/// Pictures and texts as points of a plane, such as the first two principal components of a shared space.
public struct Scatter: Sendable {
    /// What a point stands for.
    public enum Kind: String, Sendable, CaseIterable {
        /// A picture: its thumbnail where there is one, else a disc.
        case picture
        /// A text: a diamond.
        case text
    }

    /// One point.
    public struct Point: Sendable {
        /// What is written beside it.
        public let label: String
        /// What it stands for.
        public let kind: Kind
        /// Its place, in any unit.
        public let x: Double
        /// Its place, in the unit of `x`, growing upwards.
        public let y: Double
        /// A small picture to show in its place.
        public let thumbnail: Image?

        /// Makes a point.
        ///
        /// - Parameters:
        ///   - label: What is written beside it.
        ///   - kind: What it stands for.
        ///   - x: Its place, in any unit.
        ///   - y: Its place, growing upwards.
        ///   - thumbnail: A small picture to show in its place.
        public init(label: String, kind: Kind, x: Double, y: Double, thumbnail: Image? = nil) {
            self.label = label
            self.kind = kind
            self.x = x.isFinite ? x : 0
            self.y = y.isFinite ? y : 0
            self.thumbnail = thumbnail
        }
    }

    /// The points, in the order in which they are drawn.
    public let points: [Point]
    /// What the horizontal axis is.
    public let xTitle: String
    /// What the vertical axis is.
    public let yTitle: String
    /// The language of the plot's own words.
    public let language: FigureLanguage

    /// Makes a plot of points.
    ///
    /// - Parameters:
    ///   - points: The points, in the order in which they are drawn.
    ///   - xTitle: What the horizontal axis is.
    ///   - yTitle: What the vertical axis is.
    ///   - language: The language of the plot's own words.
    public init(points: [Point], xTitle: String, yTitle: String, language: FigureLanguage = .english) {
        self.language = language
        self.points = points
        self.xTitle = xTitle
        self.yTitle = yTitle
    }

    /// The plot as an SVG file.
    ///
    /// - Parameters:
    ///   - width: In pixels.
    ///   - height: In pixels.
    /// - Returns: SVG on white that refers to nothing outside itself.
    /// - Throws: `ImageError` when a thumbnail cannot be encoded.
    public func svg(width: Double = 860, height: Double = 620) throws(ImageError) -> String {
        try svg(width: width, height: height, palette: .light)
    }

    func svg(width: Double, height: Double, palette: Palette) throws(ImageError) -> String {
        let plot = LabelLayout.Rectangle(x: 46, y: 40, width: max(width - 66, 50), height: max(height - 90, 50))
        let (marks, centers) = layout(in: plot)
        var svg = SVG(width: width, height: height, palette: palette, title: summary)
        drawFrame(&svg, plot)
        drawLegend(&svg, plot)

        var labels = LabelLayout(bounds: plot, marks: marks)
        var texts = ""
        var lines = ""
        for (index, point) in points.enumerated() where !point.label.isEmpty {
            let wrapped = TextMetrics.lines(point.label, width: 150, size: 12, maximumLines: 2)
            let labelWidth = wrapped.map { TextMetrics.width($0, size: 12) }.max() ?? 0
            let place = labels.place(beside: marks[index], width: labelWidth, height: Double(wrapped.count) * 15)
            let color = color(point.kind, palette)
            lines += leader(from: centers[index], mark: marks[index], to: place, color: color)
            for (line, text) in wrapped.enumerated() {
                texts += svg.text(
                    text,
                    x: place.x,
                    y: place.y + 12 + Double(line) * 15,
                    size: 12,
                    color: palette.ink,
                    halo: true
                )
            }
        }
        // Lines lie under the marks, and the words over everything.
        svg.body += lines
        for (index, point) in points.enumerated() {
            svg.body += try mark(point, marks[index], palette)
        }
        svg.body += texts
        return svg.finished
    }

    // MARK: - Parts

    private var summary: String {
        let pictures = points.count { $0.kind == .picture }
        let words = language.compare
        return "\(words.plotSummary): \(pictures) \(words.pictures), \(points.count - pictures) \(words.texts)"
    }

    private func color(_ kind: Kind, _ palette: Palette) -> String {
        kind == .picture ? palette.series[0] : palette.series[1]
    }

    /// Where each point is drawn: one scale for both axes would waste most of the room, so each has its own.
    private func layout(in plot: LabelLayout.Rectangle) -> ([LabelLayout.Rectangle], [(Double, Double)]) {
        func scale(_ values: [Double]) -> (Double) -> Double {
            let (low, high) = (values.min() ?? 0, values.max() ?? 0)
            return { high > low ? ($0 - low) / (high - low) : 0.5 }
        }
        let (across, up) = (scale(points.map(\.x)), scale(points.map(\.y)))
        let side = points.count > 60 ? 22.0 : points.count > 24 ? 32.0 : 44.0
        let margin = side / 2 + 14
        let centers = points.map { point in
            (
                plot.x + margin + across(point.x) * (plot.width - 2 * margin),
                plot.y + plot.height - margin - up(point.y) * (plot.height - 2 * margin)
            )
        }
        let marks = zip(points, centers).map { point, center in
            var (width, height) = (12.0, 12.0)
            if let thumbnail = point.thumbnail {
                let longer = Double(max(thumbnail.width, thumbnail.height))
                width = max(side * Double(thumbnail.width) / longer, 6)
                height = max(side * Double(thumbnail.height) / longer, 6)
            }
            return LabelLayout.Rectangle(
                x: center.0 - width / 2,
                y: center.1 - height / 2,
                width: width,
                height: height
            )
        }
        return (marks, centers)
    }

    private func drawFrame(_ svg: inout SVG, _ plot: LabelLayout.Rectangle) {
        for step in 0...4 {
            let (x, y) = (plot.x + plot.width * Double(step) / 4, plot.y + plot.height * Double(step) / 4)
            svg.line(x, plot.y, x, plot.y + plot.height, color: svg.palette.grid)
            svg.line(plot.x, y, plot.x + plot.width, y, color: svg.palette.grid)
        }
        svg.body += svg.text(
            xTitle,
            x: plot.x + plot.width / 2,
            y: plot.y + plot.height + 30,
            size: 13,
            color: svg.palette.muted,
            anchor: "middle"
        )
        svg.body += svg.text(
            yTitle,
            x: 26,
            y: plot.y + plot.height / 2,
            size: 13,
            color: svg.palette.muted,
            anchor: "middle",
            isTurned: true
        )
    }

    private func drawLegend(_ svg: inout SVG, _ plot: LabelLayout.Rectangle) {
        var x = plot.x
        for kind in Kind.allCases where points.contains(where: { $0.kind == kind }) {
            let place = LabelLayout.Rectangle(x: x, y: 14, width: 12, height: 12)
            svg.body += shape(kind, place, color(kind, svg.palette), svg.palette)
            let name = kind == .picture ? language.compare.picture : language.compare.text
            svg.body += svg.text(name, x: x + 19, y: 24.5, size: 13, color: svg.palette.ink)
            x += 100
        }
    }

    private func mark(_ point: Point, _ place: LabelLayout.Rectangle, _ palette: Palette) throws(ImageError) -> String {
        let color = color(point.kind, palette)
        let title = "<title>\(Markup.escaped(point.label))</title>"
        guard let thumbnail = point.thumbnail else {
            return "<g>\(title)\(shape(point.kind, place, color, palette))</g>"
        }
        let address = try Markup.dataAddress(thumbnail)
        let box =
            "x=\"\(Markup.number(place.x))\" y=\"\(Markup.number(place.y))\" "
            + "width=\"\(Markup.number(place.width))\" height=\"\(Markup.number(place.height))\""
        return "<g>\(title)<image \(box) preserveAspectRatio=\"none\" href=\"\(address)\"/>"
            + "<rect \(box) rx=\"2\" fill=\"none\" stroke=\"\(color)\" stroke-width=\"2\"/></g>\n"
    }

    private func shape(_ kind: Kind, _ place: LabelLayout.Rectangle, _ color: String, _ palette: Palette) -> String {
        let (x, y) = (place.x + place.width / 2, place.y + place.height / 2)
        let style = "fill=\"\(color)\" stroke=\"\(palette.surface)\" stroke-width=\"1.5\""
        switch kind {
        case .picture:
            return "<circle cx=\"\(Markup.number(x))\" cy=\"\(Markup.number(y))\" r=\"6\" \(style)/>\n"
        case .text:
            let corners = [(x, y - 7.5), (x + 7.5, y), (x, y + 7.5), (x - 7.5, y)]
            let list = corners.map { "\(Markup.number($0.0)),\(Markup.number($0.1))" }.joined(separator: " ")
            return "<polygon points=\"\(list)\" \(style)/>\n"
        }
    }

    /// A thin line to a label that had to move away from its point.
    private func leader(
        from center: (Double, Double),
        mark: LabelLayout.Rectangle,
        to label: LabelLayout.Rectangle,
        color: String
    ) -> String {
        let x = min(max(center.0, label.x), label.x + label.width)
        let y = min(max(center.1, label.y), label.y + label.height)
        let (across, down) = (abs(x - center.0) - mark.width / 2, abs(y - center.1) - mark.height / 2)
        guard max(across, down) > 9 else { return "" }
        return "<line x1=\"\(Markup.number(center.0))\" y1=\"\(Markup.number(center.1))\" x2=\"\(Markup.number(x))\" "
            + "y2=\"\(Markup.number(y))\" stroke=\"\(color)\" stroke-width=\"1\" stroke-opacity=\"0.55\"/>\n"
    }
}
