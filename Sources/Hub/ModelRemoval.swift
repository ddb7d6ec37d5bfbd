import Foundation

/// Removes a model, or one revision of it, from the cache.
///
/// Of a revision only what no other uses: the contents that other revisions link to stay, and a commit stays as long as
/// another branch or tag is at it.
///
/// Source: huggingface_hub, `utils/_cache_manager.py` (`HFCacheInfo.delete_revisions`).
package struct ModelRemoval: Sendable {
    /// What was removed.
    package struct Result: Sendable {
        /// The branches and tags that are no longer in the cache.
        package let revisions: [String]
        /// The commits whose files are gone.
        package let commits: [Commit]
        /// In bytes.
        package let freedBytes: Int
    }

    private let folder: RepositoryFolder
    private let reference: ModelReference

    package init(_ reference: ModelReference, cache: HubCache) {
        self.reference = reference
        folder = cache.folder(of: reference.id)
    }

    /// Removes.
    ///
    /// - Throws: `HubError` where the cache has no such model or revision, or another process is using it.
    package func run() throws(HubError) -> Result {
        guard folder.model != nil else {
            throw HubError(
                .notFound,
                "The model \(reference.id) is not in the cache: 'lienzo models list' shows what is."
            )
        }
        // Behind a link lies what somebody keeps elsewhere.
        var status = stat()
        guard lstat(folder.path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw HubError(.disk, "\(folder.path) is a link and not a folder of the cache: remove it yourself.")
        }
        try folder.prepare()
        guard let lock = try FileLock.take(folder.lock) else { throw inUse }
        defer { withExtendedLifetime(lock) {} }
        try checkThatNobodyWrites()
        guard let model = folder.model else { return Result(revisions: [], commits: [], freedBytes: 0) }
        guard let revision = reference.revision else { return try removeAll(model) }
        return try remove(revision, of: model)
    }

    /// huggingface_hub holds the locks of contents only.
    private func checkThatNobodyWrites() throws(HubError) {
        for file in RepositoryFolder.files(under: folder.locks) where "\(folder.locks)/\(file.name)" != folder.lock {
            guard try FileLock.take("\(folder.locks)/\(file.name)") != nil else { throw inUse }
        }
    }

    private var inUse: HubError {
        HubError(.inUse, "\(reference.id) is being pulled by another process: stop that, or wait for it.")
    }

    private func remove(_ revision: Revision, of model: CachedModel) throws(HubError) -> Result {
        guard let commit = folder.commit(of: revision) else {
            throw HubError(
                .notFound,
                "The revision \(revision) of \(reference.id) is not in the cache: 'lienzo models list' shows what is."
            )
        }
        let there = folder.revisions.filter { $0.commit == commit }.map(\.name)
        let isCommit = !there.contains(revision.description)
        let names = isCommit ? there : there.filter { $0 == revision.description }
        if names.count == there.count, !model.snapshots.contains(where: { $0.commit != commit }) {
            return try removeAll(model)
        }
        for name in names { try Self.remove("\(folder.refs)/\(name)") }
        guard names.count == there.count, let snapshot = model.snapshots.first(where: { $0.commit == commit }) else {
            return Result(revisions: names, commits: [], freedBytes: 0)
        }
        let others = model.snapshots.filter { $0.commit != commit }.flatMap(\.files)
        let shared = Set(others.compactMap(\.content))
        // The links first: a content without links is garbage, a link without a content is a fault.
        try Self.remove(snapshot.path)
        let blobs = URL(fileURLWithPath: folder.blobs).resolvingSymlinksInPath().path + "/"
        var freed: Set<CachedModel.Content> = []
        for file in snapshot.files {
            guard let content = file.content, !shared.contains(content), freed.insert(content).inserted else {
                continue
            }
            if file.path.hasPrefix(blobs) { try Self.remove(file.path) }
        }
        return Result(revisions: names, commits: [commit], freedBytes: freed.reduce(0) { $0 + $1.size })
    }

    private func removeAll(_ model: CachedModel) throws(HubError) -> Result {
        let size = RepositoryFolder.files(under: folder.blobs).reduce(0) { $0 + ($1.size ?? 0) }
        // The locks stay, empty as they are: who waits for one shall find it.
        for path in [folder.refs, folder.snapshots, folder.blobs, folder.path] { try Self.remove(path) }
        return Result(
            revisions: model.snapshots.flatMap(\.revisions),
            commits: model.snapshots.map(\.commit),
            freedBytes: max(size, model.size)
        )
    }

    private static func remove(_ path: String) throws(HubError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            throw HubError(.disk, "\(path) could not be removed: \((error as NSError).localizedDescription)")
        }
    }
}
