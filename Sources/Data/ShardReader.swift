import Foundation
package import LienzoImages

/// One sample of a webdataset shard, still encoded: the files that share a key.
package struct ShardSample: Sendable, Equatable {
    /// The name before the first dot of its last part.
    package let key: String
    /// The contents of each file by what follows that dot, such as `png` or `json`.
    package let files: [String: [UInt8]]
    /// The path of the shard; empty where it came from none.
    package var shard = ""
}

extension ShardSample {
    /// What messages call it: the shard's path and the key.
    package var name: String { shard.isEmpty ? key : "\(shard)/\(key)" }

    /// Decodes the picture: `png`, `jpg`, `jpeg` or `webp`.
    ///
    /// - Parameter alpha: What becomes of transparency.
    /// - Returns: The picture.
    /// - Throws: `DataError.malformed` where there is none, `.picture` where it cannot be decoded.
    func image(alpha: Image.AlphaTreatment) throws(DataError) -> Image {
        guard let picture = ["png", "jpg", "jpeg", "webp"].lazy.compactMap({ files[$0] }).first else {
            let found = files.keys.sorted().map { ".\($0)" }.joined(separator: ", ")
            throw .malformed(path: name, what: "expected a png, jpg or webp, found only \(found)")
        }
        do throws(ImageError) { return try Image(data: Data(picture), alpha: alpha, name: name) } catch {
            throw .picture(error)
        }
    }

    /// The error of a sample in whose files no captions were found.
    var captionless: DataError {
        let reason =
            switch files["json"].map({ (try? JSONSerialization.jsonObject(with: Data($0))) != nil }) {
            case nil: "expected captions in a json or a txt, found neither"
            case true?: "expected captions in its json, found none"
            case false?: "its json is broken; expected an object with captions"
            }
        return .malformed(path: name, what: reason)
    }
}

/// A decoded picture of a data set with its captions.
package struct PictureSample: Sendable {
    /// The sample's key in its shard.
    package let key: String
    /// The picture, with 4 channels where it has transparency.
    package let image: Image
    /// Captions, origin and family.
    package let record: PictureRecord

    /// Decodes a sample: its picture (`png`, `jpg`, `jpeg` or `webp`), and `json` or, from other makers, `txt`.
    ///
    /// - Throws: `DataError` where either is missing or cannot be decoded.
    package init(_ sample: ShardSample) throws(DataError) {
        key = sample.key
        image = try sample.image(alpha: .keep)
        record = try Self.record(sample)
    }

    fileprivate static func record(_ sample: ShardSample) throws(DataError) -> PictureRecord {
        if let json = sample.files["json"], let record = try? JSONDecoder().decode(PictureRecord.self, from: Data(json))
        {
            return record
        }
        guard let text = sample.files["txt"] else { throw sample.captionless }
        let caption = String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        return PictureRecord(
            captions: ["en": [caption]],
            source: "",
            licence: "",
            family: "",
            concept: "",
            medium: .photograph,
            file: sample.key
        )
    }
}

extension PictureRecord {
    /// What is known of the pictures of shards, in order, without decoding them.
    ///
    /// - Parameters:
    ///   - shards: Paths of tar archives.
    ///   - limit: How many are read at most.
    /// - Returns: One record for each sample.
    /// - Throws: `DataError` for a shard or a sample that cannot be read.
    package static func all(in shards: [String], limit: Int = .max) throws(DataError) -> [PictureRecord] {
        var records: [PictureRecord] = []
        for shard in shards where records.count < limit {
            var reader = try ShardReader(path: shard)
            while records.count < limit, let sample = try reader.next() {
                records.append(try PictureSample.record(sample))
            }
        }
        return records
    }
}

/// Streams the samples of one webdataset tar shard in order; one sample at a time is in memory and nothing is extracted.
///
/// Use it to look through a data set once, as evaluation does; training uses `ShardStream`.
package struct ShardReader: ~Copyable {
    private let path: String
    private var tar: TarReader
    private var pending: TarReader.Entry?
    private var started = false

    /// Opens a shard.
    ///
    /// - Parameters:
    ///   - path: A tar archive. It is not trusted.
    ///   - entryLimit: Files of more bytes than this are refused.
    /// - Throws: `DataError.unreadable`.
    package init(path: String, entryLimit: Int = 1 << 26) throws(DataError) {
        self.path = path
        tar = try TarReader(path: path, entryLimit: entryLimit)
    }

    /// The next sample, or nil after the last.
    ///
    /// - Throws: `DataError.malformed` for an archive that is damaged or has links, absolute names or oversize files.
    package mutating func next() throws(DataError) -> ShardSample? {
        guard let first = try advance() else { return nil }
        let (key, kind) = Self.parts(first.name)
        var files = [kind: try tar.contents()]
        pending = try tar.next()
        while let entry = pending, Self.parts(entry.name).key == key {
            files[Self.parts(entry.name).kind] = try tar.contents()
            pending = try tar.next()
        }
        return ShardSample(key: key, files: files, shard: path)
    }

    /// How many samples shards have, without reading their files.
    ///
    /// - Parameters:
    ///   - shards: Paths of tar archives.
    ///   - limit: Counting ends with this number.
    /// - Returns: At most `limit`.
    /// - Throws: `DataError` for a shard that cannot be read.
    package static func count(in shards: [String], limit: Int) throws(DataError) -> Int {
        var count = 0
        for shard in shards where count < limit {
            var reader = try ShardReader(path: shard)
            while count < limit, try reader.skip() { count += 1 }
        }
        return count
    }

    /// Steps over a sample without reading its files; false at the end.
    mutating func skip() throws(DataError) -> Bool {
        guard let first = try advance() else { return false }
        let key = Self.parts(first.name).key
        pending = try tar.next()
        while let entry = pending, Self.parts(entry.name).key == key { pending = try tar.next() }
        return true
    }

    private mutating func advance() throws(DataError) -> TarReader.Entry? {
        if !started {
            started = true
            pending = try tar.next()
        }
        return pending
    }

    private static func parts(_ name: String) -> (key: String, kind: String) {
        let start = name.lastIndex(of: "/").map { name.index(after: $0) } ?? name.startIndex
        guard let dot = name[start...].firstIndex(of: ".") else { return (name, "") }
        return (String(name[..<dot]), name[name.index(after: dot)...].lowercased())
    }
}
