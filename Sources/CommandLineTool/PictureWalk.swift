import Foundation
import LienzoData
import LienzoFiles
import LienzoImages
import LienzoPipelines

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
        func item(_ encoder: any PictureEncoder) -> EmbeddingInputs.Item {
            do {
                guard let bytes else { return .picture(try encoder.prepare(Image(contentsOf: name))) }
                return .picture(try encoder.prepare(Image(data: Data(bytes.get()), name: name)))
            } catch {
                return .failure(String(describing: error))
            }
        }
    }

    private var files: FileWalk
    private var shard: OpenShard?

    init(_ paths: [String]) {
        files = FileWalk(paths)
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
            guard let file = try files.next() else { return nil }
            let suffix = URL(fileURLWithPath: file.path).pathExtension.lowercased()
            if file.exists, suffix == "tar" {
                shard = try OpenShard(file.path)
            } else if file.isGiven || Image.fileExtensions.contains(suffix) {
                return Picture(name: file.path)
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
            let bytes = sample.files.first { Image.fileExtensions.contains($0.key) }?.value
            let name = "\(path)/\(sample.key)"
            return Picture(
                name: name,
                bytes: bytes.map { .success($0) } ?? .failure(CommandError("\(name) has no picture.")),
                facts: PictureFacts(sample.files)
            )
        }
    }
}
