/// A configuration file that does not describe a model which Lienzo can build.
///
/// Its description is one sentence: the file and key, what was expected, what was found, what to do.
package struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The whole sentence.
    package let description: String

    package init(_ description: String) {
        self.description = description
    }

    /// The value of `key` in `file` is not what a model can be built from.
    package init(file: String, key: String, expected: String, found: String) {
        description =
            "\(file) gives \(key) as \(found), but \(expected) is expected; correct the file or fetch it again."
    }
}
