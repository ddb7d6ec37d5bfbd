/// Cleans text for a CLIP tokenizer and finds the special tokens in it that do not wait for the words.
struct CLIPCleaner: Sendable {
    /// A token that is found in text as it is.
    struct Token: Sendable {
        let text: [Unicode.Scalar]
        let id: Int32
    }

    /// A part of a cleaned text: plain, or a special token.
    struct Part: Sendable {
        let text: [Unicode.Scalar]
        /// The special token that it is.
        var id: Int32?
    }

    private let cleaning: CLIPTokenizerConfiguration.Cleaning
    /// Tokens by their first scalar, longest first: those that are looked for before and after cleaning.
    private let early: [Unicode.Scalar: [Token]]
    private let late: [Unicode.Scalar: [Token]]

    /// A cleaner for one way of cleaning.
    ///
    /// - Parameters:
    ///   - cleaning: whose way it is.
    ///   - tokens: where text is composed, the tokens to find in it, and their ids.
    init(
        _ cleaning: CLIPTokenizerConfiguration.Cleaning,
        tokens: [(token: CLIPTokenizerConfiguration.AddedToken, id: Int32)] = []
    ) {
        func byFirstScalar(_ tokens: [Token]) -> [Unicode.Scalar: [Token]] {
            var result: [Unicode.Scalar: [Token]] = [:]
            for token in tokens { if let first = token.text.first { result[first, default: []].append(token) } }
            return result.mapValues { $0.sorted { $0.text.count > $1.text.count } }
        }
        self.cleaning = cleaning
        let (earlyTokens, lateTokens) = (
            tokens.filter { !$0.token.isNormalized }, tokens.filter(\.token.isNormalized)
        )
        early = byFirstScalar(earlyTokens.map { Token(text: Array($0.token.content.unicodeScalars), id: $0.id) })
        late = byFirstScalar(
            lateTokens.map { Token(text: Self.composed(Array($0.token.content.unicodeScalars)), id: $0.id) }
        )
    }

    /// The cleaned text in parts, none of which is empty.
    func parts(of text: String) -> [Part] {
        let text = Array(text.unicodeScalars)
        switch cleaning {
        case .repairing:
            let cleaned = Self.repaired(text)
            return cleaned.isEmpty ? [] : [Part(text: cleaned)]
        case .composing:
            return split(text, by: early).flatMap { part in
                part.id == nil ? split(Self.composed(part.text), by: late) : [part]
            }
        }
    }

    /// Source: open_clip 3.3.0, `_clean_lower` of `tokenizer.py`.
    private static func repaired(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        // Text of web pages is often escaped twice.
        let unescaped = HTMLEntities.unescaped(HTMLEntities.unescaped(TextRepair.repaired(text)))
        return PythonText.lowercased(PythonText.collapsingWhitespace(unescaped))
    }

    /// Composes what Unicode 9 has, and lower-cases what Unicode 17 has, each character by itself.
    ///
    /// Source: transformers 5.23, `tokenization_clip.py`, with the Unicode tables of tokenizers 0.23.
    private static func composed(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        var followsSpace = false
        for scalar in Composition.composed(text, unicode: 9) {
            let isSpace = scalar.properties.isWhitespace
            if !isSpace {
                appendLowercased(scalar, to: &result)
            } else if !followsSpace {
                result.append(" ")
            }
            followsSpace = isSpace
        }
        return result
    }

    /// Appends a character as tokenizers lower-cases it, whatever stands beside it.
    static func appendLowercased(_ scalar: Unicode.Scalar, to result: inout [Unicode.Scalar]) {
        if scalar.isASCII {
            result.append("A"..."Z" ~= scalar ? Unicode.Scalar(UInt8(scalar.value) | 0x20) : scalar)
        } else if scalar.isAssigned(inUnicode: 17) {
            result += scalar.properties.lowercaseMapping.unicodeScalars
        } else {
            result.append(scalar)
        }
    }

    /// The text around tokens and the tokens themselves: of those that begin at one place the longest.
    private func split(_ text: [Unicode.Scalar], by tokens: [Unicode.Scalar: [Token]]) -> [Part] {
        guard !tokens.isEmpty else { return text.isEmpty ? [] : [Part(text: text)] }
        var parts: [Part] = []
        var start = 0
        var position = 0
        while position < text.count {
            guard let token = tokens[text[position]]?.first(where: { text[position...].starts(with: $0.text) }) else {
                position += 1
                continue
            }
            if start < position { parts.append(Part(text: Array(text[start..<position]))) }
            parts.append(Part(text: token.text, id: token.id))
            position += token.text.count
            start = position
        }
        if start < text.count { parts.append(Part(text: Array(text[start...]))) }
        return parts
    }
}
