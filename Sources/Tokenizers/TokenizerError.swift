/// Why a tokenizer could not be made from its files; `description` is one sentence.
package struct TokenizerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, where, what was expected and what to do.
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
