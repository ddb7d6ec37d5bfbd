/// The classes of characters by which BERT cleans and splits text.
///
/// The reference classifies by the tables of Unicode 8, so a character that is younger than that has no class here,
/// and the few whose class has changed since are listed. A test compares every Unicode scalar with the reference.
///
/// Source: Hugging Face tokenizers, `normalizers/bert.rs` and `pre_tokenizers/bert.rs`, with the tables of the crate
/// `unicode_categories` 0.1.1.
enum BertCharacters {
    /// Control and format characters, private use, NUL and the replacement character: dropped.
    static func isRemoved(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII {
            return (scalar.value < 0x20 && !isWhitespace(scalar)) || scalar.value == 0x7F
        }
        switch scalar.properties.generalCategory {
        case .control, .privateUse: return true
        case .format: return isInUnicode8(scalar)
        default: return scalar == "\u{FFFD}"
        }
    }

    /// What separates words, among the characters that are not removed.
    static func isWhitespace(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case " ", "\t", "\n", "\r": true
        default: !scalar.isASCII && scalar.properties.isWhitespace
        }
    }

    /// Chinese characters, by block.
    ///
    /// One block begins at U+2B920 in the reference, not at U+2B820 where Unicode has it.
    static func isIdeograph(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
            0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            true
        default:
            false
        }
    }

    /// Accents and other marks that take no room of their own; dropped where accents are stripped.
    static func isNonspacingMark(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar.value >= 0x300 else { return false }
        switch scalar.value {
        case 0x1734, 0x1171E: return true
        case 0x1885, 0x1886, 0xA9BD, 0x111C9: return false
        default: return scalar.properties.generalCategory == .nonspacingMark && isInUnicode8(scalar)
        }
    }

    /// Punctuation, each of which is a word of its own; ASCII symbols such as `$` and `+` count.
    static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII {
            switch scalar {
            case "!"..."/", ":"..."@", "["..."`", "{"..."~": return true
            default: return false
            }
        }
        switch scalar.properties.generalCategory {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            return isInUnicode8(scalar)
        default:
            return scalar.value == 0x166D || scalar.value == 0x111C9
        }
    }

    private static func isInUnicode8(_ scalar: Unicode.Scalar) -> Bool {
        guard let age = scalar.properties.age else { return false }
        return age.major < 8 || (age.major == 8 && age.minor == 0)
    }
}
