import Foundation
import LienzoFiles
public import LienzoImages
public import LienzoPipelines
import LienzoTorch

/// An index of the pictures in a folder, in one SQLite file: brought up to date by what changed, searched exactly.
///
/// ```swift
/// let pipeline = try CLIPPipeline(modelDirectory: "mini")
/// let index = PictureIndex("photos.sqlite")
/// try await index.update(folder: "photos", with: pipeline)
/// for hit in try await index.search("a dog on a beach", with: pipeline) { print(hit.path, hit.cosine) }
/// ```
public actor PictureIndex {
    /// The file.
    public nonisolated let path: String

    private let executor = ThreadExecutor(name: "Lienzo.PictureIndex")
    private var scan: Scan?
    /// What is searched in, once it has been read.
    private var loaded: Loaded?

    /// The index's own thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// An index in a file, which ``update(folder:with:batch:progress:)`` makes where it is missing.
    public init(_ path: String) {
        self.path = path
    }

    // MARK: Bringing up to date

    /// What an update did.
    public struct Update: Sendable, Equatable {
        /// Pictures that were new, that had changed, and that are no longer there.
        public fileprivate(set) var (added, changed, removed) = (0, 0, 0)
        /// Pictures that were as the index had them.
        public fileprivate(set) var unchanged = 0
        /// New and changed files that are no pictures or cannot be read, and why.
        public fileprivate(set) var unreadable: [Unreadable] = []
        /// Files of the folder that are no pictures or cannot be read, those found before included.
        public fileprivate(set) var unreadableTotal = 0
        /// Pictures that can be found now.
        public fileprivate(set) var total = 0
    }

    /// A file that cannot be read as a picture.
    public struct Unreadable: Sendable, Equatable {
        /// The file.
        public let path: String
        /// Why, in one sentence.
        public let reason: String
    }

    /// Makes the index, or brings it up to date: what is new or changed is embedded, what is gone is forgotten.
    ///
    /// A file has changed where its size or the time of its last change has. What is done stays done when the task is
    /// cancelled, and the next update goes on from there.
    ///
    /// - Parameters:
    ///   - folder: where the pictures are, with all folders in it; the one that the index was made of, unless that has
    ///     gone.
    ///   - pipeline: makes the embeddings; the one that the index was made with.
    ///   - batch: how many pictures go through the network at once.
    ///   - progress: called after each batch.
    /// - Returns: what was done.
    /// - Throws: ``SearchError`` where the index is of another folder or model, or cannot be written; errors of folders
    ///   and weights; `CancellationError`.
    @discardableResult
    public func update(
        folder: String,
        with pipeline: CLIPPipeline,
        batch: Int = 32,
        progress: @Sendable (Update) -> Void = { _ in }
    ) async throws -> Update {
        guard scan == nil else { throw SearchError("\(path) is being updated already.") }
        let root = URL(fileURLWithPath: folder).standardizedFileURL.path
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: root, isDirectory: &isFolder), isFolder.boolValue else {
            throw SearchError("\(folder) is no folder; expected one with pictures.")
        }
        let probe = try await Self.probe(pipeline)
        let database = try EmbeddingDatabase.writing(path)
        try adopt(root, pipeline, probe, database)
        try database.beginScan()
        scan = Scan(root: root, database: database)
        defer { (scan, loaded) = (nil, nil) }

        var update = Update()
        var next = try await nextBatch(batch, pipeline)
        while let found = next {
            async let following = nextBatch(batch, pipeline)
            try database.store(try await embedded(found, pipeline, batch: batch))
            for picture in found {
                if case .failure(let error) = picture.prepared {
                    update.unreadable.append(
                        Unreadable(path: "\(root)/\(picture.file.path)", reason: error.description)
                    )
                } else if picture.isKnown {
                    update.changed += 1
                } else {
                    update.added += 1
                }
            }
            update.unchanged = scan?.unchanged ?? 0
            progress(update)
            next = try await following
        }
        update.unchanged = scan?.unchanged ?? 0
        let folders = scan?.unreadable ?? []
        update.removed = try database.endScan(isWhole: folders.isEmpty)
        update.unreadable += folders.map { Unreadable(path: $0.path, reason: $0.description) }
        update.unreadableTotal = try database.unreadableCount() + folders.count
        update.total = try database.count()
        return update
    }

    /// Checks that an index is of this folder and model, or writes down that it is.
    private func adopt(_ root: String, _ pipeline: CLIPPipeline, _ probe: [Float], _ database: EmbeddingDatabase) throws
    {
        guard var header = try database.header() else {
            return try database.setHeader(
                .init(
                    folder: root,
                    model: pipeline.name,
                    modelPath: pipeline.modelPath,
                    dimension: pipeline.embeddingDimension,
                    probe: probe
                )
            )
        }
        try check(probe, of: pipeline, fits: header)
        guard header.folder != root || header.modelPath != pipeline.modelPath else { return }
        // A folder that was moved keeps its index.
        if header.folder != root, FileManager.default.fileExists(atPath: header.folder) {
            throw SearchError("\(path) is the index of \(header.folder); name another file for \(root), or remove it.")
        }
        (header.folder, header.modelPath) = (root, pipeline.modelPath)
        try database.setHeader(header)
    }

    /// A picture that the index does not know as it is.
    private struct Found: Sendable {
        let file: EmbeddingDatabase.File
        let isKnown: Bool
        let prepared: Result<PreparedPicture, SearchError>
    }

    /// Reads the next pictures that are new or changed, on all processors; nil after the last.
    private func nextBatch(_ size: Int, _ pipeline: CLIPPipeline) async throws -> [Found]? {
        guard let stale = try scan?.next(size), let root = scan?.root, !stale.isEmpty else { return nil }
        return await withTaskGroup(of: (Int, Found).self) { group in
            for (index, entry) in stale.enumerated() {
                group.addTask {
                    let prepared = Result { try pipeline.prepare(Image(contentsOf: "\(root)/\(entry.file.path)")) }
                        .mapError { SearchError(String(describing: $0)) }
                    return (index, Found(file: entry.file, isKnown: entry.isKnown, prepared: prepared))
                }
            }
            var found: [(Int, Found)] = []
            for await entry in group { found.append(entry) }
            return found.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private func embedded(
        _ found: [Found],
        _ pipeline: CLIPPipeline,
        batch: Int
    ) async throws -> [EmbeddingDatabase.Picture] {
        var embeddings = try await pipeline.embed(found.compactMap { try? $0.prepared.get() }, batch: batch)[...]
        return found.map { picture in
            .init(file: picture.file, embedding: picture.prepared.map { _ in embeddings.removeFirst() })
        }
    }

    /// Whether a file, links followed or not, is one of the pictures of the index.
    ///
    /// - Throws: ``SearchError`` where there is no index, or it is damaged.
    package func contains(_ file: String) throws -> Bool {
        let database = try EmbeddingDatabase.reading(path)
        let folder = URL(fileURLWithPath: try header(database).folder)
        let url = URL(fileURLWithPath: file).standardizedFileURL
        let names = [(url, folder), (url.resolvingSymlinksInPath(), folder.resolvingSymlinksInPath())]
            .filter { $0.path.hasPrefix($1.path + "/") }
        return try database.contains(names.map { String($0.path.dropFirst($1.path.count + 1)) })
    }

    // MARK: Searching

    /// A picture that was found.
    public struct Hit: Sendable, Equatable {
        /// The file.
        public let path: String
        /// How near it is to what was searched, −1 to 1.
        public let cosine: Float
    }

    /// Reads the index into memory, which the first search does otherwise.
    ///
    /// - Returns: how many pictures it has.
    /// - Throws: ``SearchError`` where there is no index, or it is damaged.
    @discardableResult
    public func load() throws -> Int { try contents().matrix.count }

    /// Whether the last update reached its end.
    ///
    /// - Throws: ``SearchError`` where there is no index, or it is damaged.
    public func isComplete() throws -> Bool { try contents().database.isComplete() }

    /// Where the model was that the index was made with.
    ///
    /// - Throws: ``SearchError`` where there is no index, or it is damaged.
    public func modelPath() throws -> String { try header(EmbeddingDatabase.reading(path)).modelPath }

    /// The pictures that fit words best, the best first.
    ///
    /// - Parameters:
    ///   - text: the words.
    ///   - pipeline: of the model that the index was made with.
    ///   - top: how many pictures at most.
    /// - Returns: what was found, the nearest first.
    /// - Throws: ``SearchError`` where there is no index, or it is of another model.
    public func search(_ text: String, with pipeline: CLIPPipeline, top: Int = 10) async throws -> [Hit] {
        try await search(pipeline.embed(texts: [text]), with: pipeline, top: top)
    }

    /// The pictures that are most like another, the best first.
    ///
    /// - Parameters:
    ///   - picture: any picture; where it is one of the index, it finds itself.
    ///   - pipeline: of the model that the index was made with.
    ///   - top: how many pictures at most.
    /// - Returns: what was found, the nearest first.
    /// - Throws: ``SearchError`` where there is no index, or it is of another model.
    public func search(_ picture: Image, with pipeline: CLIPPipeline, top: Int = 10) async throws -> [Hit] {
        try await search(pipeline.embed([pipeline.prepare(picture)]), with: pipeline, top: top)
    }

    private func search(_ queries: [[Float]], with pipeline: CLIPPipeline, top: Int) async throws -> [Hit] {
        try await check(pipeline)
        return try queries.flatMap { try search(embedding: $0, top: top) }
    }

    /// Checks that a pipeline's embeddings can be compared with those of the index.
    ///
    /// - Throws: ``SearchError`` where there is no index, or it was made with another model.
    public func check(_ pipeline: CLIPPipeline) async throws {
        let probe = try await Self.probe(pipeline)
        try check(probe, of: pipeline, fits: contents().header)
    }

    /// The pictures nearest to an embedding of the index's own model, the nearest first.
    ///
    /// - Parameters:
    ///   - embedding: of length 1, with as many numbers as the index's embeddings.
    ///   - top: how many pictures at most.
    /// - Returns: what was found, the nearest first.
    /// - Throws: ``SearchError`` where there is no index, or its embeddings have another number of numbers.
    public func search(embedding: [Float], top: Int = 10) throws -> [Hit] {
        let contents = try contents()
        guard embedding.count == contents.header.dimension else {
            throw SearchError(
                "The embedding has \(embedding.count) numbers; those of \(path) have \(contents.header.dimension)."
            )
        }
        return try contents.matrix.nearest(to: embedding, count: max(top, 0)).map {
            Hit(path: "\(contents.header.folder)/\(try contents.database.path(of: $0.id))", cosine: $0.cosine)
        }
    }

    /// What is in memory.
    private struct Loaded {
        let database: EmbeddingDatabase
        let header: EmbeddingDatabase.Header
        let matrix: EmbeddingMatrix
    }

    private func contents() throws -> Loaded {
        if let loaded { return loaded }
        let database = try EmbeddingDatabase.reading(path)
        let header = try header(database)
        var matrix = EmbeddingMatrix(dimension: header.dimension)
        try torchScope {
            try database.forEachEmbedding(of: header.dimension) { matrix.append($0, $1) }
            matrix.closeBlock()
        }
        let contents = Loaded(database: database, header: header, matrix: matrix)
        loaded = contents
        return contents
    }

    private func header(_ database: EmbeddingDatabase) throws -> EmbeddingDatabase.Header {
        guard let header = try database.header() else {
            throw SearchError("\(path) is empty; `lienzo search build FOLDER --index \(path)` fills it.")
        }
        return header
    }

    // MARK: The same model

    /// The embedding of a text that is always the same.
    private static func probe(_ pipeline: CLIPPipeline) async throws -> [Float] {
        try await pipeline.embed(texts: ["a photo of a lighthouse"]).first ?? []
    }

    /// Throws where embeddings of a pipeline and those of an index cannot be compared.
    private func check(_ probe: [Float], of pipeline: CLIPPipeline, fits header: EmbeddingDatabase.Header) throws {
        let cosine = zip(probe, header.probe).reduce(0) { $0 + $1.0 * $1.1 }
        // The same weights in another compute type give 0.9999.
        guard probe.count == header.dimension, cosine > 0.999 else {
            throw SearchError(
                "\(path) was made with another model (\(header.model), from \(header.modelPath)) than \(pipeline.name): "
                    + "use that one, or another index."
            )
        }
    }
}

/// The files of a folder that an index does not know as they are.
private final class Scan {
    let root: String
    private let database: EmbeddingDatabase
    private var files: FileWalk
    private var waiting: ArraySlice<(file: EmbeddingDatabase.File, isKnown: Bool)> = []
    /// Files that are as the index has them.
    private(set) var unchanged = 0
    /// Folders that cannot be read; what the index has of them stays.
    private(set) var unreadable: [FileError] = []

    /// Files that are looked up at once.
    private static let lookup = 512

    init(root: String, database: EmbeddingDatabase) {
        self.root = root
        self.database = database
        files = FileWalk([root])
    }

    /// Up to `count` files more; none after the last.
    func next(_ count: Int) throws -> [(file: EmbeddingDatabase.File, isKnown: Bool)] {
        while waiting.count < count {
            try Task.checkCancellation()
            let files = try nextFiles()
            guard !files.isEmpty else { break }
            let stale = try database.stale(files)
            unchanged += files.count - stale.count
            waiting += stale
        }
        defer { waiting = waiting.dropFirst(count) }
        return Array(waiting.prefix(count))
    }

    private func nextEntry() throws -> FileWalk.Entry? {
        while true {
            do { return try files.next() } catch {
                guard error.path != root else { throw error }
                unreadable.append(error)
            }
        }
    }

    private func nextFiles() throws -> [EmbeddingDatabase.File] {
        var found: [EmbeddingDatabase.File] = []
        while found.count < Self.lookup, let entry = try nextEntry() {
            let url = URL(fileURLWithPath: entry.path)
            var status = stat()
            guard entry.exists, Image.fileExtensions.contains(url.pathExtension.lowercased()),
                stat(entry.path, &status) == 0, status.st_mode & S_IFMT == S_IFREG
            else { continue }
            found.append(
                EmbeddingDatabase.File(
                    path: String(entry.path.dropFirst(root.count).drop { $0 == "/" }),
                    size: Int64(status.st_size),
                    modified: Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
                )
            )
        }
        return found
    }
}
