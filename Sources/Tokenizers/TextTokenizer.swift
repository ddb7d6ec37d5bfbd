/// Turns text into the numbers a text encoder reads.
///
/// A tokenizer is a value that any task may use at the same time.
package protocol TextTokenizer: Sendable {
    /// The tokens of `text`, cut or padded to exactly `length`.
    ///
    /// Every text is accepted, also the empty one; what does not fit is cut at the end and reported.
    ///
    /// - Parameters:
    ///   - text: the words; any Unicode text.
    ///   - length: the number of tokens the encoder expects, special tokens included; at least 2.
    /// - Returns: `length` ids, how many of them are not padding, and whether text was cut.
    func encode(_ text: String, length: Int) -> TokenizedText

    /// How the tokenizer sees a text, for people to look at.
    func inspect(_ text: String) -> InspectedText
}

/// A text as a tokenizer sees it, whole.
package struct InspectedText: Sendable, Equatable {
    /// The text as it is split into words.
    package let cleaned: String
    /// The tokens with the special ones around them; the first of them are those that an encoder gets, and the last is
    /// the one that ends every text.
    package let tokens: [TextToken]
}

/// A token of a text.
package struct TextToken: Sendable, Equatable {
    /// The row of the token embedding.
    package let id: Int32
    /// The token as the vocabulary writes it.
    package let text: String

    package init(id: Int32, text: String) {
        self.id = id
        self.text = text
    }
}

/// A text as a fixed number of tokens.
package struct TokenizedText: Sendable, Equatable {
    /// Indices of rows of the token embedding, `[tokens]`; padding is at the end.
    package let ids: [Int32]
    /// How many of `ids`, from the first, are tokens of the text or special; the others are padding.
    package let count: Int
    /// Whether the text had more tokens than fit, so that its end is missing.
    package let truncated: Bool

    /// For each of `ids` whether the encoder shall see it, `[tokens]`: `true` for all but padding.
    package var mask: [Bool] {
        ids.indices.map { $0 < count }
    }
}
