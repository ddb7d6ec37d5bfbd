import Foundation

/// Fetches one content into the cache, unless it is there or another process brings it.
struct BlobDownload {
    let content: FileContent
    let reference: ModelReference
    let commit: Commit
    let folder: RepositoryFolder
    let client: HubClient
    let progress: PullProgress

    /// So many bytes that arrived before a connection broke count as a success, and failures are counted anew.
    private static let success = 1 << 20

    private var metadata: FileMetadata { content.metadata }
    private var path: RepositoryPath { content.paths[0] }

    /// Fetches; at the end the content has its name in the cache.
    func run() async throws {
        guard !folder.has(metadata) else { return }
        let known = folder.arrived(of: metadata)
        let lock = try await FileLock.wait(for: folder.lock(of: metadata.tag)) {
            progress.report(.waiting("Another process is fetching \(path); waiting for it."))
        }
        defer { withExtendedLifetime(lock) {} }
        guard !folder.has(metadata) else { return progress.add(metadata.size - known, fetched: 0) }
        var blob = try IncompleteBlob(metadata, of: path, in: folder)
        progress.add(blob.count - known, fetched: 0)
        try await fill(&blob)
        progress.report(.finished(file: path, bytes: metadata.size))
    }

    /// Receives what is missing, as often as connections break, and gives the content its name.
    private func fill(_ blob: inout IncompleteBlob) async throws {
        var retries = client.settings.retries
        var isSecondTime = false
        while true {
            let before = blob.count
            do {
                if !blob.isFull { try await receive(&blob) }
            } catch let error as HubError {
                if error.kind == .damaged { blob.discard() }
                if blob.count - before >= Self.success { retries.succeed() }
                guard let pause = retries.pause(after: error) else { throw error }
                progress.report(.waiting(Retries.sentence(error, pause)))
                try await Task.sleep(for: pause)
                continue
            }
            if try blob.commit() { return }
            progress.add(-metadata.size, fetched: 0)
            // What a stopped process left may be damaged, and a network may damage what it carries; once.
            guard !isSecondTime else {
                blob.discard()
                throw HubError(
                    .damaged,
                    "\(path) of \(reference.id) arrived damaged twice: expected content with the hash \(metadata.tag), found "
                        + "another; nothing of it was kept."
                )
            }
            isSecondTime = true
        }
    }

    /// Receives from where the blob ends; from the start where the server cannot do that.
    private func receive(_ blob: inout IncompleteBlob) async throws {
        let answer = try await client.content(of: path, in: reference, at: commit, from: blob.count)
        switch answer.status {
        case 200:
            try restart(&blob)
        case 206:
            let range = answer.header("content-range").flatMap { ContentRange($0) }
            guard let range, range.start == blob.count, range.size ?? metadata.size == metadata.size else {
                try restart(&blob)
                throw HubError(
                    .connection,
                    "\(answer.address.origin.host) sends another part of \(path) than it was asked."
                )
            }
        case 416:
            try restart(&blob)
            throw HubError(.connection, "\(answer.address.origin.host) has no such part of \(path).")
        default:
            throw client.fault(answer, reference, path)
        }
        try await client.receive(answer) { bytes throws(HubError) in
            try blob.append(bytes)
            progress.add(bytes.count, fetched: bytes.count)
        }
        guard blob.isFull else {
            throw HubError(
                .connection,
                "The connection to \(answer.address.origin.host) ended after \(blob.count) of \(metadata.size) bytes of \(path)."
            )
        }
    }

    private func restart(_ blob: inout IncompleteBlob) throws {
        progress.add(-blob.count, fetched: 0)
        try blob.restart()
    }
}

extension Retries {
    /// Says why there is a pause, and how long it is.
    static func sentence(_ error: HubError, _ pause: Duration) -> String {
        let seconds = String(format: "%.1f", pause / .seconds(1))
        return "\(error) Trying again in \(seconds) s."
    }
}

extension RepositoryFolder {
    /// Whether a file of a commit is there, as large as the hub says.
    func has(_ file: RepositoryListing.File, of commit: Commit) -> Bool {
        guard let size = size(of: file.path, of: commit) else { return false }
        return size == file.size ?? size
    }

    /// The size of a file of a commit; nil where it is not there.
    func size(of path: RepositoryPath, of commit: Commit) -> Int? { Self.size("\(snapshot(of: commit))/\(path)") }

    /// Whether a content is there.
    func has(_ metadata: FileMetadata) -> Bool { Self.size(blob(metadata.tag)) == metadata.size }

    /// How many bytes an earlier download left that a new one goes on with.
    func arrived(of metadata: FileMetadata) -> Int {
        guard metadata.tag.meaning != .opaque, let size = Self.size(blob(metadata.tag) + ".incomplete"),
            size <= metadata.size
        else { return 0 }
        return size
    }

    private static func size(_ path: String) -> Int? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }
}
