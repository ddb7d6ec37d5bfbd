package import Foundation

/// A model that is in the cache, with all its revisions.
///
/// Source: huggingface_hub, `utils/_cache_manager.py` (`scan_cache_dir`).
package struct CachedModel: Sendable {
    /// A file of a revision.
    package struct File: Sendable {
        /// By its name in the model.
        package let name: String
        /// Where its content is, links followed.
        package let path: String
        /// In bytes; nil where the content is missing.
        package let size: Int?
        /// Tells a content that several files share.
        let content: Content?
    }

    /// A content on the disk.
    struct Content: Hashable, Sendable {
        let device: UInt64
        let number: UInt64
        let size: Int
    }

    /// A commit that is in the cache.
    package struct Snapshot: Sendable {
        package let commit: Commit
        /// The folder of the files.
        package let path: String
        /// The branches and tags that were at this commit when they were pulled.
        package let revisions: [String]
        /// By name.
        package let files: [File]
        /// When a content last came.
        package let changed: Date

        /// The size of the contents, each counted once, in bytes.
        package var size: Int { Set(files.compactMap(\.content)).reduce(0) { $0 + $1.size } }
    }

    package let id: RepositoryID
    /// The folder of the model in the cache.
    package let path: String
    /// The last that changed comes first.
    package let snapshots: [Snapshot]
    /// The size of contents that have not arrived whole, in bytes.
    package let unfinishedBytes: Int

    /// The size of the contents of all revisions, each counted once, and of what has not arrived whole, in bytes.
    package var size: Int {
        Set(snapshots.flatMap(\.files).compactMap(\.content)).reduce(unfinishedBytes) { $0 + $1.size }
    }
}

extension HubCache {
    /// The models in the cache of which there is anything, by id; none where there is no cache.
    ///
    /// - Throws: `HubError` of kind `disk` where the folder cannot be read.
    package func models() throws(HubError) -> [CachedModel] {
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        return try namesOfFiles(in: path).compactMap { RepositoryID(folder: $0) }.map(folder).compactMap(\.model)
            .filter { !$0.snapshots.isEmpty || $0.unfinishedBytes > 0 }
            .sorted { $0.id.description < $1.id.description }
    }

    private func namesOfFiles(in folder: String) throws(HubError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch {
            throw HubError(.disk, "\(folder) could not be read: expected a folder of models.")
        }
    }
}

extension RepositoryFolder {
    /// What is in the cache of the model; nil where there is nothing.
    package var model: CachedModel? {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: path), !names.isEmpty else { return nil }
        let revisions = self.revisions
        let commits = (try? FileManager.default.contentsOfDirectory(atPath: snapshots)) ?? []
        return CachedModel(
            id: id,
            path: path,
            snapshots: commits.compactMap(Commit.init).map { snapshot($0, revisions) }.sorted {
                $0.changed > $1.changed
            },
            unfinishedBytes: Self.files(under: blobs).filter { $0.name.hasSuffix(".incomplete") }
                .reduce(0) { $0 + ($1.size ?? 0) }
        )
    }

    /// The branches and tags, with the commits that they were at.
    var revisions: [(name: String, commit: Commit)] {
        Self.files(under: refs).compactMap { file in Self.commit(inFile: file.path).map { (file.name, $0) } }
    }

    private func snapshot(_ commit: Commit, _ revisions: [(name: String, commit: Commit)]) -> CachedModel.Snapshot {
        let folder = snapshot(of: commit)
        let files = Self.files(under: folder)
        let dates = (files.map(\.path) + [folder]).compactMap { path in
            (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date
        }
        return CachedModel.Snapshot(
            commit: commit,
            path: folder,
            revisions: revisions.filter { $0.commit == commit }.map(\.name).sorted(),
            files: files,
            changed: dates.max() ?? .distantPast
        )
    }

    /// The files under a folder, by name; folders that are links are not entered.
    static func files(under folder: String) -> [CachedModel.File] {
        guard let walk = FileManager.default.enumerator(atPath: folder) else { return [] }
        var files: [CachedModel.File] = []
        for case let name as String in walk where walk.fileAttributes?[.type] as? FileAttributeType != .typeDirectory {
            let path = "\(folder)/\(name)"
            var status = stat()
            let isFile = stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
            let content =
                isFile
                ? CachedModel.Content(
                    device: UInt64(status.st_dev),
                    number: UInt64(status.st_ino),
                    size: Int(status.st_size)
                ) : nil
            files.append(
                CachedModel.File(
                    name: name,
                    path: URL(fileURLWithPath: path).resolvingSymlinksInPath().path,
                    size: content?.size,
                    content: content
                )
            )
        }
        return files.sorted { $0.name < $1.name }
    }
}
