/// Why an index of pictures could not be used; `description` is one sentence or two.
public struct SearchError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, what was expected, what to do.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
