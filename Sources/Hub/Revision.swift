/// A branch, a tag or a commit of a model.
package struct Revision: Sendable, Hashable, CustomStringConvertible {
    package let description: String

    /// What is meant where nobody says.
    package static let main = Revision(checked: "main")

    private static let byteLimit = 200

    private init(checked text: String) { description = text }

    /// Checks a name: it becomes a part of an address and the path of a file in the cache.
    ///
    /// - Throws: `HubError` of kind `usage` where git could not have a revision of this name.
    package init(_ text: String) throws(HubError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let isName = parts.allSatisfy { !$0.isEmpty && !$0.hasPrefix(".") && !$0.hasSuffix(".lock") }
        let isPlain = text.unicodeScalars.allSatisfy {
            $0 != " " && $0.properties.generalCategory != .control && !"\\~^:?*[".unicodeScalars.contains($0)
        }
        guard text.utf8.count <= Self.byteLimit, isName, isPlain, !text.contains("..") else {
            throw HubError(
                .usage,
                "\(quoted(text)) is no revision: expected a branch, a tag or a commit, such as main."
            )
        }
        description = text
    }
}

/// A commit: forty hexadecimal digits.
package struct Commit: Sendable, Hashable, CustomStringConvertible {
    package let description: String

    /// Nil where the text is no full commit.
    package init?(_ text: String) {
        guard text.utf8.count == 40, text.isLowercaseHexadecimal else { return nil }
        description = text
    }

    /// The first digits, which tell it from others.
    package var short: String { String(description.prefix(8)) }
}

extension String {
    /// Whether there are only the digits 0–9 and a–f.
    var isLowercaseHexadecimal: Bool {
        utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0 }
    }
}
