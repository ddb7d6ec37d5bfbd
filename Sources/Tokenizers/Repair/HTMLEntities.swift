/// Character references of HTML, such as `&eacute;` and `&#233;`, and the characters they stand for.
enum HTMLEntities {
    /// Names, as bytes without the semicolon, and what they stand for.
    private static let named: [[UInt8]: [Unicode.Scalar]] = Dictionary(
        HexadecimalList.pairs(HTMLEntityNames.all).map { (Array($0.name.utf8), $0.scalars) },
        uniquingKeysWith: { first, _ in first }
    )

    /// The names that need no semicolon.
    private static let withoutSemicolon = Set(
        HTMLEntityNames.withoutSemicolon.split(separator: " ").map { Array($0.utf8) }
    )

    /// The most characters that a name is looked for in, semicolon not counted.
    private static let longestName = 32

    /// Every reference that a browser would understand becomes its character, also where the semicolon is missing;
    /// of a longer word the longest name it begins with counts, so that `&notit;` is `¬it;`.
    ///
    /// Source: HTML Living Standard, "Numeric character reference end state" and "Named character reference state", as
    /// `html.unescape` of Python 3.11 has them.
    static func unescaped(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        replacing(in: text) { position in
            if text[safe: position + 1] == "#" {
                guard let number = Number(text, at: position + 2) else { return nil }
                let end = text[safe: number.end] == ";" ? number.end + 1 : number.end
                return (number.characters, end)
            }
            let start = position + 1
            var end = start
            while end < text.count, end - start < longestName, !endsName(text[end]) { end += 1 }
            let name = text[start..<end].prefix { $0.isASCII }.map { UInt8(truncatingIfNeeded: $0.value) }
            if name.count == end - start, text[safe: end] == ";", let characters = named[name] {
                return (characters, end + 1)
            }
            for count in stride(from: name.count, through: 2, by: -1) {
                let shorter = Array(name.prefix(count))
                if withoutSemicolon.contains(shorter), let characters = named[shorter] {
                    return (characters, start + count)
                }
            }
            return nil
        }
    }

    /// Only references that end in a semicolon become their character; names of small letters are also understood in
    /// capitals, as the capital of their character, where that can mean nothing else.
    ///
    /// The semicolon itself stays a reference.
    ///
    /// Source: ftfy 6.3.1, `fixes.unescape_html`.
    static func unescapedWhole(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        replacing(in: text) { position in
            let isNumber = text[safe: position + 1] == "#"
            let start = isNumber ? position + 2 : position + 1
            var name: [UInt8] = []
            while name.count < 25, let scalar = text[safe: start + name.count], isAlphanumeric(scalar) {
                name.append(UInt8(truncatingIfNeeded: scalar.value))
            }
            let end = start + name.count
            guard 1...24 ~= name.count, text[safe: end] == ";" else { return nil }
            if isNumber {
                guard let number = Number(text, at: start), number.end == end, number.characters != [";"] else {
                    return nil
                }
                return (number.characters, end + 1)
            }
            return (named[name] ?? capitals(name)).map { ($0, end + 1) }
        }
    }

    /// What a name in capitals stands for that is only known in small letters.
    private static func capitals(_ name: [UInt8]) -> [Unicode.Scalar]? {
        let small = name.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }
        guard !name.contains(where: { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 }), let characters = named[small],
            !name.indices.contains(where: { withoutSemicolon.contains(Array(name[...$0])) })
        else { return nil }
        return characters.flatMap { $0.properties.uppercaseMapping.unicodeScalars }
    }

    /// The text with each reference replaced that `reference` finds at an ampersand.
    private static func replacing(
        in text: [Unicode.Scalar],
        reference: (_ ampersand: Int) -> (characters: [Unicode.Scalar], end: Int)?
    ) -> [Unicode.Scalar] {
        guard var position = text.firstIndex(of: "&") else { return text }
        var result = Array(text[..<position])
        result.reserveCapacity(text.count)
        while position < text.count {
            if text[position] == "&", let found = reference(position) {
                result += found.characters
                position = found.end
            } else {
                result.append(text[position])
                position += 1
            }
        }
        return result
    }

    private static func endsName(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "\t", "\n", "\u{C}", " ", "<", "&", "#", ";": true
        default: false
        }
    }

    private static func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9": true
        default: false
        }
    }
}

extension HTMLEntities {
    /// The number of a reference, `233` or `xE9`, as the characters it stands for.
    private struct Number {
        let characters: [Unicode.Scalar]
        /// The position after the last digit.
        let end: Int

        init?(_ text: [Unicode.Scalar], at start: Int) {
            let isHexadecimal = text[safe: start] == "x" || text[safe: start] == "X"
            let radix: UInt32 = isHexadecimal ? 16 : 10
            let first = isHexadecimal ? start + 1 : start
            var end = first
            var value: UInt32 = 0
            while let digit = text[safe: end].flatMap({ Self.digit($0, radix: radix) }) {
                // Whatever is beyond the last scalar stays there.
                value = min(value * radix + digit, 0x11_0000)
                end += 1
            }
            guard end > first else { return nil }
            characters = Self.characters(value)
            self.end = end
        }

        private static func digit(_ scalar: Unicode.Scalar, radix: UInt32) -> UInt32? {
            switch scalar {
            case "0"..."9": scalar.value - 0x30
            case "a"..."f" where radix == 16: scalar.value - 0x61 + 10
            case "A"..."F" where radix == 16: scalar.value - 0x41 + 10
            default: nil
            }
        }

        /// What a number stands for: C1 controls are meant as windows-1252, what is no text vanishes, and what is no
        /// scalar is the replacement character.
        private static func characters(_ value: UInt32) -> [Unicode.Scalar] {
            switch value {
            case 0: return ["\u{FFFD}"]
            case 0x80...0x9F: return [CodePage.windows1252.decoded[Int(value)]]
            case 0x1...0x8, 0xB, 0xE...0x1F, 0x7F, 0xFDD0...0xFDEF: return []
            case _ where value <= 0x10FFFF && value & 0xFFFE == 0xFFFE: return []
            default: return [Unicode.Scalar(value) ?? "\u{FFFD}"]
            }
        }
    }
}

extension Array {
    /// The element at `index`, or `nil` beyond the ends.
    subscript(safe index: Int) -> Element? {
        indices.contains(index) ? self[index] : nil
    }
}
