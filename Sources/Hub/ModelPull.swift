import Foundation
import Synchronization

/// What happens while a model is pulled.
package enum PullEvent: Sendable {
    /// The hub has said what there is: where the revision is, how many files were chosen, how many are here already.
    case listed(commit: Commit, files: Int, present: Int)
    /// Contents begin to arrive: so many files, so many bytes, of which some arrived in an earlier run.
    case began(files: Int, bytes: Int, arrived: Int)
    /// So many bytes have arrived, those of earlier runs included.
    case arrived(bytes: Int)
    /// A content is whole.
    case finished(file: RepositoryPath, bytes: Int)
    /// Something has to be waited for; one sentence.
    case waiting(String)
}

/// A model that is in the cache.
package struct PulledModel: Sendable {
    package let reference: ModelReference
    package let commit: Commit
    /// The folder of its files.
    package let path: String
    /// The files that were asked for.
    package let files: [RepositoryPath]
    /// Their size, in bytes.
    package let bytes: Int
    /// How many bytes came over the network.
    package let fetchedBytes: Int
}

/// Brings a model into the cache.
///
/// Every content is checked against the hub's hash before it gets its name, and the revision points to the new commit
/// only when all files are there. What a stopped pull leaves, the next one goes on with.
///
/// Source: huggingface_hub, `_snapshot_download.py`.
package struct ModelPull: Sendable {
    private let cache: HubCache
    private let settings: HubSettings
    private let reference: ModelReference
    private let selection: FileSelection
    private let report: @Sendable (PullEvent) -> Void

    /// - Parameters:
    ///   - reference: the model.
    ///   - selection: which of its files.
    ///   - cache: where they go.
    ///   - settings: which hub is asked, and as whom.
    ///   - report: called with what happens, from any thread.
    package init(
        _ reference: ModelReference,
        _ selection: FileSelection = FileSelection(),
        cache: HubCache,
        settings: HubSettings,
        report: @escaping @Sendable (PullEvent) -> Void = { _ in }
    ) {
        self.reference = reference
        self.selection = selection
        self.cache = cache
        self.settings = settings
        self.report = report
    }

    /// Pulls.
    ///
    /// - Throws: `HubError`, or `CancellationError` where the task was cancelled.
    package func run() async throws -> PulledModel {
        let folder = cache.folder(of: reference.id)
        guard !settings.isOffline else { return try cached(in: folder) }
        return try await HubClient.with(settings) { client in
            // First, so that a wrong id leaves no folder.
            let listing = try await retrying { try await client.listing(of: reference) }
            let files = selection.chosen(from: listing.files)
            guard !files.isEmpty else {
                throw HubError(
                    .notFound,
                    "No file of \(reference) is chosen: it has \(listing.files.count); look at --include and --exclude."
                )
            }
            try folder.prepare()
            let lock = try await FileLock.wait(for: folder.lock, shared: true) {
                report(.waiting("Another process is removing \(reference.id)."))
            }
            defer { withExtendedLifetime(lock) {} }
            // Whoever removed the model just now has removed these, too.
            try folder.prepare()
            return try await pull(files, at: listing.commit, into: folder, client)
        }
    }

    /// What is in the cache, where the network is forbidden.
    private func cached(in folder: RepositoryFolder) throws(HubError) -> PulledModel {
        guard let commit = folder.commit(of: reference.revision ?? .main),
            let snapshot = folder.model?.snapshots.first(where: { $0.commit == commit })
        else {
            throw HubError(
                .offline,
                "\(reference) is not in the cache, and HF_HUB_OFFLINE forbids the network: unset it and pull again."
            )
        }
        var files: [RepositoryPath] = []
        for file in snapshot.files { files.append(try RepositoryPath(file.name)) }
        report(.listed(commit: commit, files: files.count, present: files.count))
        return PulledModel(
            reference: reference,
            commit: commit,
            path: snapshot.path,
            files: files,
            bytes: snapshot.size,
            fetchedBytes: 0
        )
    }

    private func pull(
        _ files: [RepositoryListing.File],
        at commit: Commit,
        into folder: RepositoryFolder,
        _ client: HubClient
    ) async throws -> PulledModel {
        let missing = files.filter { !folder.has($0, of: commit) }
        report(.listed(commit: commit, files: files.count, present: files.count - missing.count))
        let contents = try await self.contents(of: missing, at: commit, client)
        let needed = contents.filter { !folder.has($0.metadata) }
        let (total, arrived) = (needed.sum(\.metadata.size), needed.sum { folder.arrived(of: $0.metadata) })
        if let free = cache.freeBytes, total - arrived > free {
            throw HubError(
                .disk,
                "\(reference) needs \(total - arrived) more bytes, but the disk of \(cache.path) has \(free) free: free some "
                    + "space, or choose fewer files with --include."
            )
        }
        report(.began(files: needed.count, bytes: total, arrived: arrived))
        let progress = PullProgress(arrived: arrived, report: report)
        _ = try await inParallel(contents, limit: settings.parallelFiles) { content in
            let download = BlobDownload(
                content: content,
                reference: reference,
                commit: commit,
                folder: folder,
                client: client,
                progress: progress
            )
            try await download.run()
            for path in content.paths { try folder.link(path, of: commit, to: content.metadata.tag) }
        }
        try folder.record(reference.revision ?? .main, at: commit)
        return PulledModel(
            reference: reference,
            commit: commit,
            path: folder.snapshot(of: commit),
            files: files.map(\.path),
            bytes: files.sum { folder.size(of: $0.path, of: commit) ?? 0 },
            fetchedBytes: progress.fetchedBytes
        )
    }

    /// What the hub says of the contents of files, each content once.
    private func contents(
        of files: [RepositoryListing.File],
        at commit: Commit,
        _ client: HubClient
    ) async throws -> [FileContent] {
        let answers = try await inParallel(files, limit: settings.parallelFiles) { file in
            try await retrying { try await client.metadata(of: file, in: reference, at: commit) }
        }
        var contents: [FileContent] = []
        var places: [ContentTag: Int] = [:]
        for (file, metadata) in zip(files, answers) {
            guard let place = places[metadata.tag] else {
                places[metadata.tag] = contents.count
                contents.append(FileContent(metadata: metadata, paths: [file.path]))
                continue
            }
            guard contents[place].metadata == metadata else {
                throw HubError(
                    .untrustworthy,
                    "The hub gives \(file.path) the tag of \(contents[place].paths[0]) but another size."
                )
            }
            contents[place].paths.append(file.path)
        }
        return contents
    }

    private func retrying<Result>(_ work: () async throws -> Result) async throws -> Result {
        try await settings.retries.run(note: { report(.waiting(Retries.sentence($0, $1))) }, work)
    }
}

/// A content, and the files that have it.
struct FileContent: Sendable {
    let metadata: FileMetadata
    var paths: [RepositoryPath]
}

/// Counts the bytes of all downloads together.
final class PullProgress: Sendable {
    private let counts: Mutex<(arrived: Int, fetched: Int)>
    let report: @Sendable (PullEvent) -> Void

    init(arrived: Int, report: @escaping @Sendable (PullEvent) -> Void) {
        counts = Mutex((arrived, 0))
        self.report = report
    }

    var fetchedBytes: Int { counts.withLock { $0.fetched } }

    /// More bytes are there, or fewer where a download began anew; some came over the network just now.
    func add(_ bytes: Int, fetched: Int) {
        let arrived = counts.withLock { counts in
            counts.arrived += bytes
            counts.fetched += fetched
            return counts.arrived
        }
        report(.arrived(bytes: arrived))
    }
}

extension Sequence {
    fileprivate func sum(_ value: (Element) -> Int) -> Int { reduce(0) { $0 + value($1) } }
}

/// Does the same with many, a few at once; the results are in the order of the items.
private func inParallel<Item: Sendable, Result: Sendable>(
    _ items: [Item],
    limit: Int,
    _ work: @escaping @Sendable (Item) async throws -> Result
) async throws -> [Result] {
    try await withThrowingTaskGroup(of: (Int, Result).self) { group in
        var results: [Int: Result] = [:]
        for (index, item) in items.enumerated() {
            if index >= limit, let (done, result) = try await group.next() { results[done] = result }
            group.addTask { (index, try await work(item)) }
        }
        for try await (done, result) in group { results[done] = result }
        return items.indices.compactMap { results[$0] }
    }
}
