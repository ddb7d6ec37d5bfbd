extension String {
    /// The text with one full stop; what the system says of an error has one already.
    package var asSentence: String { hasSuffix(".") || hasSuffix("?") ? self : self + "." }
}

extension Int {
    /// The number with what is counted: `1 picture`, `2 classes`.
    ///
    /// - Parameters:
    ///   - one: the noun in the singular.
    ///   - many: its plural, where it is not made with an s alone.
    /// - Returns: both, with a space between.
    package func counted(_ one: String, _ many: String? = nil) -> String {
        "\(self) \(self == 1 ? one : many ?? one + "s")"
    }
}
