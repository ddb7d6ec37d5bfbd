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
