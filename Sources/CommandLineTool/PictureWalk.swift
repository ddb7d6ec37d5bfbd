import Foundation
import LienzoData
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
