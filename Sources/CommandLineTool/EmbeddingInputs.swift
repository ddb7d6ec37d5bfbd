import Crypto
import Foundation
import LienzoPipelines
import LienzoTorch

/// What `lienzo embed` embeds, in order, batch by batch: pictures of files, folders and webdataset shards, then texts.
///
/// Nothing but the batches in work is in memory.
actor EmbeddingInputs {
    /// A picture that has been read, or why it could not be; or a text.
    enum Item: Sendable {
        case picture(PreparedPicture)
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
        /// Of the names of all inputs up to and with these.
        let digest: String
    }

    private let encoder: any PictureEncoder
    /// Embeds texts, where there are any.
    private let dualEncoder: CLIPPipeline?
    private let size: Int
    private var pictures: PictureWalk
    private var texts: [String]
    private var textFile: TextLines?
    private var position = 0
    private var digest = NameDigest()

    /// - Parameters:
    ///   - images: paths of pictures, folders and shards.
    ///   - texts: the texts themselves.
    ///   - textFile: more texts.
    ///   - size: inputs in a batch.
    ///   - pipeline: embeds them.
    init(images: [String], texts: [String], textFile: sending TextLines?, size: Int, pipeline: CLIPPipeline) {
        pictures = PictureWalk(images)
        self.texts = texts.reversed()
        self.textFile = textFile
        self.size = size
        encoder = pipeline
        dualEncoder = pipeline
    }

    /// Pictures alone, for any network that sees them.
    init(images: [String], size: Int, encoder: any PictureEncoder) {
        pictures = PictureWalk(images)
        texts = []
        textFile = nil
        self.size = size
        self.encoder = encoder
        dualEncoder = nil
    }

    /// Steps over inputs that have been embedded before; the pictures are not decoded.
    ///
    /// - Returns: the digest of their names, by which the caller sees whether they are the same.
    func skip(_ count: Int) throws -> String {
        while position < count, let name = try pictures.next()?.name ?? nextText() {
            digest.add(name)
            position += 1
        }
        return digest.text
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
        for name in names { digest.add(name) }
        return Batch(start: position, names: names, items: items, facts: found.map(\.facts), digest: digest.text)
    }

    private func nextText() throws -> String? {
        if let text = texts.popLast() { return text }
        return try textFile?.next()
    }

    /// Decodes pictures on all processors.
    private nonisolated func decoded(_ pictures: [PictureWalk.Picture]) async -> [Item] {
        await withTaskGroup(of: (Int, Item).self) { group in
            for (index, picture) in pictures.enumerated() {
                group.addTask { [encoder] in (index, picture.item(encoder)) }
            }
            var items = [Item](repeating: .failure(""), count: pictures.count)
            for await (index, item) in group { items[index] = item }
            return items
        }
    }
}

extension EmbeddingInputs {
    /// Inputs that have gone through the network.
    struct EmbeddedBatch {
        /// One for each input that could be read, in order.
        let rows: [Row]
        let skipped: [SkippedInput]
        /// How many inputs these are.
        let count: Int
        /// Of the names of all inputs up to and with these.
        let digest: String

        struct Row {
            let name: String
            let embedding: [Float]
            /// What a shard says of a picture.
            let facts: PictureFacts
        }
    }

    /// Embeds batch after batch and tells what could not be read; two batches are read ahead while one is computed.
    nonisolated func forEachBatch(
        normalized isNormalized: Bool = true,
        body: (EmbeddedBatch) throws -> Void
    ) async throws {
        _ = Engine.sharesProcessors
        var current = reading(after: nil)
        var following = reading(after: current)
        defer { following.cancel() }
        while let batch = try await current.value {
            let third = reading(after: following)
            try body(try await embedded(batch, normalized: isNormalized))
            current = following
            following = third
        }
    }

    /// Reads the next batch once the one before has been read.
    private nonisolated func reading(after previous: Task<Batch?, any Error>?) -> Task<Batch?, any Error> {
        Task {
            if let previous, try await previous.value == nil { return nil }
            return try await next()
        }
    }

    /// The same, picture after picture; returns what could not be read.
    nonisolated func forEachPicture(
        normalized isNormalized: Bool = true,
        body: (EmbeddedBatch.Row) throws -> Void
    ) async throws -> [SkippedInput] {
        var skipped: [SkippedInput] = []
        try await forEachBatch(normalized: isNormalized) { batch in
            skipped += batch.skipped
            for row in batch.rows { try body(row) }
        }
        return skipped
    }

    private nonisolated func embedded(_ batch: Batch, normalized isNormalized: Bool) async throws -> EmbeddedBatch {
        var (pictures, texts): ([PreparedPicture], [String]) = ([], [])
        var (places, skipped): ([Int], [SkippedInput]) = ([], [])
        for (index, item) in batch.items.enumerated() {
            switch item {
            case .picture(let picture): pictures.append(picture)
            case .text(let text): texts.append(text)
            case .failure(let reason):
                Console.note("lienzo: \(reason)")
                skipped.append(SkippedInput(index: batch.start + index, path: batch.names[index], reason: reason))
                continue
            }
            places.append(index)
        }
        // A batch is of one kind.
        var embeddings = try await encoder.embed(pictures, normalized: isNormalized, batch: size)
        if let dualEncoder {
            embeddings += try await dualEncoder.embed(texts: texts, normalized: isNormalized, batch: size)
        }
        let rows = zip(places, embeddings).map { index, embedding in
            let facts = batch.facts.indices.contains(index) ? batch.facts[index] : PictureFacts()
            return EmbeddedBatch.Row(name: batch.names[index], embedding: embedding, facts: facts)
        }
        return EmbeddedBatch(rows: rows, skipped: skipped, count: batch.items.count, digest: batch.digest)
    }
}

/// An input that could not be read.
struct SkippedInput: Codable, Sendable, Equatable {
    /// Its place among the inputs, from 0.
    let index: Int
    let path: String
    let reason: String
}

/// Tells sequences of names apart.
private struct NameDigest {
    private var hash = SHA256()

    var text: String { Data(hash.finalize()).base64EncodedString() }

    mutating func add(_ name: String) {
        hash.update(data: Data(name.utf8))
        hash.update(data: Data([0]))
    }
}
