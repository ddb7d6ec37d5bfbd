package import LienzoFiles

/// Why a checkpoint could not be read or written; `description` is one sentence.
package struct CheckpointError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file at fault.
    package let path: String
    /// What is wrong, what was expected, what was found and what to do, with the path in front.
    package let description: String

    /// The sentence "`path`: `problem`.".
    package init(_ path: String, _ problem: String) {
        self.path = path
        description = "\(path): \(problem)."
    }

    /// The sentence for a tensor that a file does not have.
    init(missing name: String, in path: String) {
        self.init(path, "there is no tensor named \(quoted(name))")
    }

    package init(_ error: FileError) {
        path = error.path
        description = error.description
    }
}

/// A name from a file as a message shows it: quoted, escaped and cut, because nobody checked what it contains.
func quoted(_ name: String) -> String {
    let shown = name.count > 80 ? name.prefix(80) + "…" : name[...]
    return String(shown).debugDescription
}
