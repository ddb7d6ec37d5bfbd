/// Undoes what programs do to text on its way: UTF-8 read with the wrong encoding, references of HTML in plain text,
/// curly quotes, ligatures, wide letters, terminal colours, control characters, accents apart from their letters.
///
/// Gives the same as `ftfy.fix_text` with its default configuration for every text. Work is bounded: a text of more
/// than about six thousand characters whose repair would take rounds without end, such as `&amp;amp;amp;…`, is left
/// half repaired.
///
/// Source: ftfy 6.3.1, `fix_text`; Robyn Speer, "ftfy", 2019, doi 10.5281/zenodo.2591652.
struct TextRepair {
    /// The most characters that are repaired as one; lines are always repaired each by itself.
    private static let longestSegment = 1_000_000

    /// What `effort` is unless a caller says so.
    private static let usualEffort = 10_000_000

    /// The most characters that all rounds of the repair of one line may look at.
    private let effort: Int

    /// `text`, repaired line by line.
    ///
    /// - Parameters:
    ///   - text: any text.
    ///   - effort: the most characters that all rounds of the repair of one line may look at; 64 rounds are always made.
    /// - Returns: the repaired text.
    static func repaired(_ text: [Unicode.Scalar], effort: Int = usualEffort) -> [Unicode.Scalar] {
        let repair = TextRepair(effort: effort)
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        // Where a tag has been seen, the text is HTML, and its references are meant.
        var unescapes = true
        var start = 0
        while start < text.count {
            var segment = text[start...].prefix(longestSegment)
            if let lineBreak = segment.firstIndex(of: "\n") { segment = segment[...lineBreak] }
            unescapes = unescapes && !segment.contains("<")
            result += repair.repaired(Array(segment), unescapes: unescapes)
            start = segment.endIndex
        }
        return result
    }

    /// One line, repaired over and over until nothing changes.
    private func repaired(_ line: [Unicode.Scalar], unescapes: Bool) -> [Unicode.Scalar] {
        settled(line) { line in
            let text = unescapes ? HTMLEntities.unescapedWhole(line) : line
            if text.allSatisfy({ " "..."~" ~= $0 || $0 == "\n" || $0 == "\t" }) { return text }
            let simple = Self.removingTerminalEscapes(Self.simplified(decoded(text)))
            return Composition.composed(Self.removingControls(simple), unicode: 14)
        }
    }

    /// `text` after `step` was applied until it changed nothing, or until that has cost too much.
    private func settled(
        _ text: [Unicode.Scalar],
        by step: ([Unicode.Scalar]) -> [Unicode.Scalar]
    ) -> [Unicode.Scalar] {
        var text = text
        for _ in 0..<max(64, effort / max(1, text.count)) {
            let next = step(text)
            if next == text { break }
            text = next
        }
        return text
    }
}

// MARK: - Encodings

extension TextRepair {
    /// `text` with what was decoded wrongly decoded again, as often as it takes.
    ///
    /// Source: ftfy 6.3.1, `fix_encoding_and_explain`.
    private func decoded(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        settled(text, by: decodedOnce)
    }

    private func decodedOnce(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        guard text.contains(where: { !$0.isASCII }) else { return text }
        let mojibake = Mojibake(text)
        guard mojibake.looksWrong else { return text }
        for page in mojibake.codePages {
            var bytes = page.encoded(text)
            if page.losesNoBreakSpaces { bytes = DamagedUTF8.restoringNoBreakSpaces(bytes) }
            if page.isSloppy { bytes = DamagedUTF8.replacingLostCharacters(bytes) }
            if let decoded = DamagedUTF8.decoded(bytes) { return decoded }
        }
        // No code page explains the whole text; perhaps one explains a part of it.
        let inParts = decodingParts(of: mojibake)
        if inParts != text { return inParts }
        return text.map { 0x80...0x9F ~= $0.value ? CodePage.windows1252.decoded[Int($0.value)] : $0 }
    }

    /// The text with each part decoded again that looks like UTF-8 and looks wrong by itself.
    private func decodingParts(of mojibake: Mojibake) -> [Unicode.Scalar] {
        let text = mojibake.text
        var result: [Unicode.Scalar] = []
        var end = 0
        for run in mojibake.runsLikeUTF8() where run.count < text.count {
            let part = Array(text[run])
            guard Mojibake(part).looksWrong else { continue }
            result += text[end..<run.lowerBound]
            result += decoded(part)
            end = run.upperBound
        }
        return result + text[end...]
    }
}

// MARK: - Characters

extension TextRepair {
    private static let replacements = Dictionary(
        HexadecimalList.pairs(MojibakeTables.replacements).compactMap { pair in
            UInt32(pair.name, radix: 16).flatMap(Unicode.Scalar.init).map { ($0, pair.scalars) }
        },
        uniquingKeysWith: { first, _ in first }
    )

    /// `text` with plain characters: see `MojibakeTables.replacements`; every line break is a line feed.
    private static func simplified(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        for (index, scalar) in text.enumerated() {
            if scalar == "\r" {
                if text[safe: index + 1] != "\n" { result.append("\n") }
            } else if !scalar.isASCII, let replacement = replacements[scalar] {
                result += replacement
            } else {
                result.append(scalar)
            }
        }
        return result
    }

    /// `text` without what colours it on a terminal: ESC, `[`, numbers and a letter.
    private static func removingTerminalEscapes(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        guard text.contains("\u{1B}") else { return text }
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        var position = 0
        while position < text.count {
            if text[position] == "\u{1B}", text[safe: position + 1] == "[" {
                let end = text[(position + 2)...].firstIndex { $0 != ";" && !PythonText.isDigit($0) } ?? text.count
                if let letter = text[safe: end], "a"..."z" ~= letter || "A"..."Z" ~= letter {
                    position = end + 1
                    continue
                }
            }
            result.append(text[position])
            position += 1
        }
        return result
    }

    /// `text` without control characters that neither break lines nor make room, and without byte order marks.
    private static func removingControls(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        text.filter { scalar in
            switch scalar.value {
            case 0x00...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x206A...0x206F, 0xFEFF, 0xFFF9...0xFFFC: false
            default: true
            }
        }
    }
}
