/// Splits cleaned text into words: special tokens, English contractions, runs of letters, single digits, runs of
/// anything else; whitespace separates.
///
/// Source: the pattern of `SimpleTokenizer` in OpenAI's CLIP, `simple_tokenizer.py`, and of open_clip 3.3.0, applied by
/// the module regex with its case ignored; the same pattern in transformers 5.23, `tokenization_clip.py`, applied by
/// Oniguruma and then by the pattern of `ByteLevel`.
struct CLIPWords: Sendable {
    let characters: CLIPCharacters
    /// Texts that are one word wherever a word begins with them.
    let specialTexts: [[Unicode.Scalar]]

    /// The contractions, in small letters, after the apostrophe.
    private static let contractions = ["s", "t", "re", "ve", "m", "ll", "d"].map { Array($0.unicodeScalars) }

    /// The first word at or after `position`, as a range of `text`, or `nil` when there is none.
    func next(in text: [Unicode.Scalar], from position: Int) -> Range<Int>? {
        var start = position
        while start < text.count {
            if let special = specialTexts.first(where: { matches($0, in: text, at: start) }) {
                return start..<start + special.count
            }
            let kind = characters.class(of: text[start])
            switch kind {
            case .whitespace, .none:
                start += 1
                continue
            case .number:
                return start..<start + 1
            case .letter:
                return start..<end(of: kind, in: text, from: start)
            case .other:
                if text[start] == "'",
                    let ending = Self.contractions.first(where: { matches($0, in: text, at: start + 1) })
                {
                    return start..<start + 1 + ending.count
                }
                return start..<end(of: kind, in: text, from: start)
            }
        }
        return nil
    }

    /// The parts of a word that are encoded each by itself.
    ///
    /// `ByteLevel` splits the words once more, and knows no special text.
    func parts(of word: Range<Int>, in text: [Unicode.Scalar]) -> [Range<Int>] {
        guard characters == .oniguruma, word.count > 1, characters.class(of: text[word.lowerBound]) == .other,
            text[word.lowerBound] != "'" || characters.class(of: text[word.lowerBound + 1]) == .other
        else { return [word] }
        var parts: [Range<Int>] = []
        var start = word.lowerBound
        while start < word.upperBound {
            let end = min(end(of: characters.class(of: text[start]), in: text, from: start), word.upperBound)
            parts.append(start..<end)
            start = end
        }
        return parts
    }

    private func end(of kind: CLIPCharacters.Class, in text: [Unicode.Scalar], from start: Int) -> Int {
        var end = start + 1
        while end < text.count, characters.class(of: text[end]) == kind { end += 1 }
        return end
    }

    private func matches(_ pattern: [Unicode.Scalar], in text: [Unicode.Scalar], at start: Int) -> Bool {
        guard pattern.count <= text.count - start else { return false }
        return zip(pattern, text[start...]).allSatisfy { $0 == $1 || (characters == .regex && $0 == Self.small($1)) }
    }

    /// A letter where case is ignored; the long s is an s.
    private static func small(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar {
        case "A"..."Z": Unicode.Scalar(UInt8(truncatingIfNeeded: scalar.value) | 0x20)
        case "\u{17F}": "s"
        default: scalar
        }
    }
}
