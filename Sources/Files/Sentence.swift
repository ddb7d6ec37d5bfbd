extension String {
    /// The text with one full stop; what the system says of an error has one already.
    package var asSentence: String { hasSuffix(".") || hasSuffix("?") ? self : self + "." }
}
