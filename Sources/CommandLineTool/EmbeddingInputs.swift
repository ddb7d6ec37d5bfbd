import Foundation
import LienzoData
import LienzoImages
import LienzoPipelines

/// What `lienzo embed` embeds, in order, batch by batch: pictures of files, folders and webdataset shards, then texts.
///
/// Nothing but the batches in work is in memory.
actor EmbeddingInputs {
    /// A picture that has been read, or why it could not be; or a text.
    enum Item: Sendable {
        case picture(CLIPPipeline.PreparedPicture)
        case text(String)
        case failure(String)
    }

    /// Inputs of one kind with their names.
    struct Batch: Sendable {
        /// The place of the first among all inputs.
        let start: Int
        let names: [String]
        let items: [Item]
        /// What shards say of the pictures; empty for texts.
        let facts: [PictureFacts]
    }

    private enum Source {
        case file(String)
        case bytes([UInt8])
    }

    private let pipeline: CLIPPipeline
    private let size: Int
    private var pictures: PictureWalk
    private var texts: [String]
    private var textFile: TextLines?
    private var position = 0

    /// - Parameters:
    ///   - images: paths of pictures, folders and shards.
    ///   - texts: the texts themselves.
    ///   - textFile: more texts.
    ///   - size: inputs in a batch.
    ///   - pipeline: prepares the pictures.
    init(images: [String], texts: [String], textFile: sending TextLines?, size: Int, pipeline: CLIPPipeline) {
        pictures = PictureWalk(images)
        self.texts = texts.reversed()
        self.textFile = textFile
        self.size = size
        self.pipeline = pipeline
    }

    /// Steps over inputs that have been embedded before; the pictures are not decoded.
    func skip(_ count: Int) throws {
        while position < count {
            guard try pictures.next() != nil || nextText() != nil else { return }
            position += 1
        }
    }

    /// The next batch, or nil after the last.
    ///
    /// - Throws: where a folder, a shard or the file of texts cannot be read; `CancellationError`.
    func next() async throws -> Batch? {
        var names: [String] = []
        var found: [PictureWalk.Picture] = []
        while found.count < size, let picture = try pictures.next() {
            try Task.checkCancellation()
            found.append(picture)
            names.append(picture.name)
        }
        let items: [Item]
        if found.isEmpty {
            while names.count < size, let text = try nextText() { names.append(text) }
            items = names.map(Item.text)
        } else {
            items = await decoded(found)
        }
        try Task.checkCancellation()
        guard !items.isEmpty else { return nil }
        defer { position += items.count }
        return Batch(start: position, names: names, items: items, facts: found.map(\.facts))
    }

    private func nextText() throws -> String? {
        if let text = texts.popLast() { return text }
        return try textFile?.next()
    }

    /// Decodes pictures on all processors.
    private nonisolated func decoded(_ pictures: [PictureWalk.Picture]) async -> [Item] {
        await withTaskGroup(of: (Int, Item).self) { group in
            for (index, picture) in pictures.enumerated() {
                group.addTask { [pipeline] in (index, picture.item(pipeline)) }
            }
            var items = [Item](repeating: .failure(""), count: pictures.count)
            for await (index, item) in group { items[index] = item }
            return items
        }
    }
}

/// What a shard says of a picture.
struct PictureFacts: Sendable {
    /// Its class, by number or name (`cls`).
    var label: String?
    /// Its captions by language; those without one (`txt`) are under "".
    var captions: [String: [String]] = [:]

    init() {}

    /// Reads the files beside the picture; what is not understood says nothing.
    init(_ files: [String: [UInt8]]) {
        func text(_ kind: String) -> String? {
            files[kind].map { String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines) }
        }
        label = text("cls")
        if let json = files["json"], let record = try? JSONDecoder().decode(PictureRecord.self, from: Data(json)) {
            captions = record.captions
        }
        if let lines = text("txt")?.split(whereSeparator: \.isNewline).map(String.init), !lines.isEmpty {
            captions[""] = lines
        }
    }
}

/// Walks through pictures in order: files as they are given, folders by name and depth, shards sample by sample.
struct PictureWalk {
    /// A picture, still encoded.
    struct Picture: Sendable {
        /// Its path, or the shard's path and the sample's key.
        let name: String
        /// Its bytes, where it is of a shard.
        var bytes: Result<[UInt8], CommandError>?
        var facts = PictureFacts()

        /// The picture as the image tower sees it, or why not.
        func item(_ pipeline: CLIPPipeline) -> EmbeddingInputs.Item {
            do {
                guard let bytes else { return .picture(try pipeline.prepare(Image(contentsOf: name))) }
                return .picture(try pipeline.prepare(Image(data: Data(bytes.get()), name: name)))
            } catch {
                return .failure(String(describing: error))
            }
        }
    }

    /// What is still to be walked through, the next at the end.
    private var waiting: [(path: String, isGiven: Bool)]
    private var shard: OpenShard?

    private static let suffixes: Set<String> = [
        "png", "jpg", "jpeg", "jfif", "webp", "gif", "svg", "heic", "heif", "avif", "bmp", "tif", "tiff",
    ]

    init(_ paths: [String]) {
        waiting = paths.reversed().map { ($0, true) }
    }

    /// The next picture, or nil after the last.
    ///
    /// - Throws: where a folder or a shard cannot be read.
    mutating func next() throws -> Picture? {
        while true {
            if let shard {
                if let picture = try shard.next() { return picture }
                self.shard = nil
            }
            guard let (path, isGiven) = waiting.popLast() else { return nil }
            var isFolder: ObjCBool = false
            let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
            if exists, isFolder.boolValue {
                // A link to a folder that was not asked for may lead round in a circle.
                if !isGiven, (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) != nil { continue }
                let names: [String]
                do { names = try FileManager.default.contentsOfDirectory(atPath: path) } catch {
                    throw CommandError("The folder \(path) cannot be read: \(error.localizedDescription)")
                }
                waiting += names.filter { !$0.hasPrefix(".") }.sorted(by: >).map { ("\(path)/\($0)", false) }
                continue
            }
            let suffix = URL(fileURLWithPath: path).pathExtension.lowercased()
            if exists, suffix == "tar" {
                shard = try OpenShard(path)
            } else if isGiven || Self.suffixes.contains(suffix) {
                return Picture(name: path)
            }
        }
    }

    /// A shard that is being read.
    private final class OpenShard {
        private let path: String
        private var reader: ShardReader

        init(_ path: String) throws {
            self.path = path
            reader = try ShardReader(path: path)
        }

        func next() throws -> Picture? {
            guard let sample = try reader.next() else { return nil }
            let bytes = sample.files.first { suffixes.contains($0.key) }?.value
            let name = "\(path)/\(sample.key)"
            return Picture(
                name: name,
                bytes: bytes.map { .success($0) } ?? .failure(CommandError("\(name) has no picture.")),
                facts: PictureFacts(sample.files)
            )
        }
    }
}
