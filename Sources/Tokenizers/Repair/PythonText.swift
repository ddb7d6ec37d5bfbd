/// What strings of Python 3.11 do, where Swift's own do otherwise.
///
/// Python 3.11 knows the characters of Unicode 14; what is younger has no class and no other case there.
///
/// Source: CPython 3.11, `Objects/unicodectype.c` and `do_lower` of `Objects/unicodeobject.c`.
enum PythonText {
    /// What `str.isspace` holds for, and `\s` of `re`: four control characters more than in Unicode.
    static func isWhitespace(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000:
            true
        default:
            false
        }
    }

    /// What `\w` of `re` holds for: letters, whatever has a number, and the low line.
    static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII {
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "_": return true
            default: return false
            }
        }
        guard isKnown(scalar) else { return false }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
            .letterNumber, .otherNumber:
            return true
        default:
            return scalar.properties.numericType != nil
        }
    }

    /// What `\d` of `re` holds for: the decimal digits of every script.
    static func isDigit(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return "0"..."9" ~= scalar }
        return scalar.properties.generalCategory == .decimalNumber && isKnown(scalar)
    }

    /// `str.split` and `str.join` with one space: whitespace at the ends goes, between words one space stays.
    static func collapsingWhitespace(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        text.split(whereSeparator: isWhitespace).reduce(into: []) { result, word in
            if !result.isEmpty { result.append(" ") }
            result += word
        }
    }

    /// `str.lower`: İ becomes two scalars, and a capital sigma at the end of a word a final one.
    static func lowercased(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        for (index, scalar) in text.enumerated() {
            if scalar.isASCII {
                result.append("A"..."Z" ~= scalar ? Unicode.Scalar(UInt8(scalar.value) | 0x20) : scalar)
            } else if scalar == "\u{3A3}" {
                result.append(endsWord(text, at: index) ? "\u{3C2}" : "\u{3C3}")
            } else if isKnown(scalar) {
                result += scalar.properties.lowercaseMapping.unicodeScalars
            } else {
                result.append(scalar)
            }
        }
        return result
    }

    /// Whether a letter stands before the sigma at `index` and none after it; accents and the like do not count.
    private static func endsWord(_ text: [Unicode.Scalar], at index: Int) -> Bool {
        guard let before = text[..<index].last(where: { !isCaseIgnorable($0) }), isCased(before) else { return false }
        guard let after = text[(index + 1)...].first(where: { !isCaseIgnorable($0) }) else { return true }
        return !isCased(after)
    }

    // Unicode changed its mind about one letter and one mark since version 14.

    static func isCased(_ scalar: Unicode.Scalar) -> Bool {
        (scalar.properties.isCased && isKnown(scalar)) || scalar == "\u{295}"
    }

    static func isCaseIgnorable(_ scalar: Unicode.Scalar) -> Bool {
        (scalar.properties.isCaseIgnorable && isKnown(scalar)) || scalar == "\u{1171E}"
    }

    private static func isKnown(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII || scalar.isAssigned(inUnicode: 14)
    }
}

extension Unicode.Scalar {
    /// Whether version `major` of Unicode, or one of its minor versions, or one before it has this character.
    func isAssigned(inUnicode major: Int) -> Bool {
        guard let age = properties.age else { return false }
        return age.major <= major
    }
}
