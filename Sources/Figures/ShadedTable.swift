import Foundation
import LienzoImages

/// A table of numbers whose cells are shaded by their value: which picture fits which text, at a glance.
public struct ShadedTable: Sendable {
    /// How a value is written.
    public enum Format: Sendable {
        /// A share of 1 in per cent: `97 %`, `0.4 %`.
        case percent
        /// That many decimals: `0.27`.
        case decimals(Int)
    }

    /// What each row is called.
    public let rows: [String]
    /// What each column is called.
    public let columns: [String]
    /// `[rows, columns]`; NaN is an empty cell.
    public let values: [[Double]]
    /// The values that get no shade and full shade.
    public let range: ClosedRange<Double>
    /// How a value is written.
    public let format: Format

    /// Makes a table.
    ///
    /// - Parameters:
    ///   - rows: What each row is called.
    ///   - columns: What each column is called.
    ///   - values: `[rows, columns]`; NaN is an empty cell.
    ///   - range: The values that get no shade and full shade.
    ///   - format: How a value is written.
    public init(
        rows: [String],
        columns: [String],
        values: [[Double]],
        range: ClosedRange<Double> = 0...1,
        format: Format = .percent
    ) {
        precondition(
            values.count == rows.count && values.allSatisfy { $0.count == columns.count },
            "the table has a value for every row and column"
        )
        self.rows = rows
        self.columns = columns
        self.values = values
        self.range = range
        self.format = format
    }

    /// 0…1: how strongly a value is shaded.
    func share(_ value: Double) -> Double {
        let span = range.upperBound - range.lowerBound
        guard value.isFinite, span > 0 else { return 0 }
        return min(max((value - range.lowerBound) / span, 0), 1)
    }

    /// A value as its cell shows it.
    func cell(_ value: Double) -> String {
        guard value.isFinite else { return "" }
        switch format {
        case .percent:
            let percent = value * 100
            return abs(percent) >= 9.95 || percent == 0
                ? String(format: "%.0f %%", percent) : String(format: "%.1f %%", percent)
        case .decimals(let count):
            return String(format: "%.\(max(count, 0))f", value)
        }
    }

    // MARK: - Terminal

    /// The table as lines of text.
    ///
    /// - Parameters:
    ///   - colors: What the terminal shows. Without colour the highest value of each row is marked with `*`.
    ///   - width: Columns of the terminal. Headings are wrapped to fit; columns that do not fit go below in a further block.
    /// - Returns: Lines that each end in a line break. Control characters in names are replaced, so that a file's name
    ///   cannot command the terminal.
    public func text(colors: TerminalColors, width: Int) -> String {
        let names = rows.map { TextMetrics.shortened(Markup.plain($0)) { $0.columns <= max(width / 3, 12) } }
        let nameWidth = names.map(\.columns).max() ?? 0
        let headings = columns.map(Markup.plain)
        let cells = values.map { $0.map { " " + cell($0) + " " } }
        let narrowest = max(cells.joined().map(\.columns).max() ?? 0, 8) + (colors == .none ? 1 : 0)
        let room = max(width - nameWidth - 1, narrowest)
        let perBlock = max(min(room / narrowest, columns.count), 1)
        // Spread what is left over the headings, but no column wider than its heading needs.
        let widest = min(room / perBlock, 24)

        var text = ""
        for start in stride(from: 0, to: columns.count, by: perBlock) {
            let block = start..<min(start + perBlock, columns.count)
            let widths = block.map { max(narrowest, min(headings[$0].columns + 2, widest)) }
            let wrapped = zip(block, widths).map { index, width in
                TextMetrics.lines(headings[index], maximumLines: 4) { $0.columns <= width - 2 }
            }
            let height = wrapped.map(\.count).max() ?? 0
            if start > 0 { text += "\n" }
            for line in 0..<height {
                text += String(repeating: " ", count: nameWidth + 1)
                for (lines, width) in zip(wrapped, widths) {
                    let shown = line - (height - lines.count)
                    text += centred(shown >= 0 ? lines[shown] : "", in: width)
                }
                text = trimmed(text) + "\n"
            }
            for (row, name) in names.enumerated() {
                text += name + String(repeating: " ", count: nameWidth - name.columns + 1)
                let best = values[row].filter(\.isFinite).max()
                for (index, width) in zip(block, widths) {
                    let isBest = colors == .none && values[row][index] == best
                    let number = cells[row][index].dropLast(isBest ? 1 : 0) + (isBest ? "*" : "")
                    text += shaded(centred(String(number), in: width), values[row][index], colors)
                }
                text = trimmed(text) + "\n"
            }
        }
        return text
    }

    private func centred(_ text: String, in width: Int) -> String {
        let rest = max(width - text.columns, 0)
        return String(repeating: " ", count: rest / 2) + text + String(repeating: " ", count: rest - rest / 2)
    }

    private func trimmed(_ text: String) -> String {
        var text = text
        while text.last == " " { text.removeLast() }
        return text
    }

    private func shaded(_ text: String, _ value: Double, _ colors: TerminalColors) -> String {
        guard colors != .none, value.isFinite else { return text }
        let color = Viridis.color(share(value))
        let (ground, ink): (String, String)
        if colors == .trueColor {
            ground = "48;2;\(color.red);\(color.green);\(color.blue)"
            ink = color.wantsBlackInk ? "38;2;0;0;0" : "38;2;255;255;255"
        } else {
            // The 6 × 6 × 6 cube of xterm's palette has the levels 0, 95, 135, 175, 215, 255.
            func level(_ value: UInt8) -> Int { value < 48 ? 0 : value < 115 ? 1 : (Int(value) - 35) / 40 }
            ground = "48;5;\(16 + 36 * level(color.red) + 6 * level(color.green) + level(color.blue))"
            ink = color.wantsBlackInk ? "38;5;16" : "38;5;231"
        }
        return "\u{1B}[\(ground);\(ink)m\(text)\u{1B}[0m"
    }

    // MARK: - HTML

    /// The table as an HTML `<table>`; a page around it gives `--shade`, `--ink` and `--grid` their colours.
    ///
    /// - Parameters:
    ///   - caption: What the table shows; screen readers say it first.
    ///   - corner: The heading over the names of the rows.
    /// - Returns: HTML in which every name is escaped.
    public func html(caption: String, corner: String = "") -> String {
        html(caption: caption, corner: corner, thumbnails: [], details: [])
    }

    /// The same with a picture before each row's name and a second, smaller line in each cell.
    func html(caption: String, corner: String, thumbnails: [String], details: [[String]]) -> String {
        var html = "<table class=\"shaded\">\n<caption>\(Markup.escaped(caption))</caption>\n<thead><tr>"
        html += "<th scope=\"col\">\(Markup.escaped(corner))</th>"
        for column in columns { html += "<th scope=\"col\">\(Markup.escaped(column))</th>" }
        html += "</tr></thead>\n<tbody>\n"
        for (row, name) in rows.enumerated() {
            html += "<tr><th scope=\"row\"><span class=\"who\">"
            if row < thumbnails.count {
                html +=
                    "<span class=\"thumbnail\"><img src=\"\(thumbnails[row])\" alt=\"Picture \(Markup.escaped(name))\"></span>"
            }
            html += "<span class=\"name\">\(Markup.escaped(name))</span></span></th>"
            let best = values[row].filter(\.isFinite).max()
            for (column, value) in values[row].enumerated() {
                let share = share(value)
                let classes = [value == best ? "best" : "", share > 0.82 ? "deep" : ""].filter { !$0.isEmpty }
                let attribute = classes.isEmpty ? "" : " class=\"\(classes.joined(separator: " "))\""
                html += "<td\(attribute) style=\"--share:\(Markup.number(share))\">\(Markup.escaped(cell(value)))"
                if row < details.count { html += "<small>\(Markup.escaped(details[row][column]))</small>" }
                html += "</td>"
            }
            html += "</tr>\n"
        }
        return html + "</tbody>\n</table>\n"
    }
}
