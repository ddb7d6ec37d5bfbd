public import LienzoImages

extension ComparePage {
    /// The table and the plot as one drawing, for a slide or a paper.
    ///
    /// - Returns: SVG on white that refers to nothing outside itself.
    /// - Throws: `ImageError` when a thumbnail cannot be made.
    public func svg() throws(ImageError) -> String {
        let layout = TableLayout(pictures: pictures.map(\.name), texts: texts)
        let width = max(layout.width, 860)
        var svg = SVG(
            width: width,
            height: layout.height + Self.plotHeight,
            palette: .light,
            title: title.isEmpty ? language.compare.title : title
        )
        svg.body += svg.text(svg.title, x: 24, y: 36, size: 20, color: svg.palette.ink, isBold: true)
        drawHeadings(&svg, layout)
        for (row, picture) in pictures.enumerated() { try drawRow(&svg, layout, row, picture) }
        let plot = try plot(vertical: 1).svg(width: width, height: Self.plotHeight, palette: .light)
        svg.body += "<svg y=\"\(Markup.number(layout.height))\" \(plot.dropFirst("<svg ".count))"
        return svg.finished
    }

    private static let plotHeight = 560.0

    /// Where the cells of the table are.
    private struct TableLayout {
        static let cell = (width: 112.0, height: 64.0)
        let names: [String]
        let headings: [[String]]

        init(pictures: [String], texts: [String]) {
            names = pictures.map { name in
                TextMetrics.shortened(name) { TextMetrics.width($0, size: 13) <= 150 }
            }
            headings = texts.map { TextMetrics.lines($0, width: Self.cell.width - 12, size: 13, maximumLines: 4) }
        }

        /// The left edge of the first column.
        let left = 260.0
        /// The upper edge of the first row.
        var top: Double { 64 + Double(headings.map(\.count).max() ?? 0) * 17 }
        var width: Double { left + Double(headings.count) * Self.cell.width + 24 }
        var height: Double { top + Double(names.count) * Self.cell.height + 32 }
    }

    private func drawHeadings(_ svg: inout SVG, _ layout: TableLayout) {
        for (column, lines) in layout.headings.enumerated() {
            let x = layout.left + (Double(column) + 0.5) * TableLayout.cell.width
            for (line, text) in lines.enumerated() {
                let y = layout.top - 10 - Double(lines.count - 1 - line) * 17
                svg.body += svg.text(text, x: x, y: y, size: 13, color: svg.palette.ink, anchor: "middle")
            }
        }
    }

    private func drawRow(
        _ svg: inout SVG,
        _ layout: TableLayout,
        _ row: Int,
        _ picture: Picture
    ) throws(ImageError) {
        let cell = TableLayout.cell
        let y = layout.top + Double(row) * cell.height
        let address = try Markup.dataAddress(try picture.image.thumbnail(112))
        svg.body +=
            "<image x=\"24\" y=\"\(Markup.number(y + 4))\" width=\"56\" height=\"56\" href=\"\(address)\"/>\n"
            + svg.text(layout.names[row], x: 92, y: y + 36, size: 13, color: svg.palette.ink)
        let percent = ShadedTable(rows: [], columns: [], values: [])
        for (column, probability) in picture.probability.enumerated() {
            let x = layout.left + Double(column) * cell.width
            let color = Viridis.color(probability)
            let ink = color.wantsBlackInk ? "#000000" : "#ffffff"
            svg.body +=
                "<rect x=\"\(Markup.number(x + 2))\" y=\"\(Markup.number(y + 2))\" "
                + "width=\"\(Markup.number(cell.width - 4))\" height=\"\(Markup.number(cell.height - 4))\" rx=\"6\" "
                + "fill=\"rgb(\(color.red),\(color.green),\(color.blue))\"/>\n"
            let middle = x + cell.width / 2
            svg.body += svg.text(
                percent.cell(probability),
                x: middle,
                y: y + 32,
                size: 15,
                color: ink,
                anchor: "middle"
            )
            svg.body += svg.text(
                Self.cosine(picture.cosine[column]),
                x: middle,
                y: y + 50,
                size: 11,
                color: ink,
                anchor: "middle"
            )
        }
    }
}
