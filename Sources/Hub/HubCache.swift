import Foundation

/// The folder in which models from the hub are kept; huggingface_hub uses the same.
///
///     models--org--name/blobs/<tag>               contents
///     models--org--name/snapshots/<commit>/…      links to them, by file name
///     models--org--name/refs/<revision>           the commit that a revision was at
///     .locks/models--org--name/<tag>.lock         who is writing a content
///
/// Source: huggingface_hub, `constants.py`, `file_download.py`.
package struct HubCache: Sendable {
    /// The folder; it need not be there.
    package let path: String

    package init(_ path: String) {
        self.path = URL(fileURLWithPath: path).standardizedFileURL.path
    }

    /// The cache that the environment names: `HF_HUB_CACHE`, or the folder `hub` of `HF_HOME`.
    package init(environment: [String: String]) {
        let named = ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"].compactMap { environment[$0] }.first { !$0.isEmpty }
        self.init(named.map { Self.expanded($0, environment) } ?? Self.home(environment) + "/hub")
    }

    /// `HF_HOME`, or its usual place.
    static func home(_ environment: [String: String]) -> String {
        if let home = environment["HF_HOME"], !home.isEmpty { return expanded(home, environment) }
        let caches = environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? "~/.cache"
        return expanded(caches, environment) + "/huggingface"
    }

    /// A path in which a leading `~` is the user's folder.
    private static func expanded(_ path: String, _ environment: [String: String]) -> String {
        guard path == "~" || path.hasPrefix("~/") else { return path }
        return (environment["HOME"] ?? NSHomeDirectory()) + path.dropFirst()
    }

    /// The folder of a model; it need not be there.
    package func folder(of id: RepositoryID) -> RepositoryFolder {
        RepositoryFolder(id: id, path: "\(path)/\(id.folder)", locks: "\(path)/.locks/\(id.folder)")
    }

    /// The folder of the files of a model at a revision, or nil where the cache has none.
    package func snapshot(of reference: ModelReference) -> String? {
        let folder = folder(of: reference.id)
        return folder.commit(of: reference.revision ?? .main).flatMap { folder.existingSnapshot(of: $0) }
    }

    /// The free space of the disk that the cache is on, in bytes; nil where the system does not say.
    var freeBytes: Int? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        let (bytes, overflows) = Int(clamping: status.f_bavail).multipliedReportingOverflow(by: Int(status.f_frsize))
        return overflows ? Int.max : bytes
    }
}
