/// What the hub says of one file before it sends it.
///
/// Source: huggingface_hub, `file_download.py` (`get_hf_file_metadata`, `HfFileMetadata`).
package struct FileMetadata: Sendable, Equatable {
    package let tag: ContentTag
    /// In bytes.
    package let size: Int

    /// Reads the headers of an answer to `HEAD {endpoint}/{id}/resolve/{commit}/{file}`.
    ///
    /// - Parameters:
    ///   - file: what the listing says of the file, which the headers must not contradict.
    ///   - commit: the commit that was asked for.
    ///   - header: the value of a header, by its lower-case name.
    /// - Throws: `HubError` of kind `untrustworthy` where headers are missing or cannot be right.
    package init(
        of file: RepositoryListing.File,
        at commit: Commit,
        header: (String) -> String?
    ) throws(HubError) {
        let path = file.path
        if let found = header("x-repo-commit"), found != commit.description {
            throw HubError(.untrustworthy, "The hub sends \(path) of commit \(quoted(found)): expected \(commit).")
        }
        guard let tag = header("x-linked-etag") ?? header("etag") else {
            throw HubError(.untrustworthy, "The hub does not tag the content of \(path): expected the header ETag.")
        }
        self.tag = try ContentTag(header: tag, of: path)
        if let expected = file.sha256, self.tag.description != expected {
            throw HubError(
                .untrustworthy,
                "The hub tags the content of \(path) with \(self.tag): its list of files says \(expected)."
            )
        }
        let sizeText = header("x-linked-size") ?? header("content-length")
        guard let size = sizeText.flatMap({ Int($0) }), 0...RepositoryListing.sizeLimit ~= size else {
            throw HubError(
                .untrustworthy,
                "The hub says that \(path) has \(quoted(sizeText ?? "no number of")) bytes: expected 0 to "
                    + "\(RepositoryListing.sizeLimit)."
            )
        }
        guard file.size ?? size == size else {
            throw HubError(
                .untrustworthy,
                "The hub says that \(path) has \(size) bytes: its list of files says \(file.size ?? 0)."
            )
        }
        self.size = size
    }
}

/// The part of a content that an answer to a request with `Range` holds.
package struct ContentRange: Sendable, Equatable {
    /// The place of the first byte.
    package let start: Int
    /// The size of the whole content, where the server says it.
    package let size: Int?

    /// Parses `bytes 100-199/200`; nil where the text is anything else.
    package init?(_ text: String) {
        guard text.utf8.count <= 100, text.hasPrefix("bytes ") else { return nil }
        let parts = text.dropFirst("bytes ".count).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard ends.count == 2, let start = ends[0], let end = ends[1], 0 <= start, start <= end else { return nil }
        self.start = start
        size = Int(parts[1])
    }
}
