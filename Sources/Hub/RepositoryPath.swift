/// The name of a file in a model, such as `unet/config.json`, which is safe to append to a folder's path.
package struct RepositoryPath: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let description: String

    /// More than any published model has; a folder of the cache and this still make a path that systems open.
    private static let byteLimit = 1024
    private static let partLimit = 32
    private static let partByteLimit = 255

    /// Checks a name that the hub gave.
    ///
    /// - Throws: `HubError` of kind `untrustworthy` where the name could leave its folder or no system could open it.
    package init(_ text: String) throws(HubError) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let fault: String? =
            if text.utf8.count > Self.byteLimit || parts.count > Self.partLimit {
                "it is too long"
            } else if parts.contains(where: { $0.count > Self.partByteLimit }) {
                "a part of it is too long"
            } else if parts.contains(where: { $0.isEmpty || $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8) })
            {
                "it does not stay in its folder"
            } else if text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control || $0 == "\\" }) {
                "it has characters that names do not have"
            } else {
                nil
            }
        if let fault {
            throw HubError(.untrustworthy, "The hub lists a file named \(quoted(text)), which is refused: \(fault).")
        }
        description = text
    }

    /// The part after the last slash.
    package var name: String { description.split(separator: "/").last.map(String.init) ?? "" }

    /// What is before the last slash; empty where there is none.
    package var folder: String { description.split(separator: "/").dropLast().joined(separator: "/") }

    /// The folders that the file lies in, the outermost first: of `a/b/c` these are `a` and `a/b`.
    var folders: [String] {
        let parts = description.split(separator: "/").dropLast()
        return parts.indices.map { parts[...$0].joined(separator: "/") }
    }

    package static func < (one: RepositoryPath, other: RepositoryPath) -> Bool { one.description < other.description }
}
