import Foundation

/// The name of a model on the hub: `organization/name`; a few old ones have no organization.
///
/// Source: huggingface_hub, `utils/_validators.py` (`validate_repo_id`) and `file_download.py` (`repo_folder_name`).
package struct RepositoryID: Sendable, Hashable, CustomStringConvertible {
    package let description: String

    /// The longest name that the hub gives, in characters.
    private static let lengthLimit = 96

    /// Checks a name.
    ///
    /// - Throws: `HubError` of kind `usage` where the hub could not have a model of this name.
    package init(_ text: String) throws(HubError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard text.utf8.count <= Self.lengthLimit, 1...2 ~= parts.count, parts.allSatisfy(Self.isPart),
            !text.contains("--"), !text.contains(".."), !text.hasSuffix(".git")
        else {
            throw HubError(
                .usage,
                "\(quoted(text)) is no model id: expected organization/name, of ASCII letters, digits and single - _ . signs."
            )
        }
        description = text
    }

    /// The id of a folder of the cache, or nil where the folder is no model's.
    package init?(folder: String) {
        guard folder.hasPrefix("models--") else { return nil }
        let text = folder.dropFirst("models--".count).split(separator: "--", omittingEmptySubsequences: false)
            .joined(separator: "/")
        guard let id = try? RepositoryID(text), id.folder == folder else { return nil }
        self = id
    }

    /// The folder of the model in a cache.
    package var folder: String { "models--" + description.split(separator: "/").joined(separator: "--") }

    private static func isPart(_ part: Substring) -> Bool {
        guard let first = part.utf8.first, let last = part.utf8.last else { return false }
        return part.utf8.allSatisfy { isLetterOrDigit($0) || "-_.".utf8.contains($0) }
            && !"-.".utf8.contains(first) && !"-.".utf8.contains(last)
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
            || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
    }
}

/// A model on the hub at a revision: `organization/name@revision`.
package struct ModelReference: Sendable, Hashable, CustomStringConvertible {
    package let id: RepositoryID
    /// The revision that was asked for; nil where none was, which means `main`.
    package let revision: Revision?

    /// Parses `organization/name`, with or without `@revision`.
    ///
    /// - Throws: `HubError` of kind `usage`.
    package init(_ text: String) throws(HubError) {
        let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        id = try RepositoryID(parts.first ?? "")
        revision = parts.count == 2 ? try Revision(parts[1]) : nil
    }

    /// The model and commit whose folder in a cache this is; nil for any other path.
    package init?(snapshot path: String) {
        let parts = Array(URL(fileURLWithPath: path).standardizedFileURL.pathComponents.suffix(3))
        guard parts.count == 3, let id = RepositoryID(folder: parts[0]), parts[1] == "snapshots",
            Commit(parts[2]) != nil, let revision = try? Revision(parts[2])
        else { return nil }
        self.id = id
        self.revision = revision
    }

    package var description: String { revision.map { "\(id)@\($0)" } ?? id.description }
}
