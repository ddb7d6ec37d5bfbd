import Crypto

/// The name that the hub gives a file's content (its `ETag`), by which the cache names the blob.
///
/// Source: huggingface_hub, `file_download.py` (`_normalize_etag`, `get_hf_file_metadata`).
package struct ContentTag: Sendable, Hashable, CustomStringConvertible {
    /// What the tag says of the content.
    package enum Meaning: Sendable {
        /// The SHA-256 of the content: large files.
        case sha256
        /// The SHA-1 that git gives a blob: all others.
        case gitBlob
        /// Nothing that could be checked.
        case opaque
    }

    package let description: String

    /// Checks an `ETag` as a header gives it: `"…"`, `W/"…"` or bare.
    ///
    /// - Throws: `HubError` of kind `untrustworthy` where it cannot be the name of a file.
    package init(header: String, of path: RepositoryPath) throws(HubError) {
        var text = header[...]
        if text.hasPrefix("W/") { text = text.dropFirst(2) }
        if text.hasPrefix("\""), text.hasSuffix("\""), text.utf8.count >= 2 { text = text.dropFirst().dropLast() }
        let isName = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        guard isName, 1...128 ~= text.utf8.count, !text.hasPrefix("."), !text.hasSuffix(".incomplete") else {
            throw HubError(
                .untrustworthy,
                "The hub tags the content of \(path) with \(quoted(header)): expected letters and digits."
            )
        }
        description = String(text)
    }

    /// What the tag says of the content.
    package var meaning: Meaning {
        guard description.isLowercaseHexadecimal else { return .opaque }
        return switch description.utf8.count {
        case 64: .sha256
        case 40: .gitBlob
        default: .opaque
        }
    }
}

/// Computes what a tag says of a content while the content passes by.
struct ContentHash {
    private enum State {
        case sha256(SHA256)
        case gitBlob(Insecure.SHA1)
        case none
    }

    private let tag: ContentTag
    private var state: State

    /// - Parameters:
    ///   - tag: what the content shall be.
    ///   - size: of the content in bytes, which git hashes before the content itself.
    init(of tag: ContentTag, size: Int) {
        self.tag = tag
        switch tag.meaning {
        case .sha256: state = .sha256(SHA256())
        case .gitBlob:
            var hash = Insecure.SHA1()
            hash.update(data: Array("blob \(size)\0".utf8))
            state = .gitBlob(hash)
        case .opaque: state = .none
        }
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        switch state {
        case .sha256(var hash):
            state = .none  // so that the hash is not copied
            hash.update(bufferPointer: bytes)
            state = .sha256(hash)
        case .gitBlob(var hash):
            state = .none
            hash.update(bufferPointer: bytes)
            state = .gitBlob(hash)
        case .none: break
        }
    }

    /// Whether what passed by is what the tag says; true where the tag says nothing.
    var matches: Bool {
        switch state {
        case .sha256(let hash): Self.hexadecimal(hash.finalize()) == tag.description
        case .gitBlob(let hash): Self.hexadecimal(hash.finalize()) == tag.description
        case .none: true
        }
    }

    private static func hexadecimal(_ digest: some Sequence<UInt8>) -> String {
        digest.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }
}
