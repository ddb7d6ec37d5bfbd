import LienzoFiles

/// Why a model could not be brought here, found or removed; `description` is one sentence.
package struct HubError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of thing went wrong.
    package enum Kind: Sendable, Equatable {
        /// An id, a revision, a pattern or a variable of the environment is not what it should be.
        case usage
        /// The hub, or the cache, has no such model, revision or file.
        case notFound
        /// The hub wants to know who asks, or does not let them.
        case denied
        /// `HF_HUB_OFFLINE` is set.
        case offline
        /// A connection could not be made, or broke; worth another try.
        case connection
        /// The hub is busy or broken; worth another try, after the time it asks for.
        case busy(after: Duration?)
        /// The hub said something that cannot be right, or that would be unsafe to obey.
        case untrustworthy
        /// What arrived is not what the hub said it would be.
        case damaged
        /// The cache cannot be read or written.
        case disk
        /// Another process is using the model.
        case inUse
    }

    package let kind: Kind
    package let description: String

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    /// The sentence for a failed system call.
    ///
    /// - Parameters:
    ///   - action: what could not be done, as a participle: "read", "written".
    ///   - path: the file.
    ///   - code: the value of `errno` right after the call.
    init(_ action: String, path: String, code: Int32) {
        self.init(.disk, FileError(action, path: path, code: code).description)
    }
}

/// A text from a server or a library as a message shows it: without what a terminal would obey, and cut.
func plain(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.prefix(200).map { 0x20...0x7E ~= $0.value ? $0 : " " }))
}

/// A text from the network as a message shows it: quoted, escaped and cut, because nobody checked what it contains.
func quoted(_ text: String) -> String {
    let shown = text.count > 80 ? text.prefix(80) + "…" : text[...]
    return String(shown).debugDescription
}
