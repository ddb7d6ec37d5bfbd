/// How wide text will be, closely enough to lay out labels and captions.
///
/// The font that draws the text in the end belongs to the browser or to librsvg. DejaVu Sans, which Debian installs with
/// libvips, is wider than most, so what fits by its measures fits.
enum TextMetrics {
    /// The advance of each printable ASCII character, space first, in thousandths of the font size.
    ///
    /// Source: the `hmtx` table of DejaVu Sans 2.37.
    private static let advances: [Int] = [
        318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636,
        636,
        636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557,
        863,
        748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550,
        635,
        615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525,
        636,
        337, 636, 838,
    ]

    /// The width of one line of text in the unit of `size`.
    static func width(_ text: String, size: Double) -> Double {
        text.reduce(0) { $0 + advance($1) } * size / 1_000
    }

    private static func advance(_ character: Character) -> Double {
        guard let scalar = character.unicodeScalars.first else { return 0 }
        if (0x20..<0x7F).contains(scalar.value) { return Double(advances[Int(scalar.value) - 0x20]) }
        return character.columns == 2 ? 1_100 : 640
    }

    /// Breaks text into lines between words, and inside a word that is longer than a line.
    ///
    /// - Parameters:
    ///   - text: Any text; white space of any kind separates words.
    ///   - width: The longest line, in the unit of `size`.
    ///   - size: The font size.
    ///   - maximumLines: When more are needed, the last ends in "…".
    /// - Returns: The lines, none of them empty; no line for no word.
    static func lines(_ text: String, width: Double, size: Double, maximumLines: Int) -> [String] {
        lines(text, maximumLines: maximumLines) { self.width($0, size: size) <= width }
    }

    /// The same by any measure: `fits` says whether a line is short enough.
    static func lines(_ text: String, maximumLines: Int, fits: (String) -> Bool) -> [String] {
        var words = text.split(whereSeparator: \.isWhitespace).map(String.init)[...]
        var lines: [String] = []
        while let word = words.popFirst() {
            if let last = lines.last, fits(last + " " + word) {
                lines[lines.count - 1] = last + " " + word
                continue
            }
            guard lines.count < maximumLines else {
                lines[lines.count - 1] = shortened(lines[lines.count - 1] + "…", fits: fits)
                break
            }
            // At least one character goes on each line, so this ends.
            var head = word
            while head.count > 1, !fits(head) { head.removeLast() }
            lines.append(head)
            if head.count < word.count { words = [String(word.dropFirst(head.count))] + words }
        }
        return lines
    }

    /// Takes characters from before the final "…" until it fits.
    static func shortened(_ text: String, fits: (String) -> Bool) -> String {
        if fits(text) { return text }
        var stem = text.hasSuffix("…") ? String(text.dropLast()) : text
        while !stem.isEmpty, !fits(stem + "…") { stem.removeLast() }
        return stem + "…"
    }
}

extension Character {
    /// How many columns a terminal gives it: 2 for East Asian wide characters and emoji, 0 for none, else 1.
    var columns: Int {
        guard let scalar = unicodeScalars.first else { return 0 }
        if scalar.properties.isEmojiPresentation || unicodeScalars.contains("\u{FE0F}") { return 2 }
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE4F, 0xFF00...0xFF60,
            0xFFE0...0xFFE6, 0x20000...0x3FFFD:
            return 2
        default:
            switch scalar.properties.generalCategory {
            case .nonspacingMark, .enclosingMark, .format, .control: return 0
            default: return 1
            }
        }
    }
}

extension String {
    /// How many columns a terminal gives the text.
    var columns: Int { reduce(0) { $0 + $1.columns } }
}
