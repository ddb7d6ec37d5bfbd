/// The classes by which CLIP splits text into words, as one of the two references knows them.
///
/// The one knows the letters and numbers of Unicode 16, the other later ones too. A test compares every scalar.
enum CLIPCharacters: Sendable {
    /// The classes of the Python module regex 2026.11.19, where case is ignored.
    case regex
    /// The classes of Oniguruma in Hugging Face tokenizers 0.23.
    case oniguruma

    /// What a character is to the split pattern.
    enum Class: Sendable {
        case letter, number, whitespace, other
        /// In no class at all, and so in no word.
        case none
    }

    func `class`(of scalar: Unicode.Scalar) -> Class {
        if scalar.isASCII {
            switch scalar {
            case "a"..."z", "A"..."Z": return .letter
            case "0"..."9": return .number
            case "\t"..."\r", " ": return .whitespace
            default: return .other
            }
        }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
            if scalar.isAssigned(inUnicode: 16) { return .letter }
        case .decimalNumber, .letterNumber, .otherNumber:
            if scalar.isAssigned(inUnicode: 16) { return .number }
        default:
            if scalar.properties.isWhitespace { return .whitespace }
        }
        switch self {
        case .regex:
            // Ypogegrammeni, a mark, is also the small form of a letter: where case is ignored, "no letter" leaves it
            // out, and "letter" does not take it in.
            return scalar == "\u{345}" ? .none : Self.young[scalar]
        case .oniguruma:
            return .other
        }
    }

    private static let young: ScalarTable<Class> = {
        var table = ScalarTable(repeating: Class.other)
        for scalar in HexadecimalList.scalars(YoungCharacters.letters) { table[scalar] = .letter }
        for scalar in HexadecimalList.scalars(YoungCharacters.numbers) { table[scalar] = .number }
        return table
    }()
}
