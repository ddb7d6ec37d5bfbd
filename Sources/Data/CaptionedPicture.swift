import Foundation
package import LienzoImages

/// A picture of a shard, decoded, with all that may be said of it.
package struct CaptionedPicture: Sendable {
    /// What the shard has beside a picture.
    private enum Words: Sendable {
        /// Captions by language, from which phrases are made.
        case record(PictureRecord)
        /// Captions as they stand, at least one.
        case lines([String])
    }

    /// The sample's key in its shard.
    package let key: String
    /// The picture with 3 channels; what was transparent is white.
    package let image: Image
    private let words: Words

    /// Decodes a sample: its picture (`png`, `jpg`, `jpeg` or `webp`) and its words.
    ///
    /// Words are a `json` with captions by language as `lienzo data build` writes it, else a `txt` with a caption a line,
    /// else the `caption` of another maker's `json`.
    ///
    /// - Throws: `DataError` where either is missing or cannot be read.
    package init(_ sample: ShardSample) throws(DataError) {
        key = sample.key
        words = try Self.words(sample)
        image = try sample.image(alpha: .overWhite)
    }

    private static func words(_ sample: ShardSample) throws(DataError) -> Words {
        let json = sample.files["json"].map { Data($0) }
        if let json, let record = try? JSONDecoder().decode(PictureRecord.self, from: json),
            record.captions.values.contains(where: { !$0.isEmpty })
        {
            return .record(record)
        }
        let text = sample.files["txt"].map { String(decoding: $0, as: UTF8.self) } ?? json.flatMap(Self.caption)
        let lines = (text ?? "").split(whereSeparator: \.isNewline)
            .map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }
        guard !lines.isEmpty else { throw sample.captionless }
        return .lines(lines)
    }

    private static func caption(_ json: Data) -> String? {
        struct Sample: Decodable { let caption: String? }
        return (try? JSONDecoder().decode(Sample.self, from: json))?.caption
    }

    /// The caption of one showing: a phrase about the record, or one of the lines.
    ///
    /// - Parameters:
    ///   - sampler: Makes phrases of records.
    ///   - generator: Where the choice comes from.
    /// - Returns: A caption in one of the picture's languages.
    package func caption(_ sampler: CaptionSampler, using generator: inout some RandomNumberGenerator) -> String {
        switch words {
        case .record(let record): sampler.caption(for: record, using: &generator)
        case .lines(let lines): lines.randomElement(using: &generator) ?? ""
        }
    }

    /// The caption that stands for the picture where nothing is drawn: the first, in English where there is English.
    package var title: String {
        switch words {
        case .record(let record):
            record.captions["en"]?.first ?? record.captions.sorted { $0.key < $1.key }.compactMap(\.value.first).first
                ?? ""
        case .lines(let lines): lines[0]
        }
    }
}
