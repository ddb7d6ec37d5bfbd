package import Foundation

/// What the hub says a revision of a model holds.
///
/// Source: huggingface_hub, `hf_api.py` (`model_info`, `ModelInfo`, `RepoSibling`).
package struct RepositoryListing: Sendable, Equatable {
    /// A file.
    package struct File: Sendable, Equatable {
        package let path: RepositoryPath
        /// In bytes, where the hub says it.
        package let size: Int?
        /// Of the content, where the hub says it: of large files.
        package let sha256: String?

        package init(path: RepositoryPath, size: Int? = nil, sha256: String? = nil) {
            self.path = path
            self.size = size
            self.sha256 = sha256
        }
    }

    /// The commit that the revision is at.
    package let commit: Commit
    /// The files, by name.
    package let files: [File]

    /// The longest answer that is read, in bytes.
    package static let byteLimit = 32 << 20
    /// More files than any published model has.
    package static let fileLimit = 50_000
    /// The largest file that is believed, in bytes: 16 TiB, so that no sum of sizes overflows.
    package static let sizeLimit = 1 << 44

    /// Reads the hub's answer and believes nothing in it unchecked.
    ///
    /// - Throws: `HubError` of kind `untrustworthy`.
    package init(json: Data, of reference: ModelReference) throws(HubError) {
        guard json.count <= Self.byteLimit, let answer = try? JSONDecoder().decode(Answer.self, from: json) else {
            throw HubError(
                .untrustworthy,
                "The hub's answer for \(reference) is not understood: expected a JSON object with sha and siblings."
            )
        }
        guard let commit = Commit(answer.sha) else {
            throw HubError(
                .untrustworthy,
                "The hub says that \(reference) is at commit \(quoted(answer.sha)): expected 40 hexadecimal digits."
            )
        }
        guard answer.siblings.count <= Self.fileLimit else {
            throw HubError(
                .untrustworthy,
                "The hub lists \(answer.siblings.count) files for \(reference): at most \(Self.fileLimit) are taken."
            )
        }
        var files: [File] = []
        files.reserveCapacity(answer.siblings.count)
        for sibling in answer.siblings { files.append(try sibling.checked()) }
        try Self.checkNames(files)
        self.commit = commit
        self.files = files.sorted { $0.path < $1.path }
    }

    /// No file twice, and no file where another needs a folder.
    private static func checkNames(_ files: [File]) throws(HubError) {
        var names: Set<String> = []
        for file in files where !names.insert(file.path.description).inserted {
            throw HubError(.untrustworthy, "The hub lists the file \(quoted(file.path.description)) twice.")
        }
        for file in files {
            for folder in file.path.folders where names.contains(folder) {
                throw HubError(.untrustworthy, "The hub lists \(quoted(folder)) both as a file and as a folder.")
            }
        }
    }

    private struct Answer: Decodable {
        let sha: String
        let siblings: [Sibling]
    }

    private struct Sibling: Decodable {
        let rfilename: String
        let size: Int?
        let lfs: LargeFile?

        func checked() throws(HubError) -> File {
            let path = try RepositoryPath(rfilename)
            guard 0...RepositoryListing.sizeLimit ~= size ?? 0 else {
                throw HubError(
                    .untrustworthy,
                    "The hub says that \(path) has \(size ?? 0) bytes: expected 0 to \(RepositoryListing.sizeLimit)."
                )
            }
            let sha256 = lfs?.sha256.flatMap { $0.utf8.count == 64 && $0.isLowercaseHexadecimal ? $0 : nil }
            return File(path: path, size: size, sha256: sha256)
        }
    }

    private struct LargeFile: Decodable {
        let sha256: String?
    }
}
