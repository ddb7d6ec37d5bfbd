import Foundation
package import LienzoImages

/// One sample of a webdataset shard, still encoded: the files that share a key.
package struct ShardSample: Sendable, Equatable {
    /// The name before the first dot of its last part.
    package let key: String
    /// The contents of each file by what follows that dot, such as `png` or `json`.
    package let files: [String: [UInt8]]
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
    /// - Throws: `DataError.malformed` where either is missing or cannot be decoded.
    package init(_ sample: ShardSample) throws(DataError) {
        guard let picture = ["png", "jpg", "jpeg", "webp"].lazy.compactMap({ sample.files[$0] }).first else {
            throw .malformed(
                path: sample.key,
                what: "expected a png, jpg or webp, found \(sample.files.keys.sorted())"
            )
        }
        key = sample.key
        do { image = try Image(data: Data(picture), alpha: .keep, name: sample.key) } catch {
            throw .malformed(path: sample.key, what: "\(error)")
        }
        record = try Self.record(sample)
    }

    fileprivate static func record(_ sample: ShardSample) throws(DataError) -> PictureRecord {
        if let json = sample.files["json"], let record = try? JSONDecoder().decode(PictureRecord.self, from: Data(json))
        {
            return record
        }
        guard let text = sample.files["txt"] else {
            throw .malformed(path: sample.key, what: "expected captions in json or txt, found neither")
        }
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
        return ShardSample(key: key, files: files)
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
