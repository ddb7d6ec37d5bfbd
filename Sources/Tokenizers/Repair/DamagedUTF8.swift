/// Bytes that would be UTF-8 if some had not been lost on the way, and two relatives of UTF-8.
enum DamagedUTF8 {
    /// The bytes with 0xA0 put back where a space stands in its place within a character.
    ///
    /// Nothing happens where no character is damaged so.
    ///
    /// Source: ftfy 6.3.1, `fixes.restore_byte_a0`.
    static func restoringNoBreakSpaces(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.indices.contains(where: { lengthWithSpace(bytes, at: $0) != nil }) else { return bytes }
        var result = separatingGraveWords(bytes)
        var position = 0
        while position < result.count {
            guard let length = lengthWithSpace(result, at: position) else {
                position += 1
                continue
            }
            for index in position..<position + length where result[index] == space { result[index] = 0xA0 }
            position += length
        }
        return result
    }

    /// The bytes with U+FFFD for each character of which bytes were lost: those that became 0x1A, and at most one that
    /// became a question mark.
    ///
    /// Source: ftfy 6.3.1, `fixes.replace_lossy_sequences`.
    static func replacingLostCharacters(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.contains(where: { $0 == lost || $0 == questionMark }) else { return bytes }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var position = 0
        while position < bytes.count {
            if let length = lengthWithLoss(bytes, at: position) {
                result += [0xEF, 0xBF, 0xBD]
                position += length
            } else {
                result.append(bytes[position])
                position += 1
            }
        }
        return result
    }

    private static let space = UInt8(ascii: " ")
    private static let questionMark = UInt8(ascii: "?")
    private static let lost: UInt8 = 0x1A

    /// The length of a character in which a space must have been 0xA0, where that gives likely characters.
    ///
    /// Of two bytes only the starts of frequent letters count. A space does not follow 0xE0 or 0xE1 directly, and 0x85
    /// does not go with it, because an ellipsis may have been there.
    private static func lengthWithSpace(_ bytes: [UInt8], at position: Int) -> Int? {
        let rest = bytes[position...].prefix(4).dropFirst()
        guard let second = rest.first else { return nil }
        switch bytes[position] {
        case 0xC2, 0xC3, 0xC5, 0xCE, 0xD0, 0xD9:
            return second == space ? 2 : nil
        case 0xE0...0xE3:
            guard rest.count >= 2 else { return nil }
            let third = bytes[position + 2]
            func fits(_ byte: UInt8) -> Bool { 0x80...0xBF ~= byte && byte != 0x85 && byte != 0xA0 }
            if second == space { return bytes[position] >= 0xE2 && fits(third) ? 3 : nil }
            return fits(second) && third == space ? 3 : nil
        case 0xF0:
            guard rest.count == 3, rest.allSatisfy({ $0 == space || isContinuation($0) }) else { return nil }
            return rest.count(where: { $0 == space }) == 1 ? 4 : nil
        default:
            return nil
        }
    }

    /// The bytes with "à " wherever 0xC3 and a space begin no Portuguese contraction: there "à" is a word and the space
    /// separates it from the next.
    private static func separatingGraveWords(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        for (index, byte) in bytes.enumerated() {
            result.append(byte)
            guard byte == 0xC3, index + 1 < bytes.count, bytes[index + 1] == space else { continue }
            let next = bytes[(index + 2)...]
            let isContraction = [" ", "quele", "quela", "quilo", "s "].contains { next.starts(with: $0.utf8) }
            if !isContraction { result.append(0xA0) }
        }
        return result
    }

    /// The length of a character of which at least one byte was lost.
    private static func lengthWithLoss(_ bytes: [UInt8], at position: Int) -> Int? {
        let first = bytes[position]
        func isLost(_ byte: UInt8) -> Bool { byte == lost || byte == questionMark }
        func rest(_ count: Int) -> ArraySlice<UInt8>? {
            let rest = bytes[(position + 1)...].prefix(count)
            let isWhole = rest.count == count && rest.allSatisfy { isLost($0) || isContinuation($0) }
            let isDamaged = rest.contains(where: isLost) && rest.count(where: { $0 == questionMark }) <= 1
            return isWhole && isDamaged ? rest : nil
        }
        switch first {
        case lost:
            return 1
        case 0xC2...0xDF:
            guard let second = rest(1)?.first else { return nil }
            return second == lost || first <= 0xC3 ? 2 : nil
        case 0xE0...0xEF:
            if first == 0xED, losesSurrogates(bytes[position...].prefix(6)) { return 6 }
            return rest(2) == nil ? nil : 3
        case 0xF0...0xF4:
            return rest(3) == nil ? nil : 4
        default:
            return nil
        }
    }

    /// Whether these are two surrogates, three bytes each, of which one last byte or both were lost.
    private static func losesSurrogates(_ bytes: ArraySlice<UInt8>) -> Bool {
        let bytes = Array(bytes)
        guard bytes.count == 6, 0xA0...0xAF ~= bytes[1], bytes[3] == 0xED, 0xB0...0xBF ~= bytes[4] else { return false }
        let ends = [bytes[2], bytes[5]]
        return ends.allSatisfy { $0 == lost || $0 == questionMark || isContinuation($0) }
            && ends.contains { $0 == lost || $0 == questionMark }
    }

    private static func isContinuation(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }
}

extension DamagedUTF8 {
    /// The text of bytes that are UTF-8, or would be but for two habits: surrogates with three bytes each (CESU-8) and
    /// the zero as two bytes (Java); `nil` where they are neither.
    ///
    /// The reference matches what is cut off at the end, and there takes a final line feed for the missing byte; so does
    /// this.
    ///
    /// Source: ftfy 6.3.1, `bad_codecs/utf8_variants.py`.
    static func decoded(_ bytes: [UInt8]) -> [Unicode.Scalar]? {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(bytes.count)
        var position = 0
        while position < bytes.count {
            let first = bytes[position]
            if first < 0x80 {
                result.append(Unicode.Scalar(first))
                position += 1
                continue
            }
            guard let (scalar, count) = plain(bytes, at: position) ?? variant(bytes, at: position) else { return nil }
            result.append(scalar)
            position += count
        }
        return result
    }

    /// The character at a position and its length, in UTF-8 as it is defined.
    private static func plain(_ bytes: [UInt8], at position: Int) -> (Unicode.Scalar, Int)? {
        let (count, least, mask): (Int, UInt32, UInt8)
        switch bytes[position] {
        case 0xC2...0xDF: (count, least, mask) = (2, 0x80, 0x1F)
        case 0xE0...0xEF: (count, least, mask) = (3, 0x800, 0x0F)
        case 0xF0...0xF4: (count, least, mask) = (4, 0x10000, 0x07)
        default: return nil
        }
        guard bytes.count - position >= count else { return nil }
        var value = UInt32(bytes[position] & mask)
        for byte in bytes[position + 1..<position + count] {
            guard isContinuation(byte) else { return nil }
            value = value << 6 | UInt32(byte & 0x3F)
        }
        guard value >= least, let scalar = Unicode.Scalar(value) else { return nil }
        return (scalar, count)
    }

    /// The character at a position and its length, in one of the two other ways.
    private static func variant(_ bytes: [UInt8], at position: Int) -> (Unicode.Scalar, Int)? {
        func isFinalLineFeed(_ index: Int) -> Bool { index == bytes.count - 1 && bytes[index] == UInt8(ascii: "\n") }
        let length = bytes.count - position
        if length >= 2, bytes[position] == 0xC0, bytes[position + 1] == 0x80 || isFinalLineFeed(position + 1) {
            return ("\0", 2)
        }
        guard length >= 6 else { return nil }
        let pair = bytes[position..<position + 6].map { UInt32($0) }
        guard pair[0] == 0xED, 0xA0...0xAF ~= pair[1], 0x80...0xBF ~= pair[2], pair[3] == 0xED, 0xB0...0xBF ~= pair[4],
            0x80...0xBF ~= pair[5] || isFinalLineFeed(position + 5)
        else { return nil }
        let high = (pair[1] & 0x0F) << 6 | pair[2] & 0x3F
        let low = (pair[4] & 0x0F) << 6 | pair[5] & 0x3F
        return Unicode.Scalar(0x10000 + (high << 10 | low)).map { ($0, 6) }
    }
}
