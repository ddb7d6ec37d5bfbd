import Crypto
import Foundation
import LienzoFigures
import LienzoImages

/// A picture that the data set takes.
struct ChosenPicture: Sendable {
    var record: PictureRecord
    let png: [UInt8]
    var split = Split.train

    /// A number that depends on nothing but where the picture comes from; pictures are ordered by it.
    var order: UInt64 { SHA256.number(record.file) }
}

extension DatasetBuilder {
    /// Leaves out near-duplicates and what families have too much of, completes the records, and splits by concept.
    func choose(
        _ rendered: [(Candidate, Result<PictureRenderer.Rendered, DropReason>)],
        lexicon: Lexicon,
        drop: (Drop) -> Void
    ) -> [ChosenPicture] {
        var seen = NearDuplicates()
        var chosen: [ChosenPicture] = []
        for (candidate, result) in rendered {
            switch result {
            case .failure(let reason): drop(Drop(file: candidate.record.file, reason: reason))
            case .success(let picture):
                if seen.contains(picture.measure) {
                    drop(Drop(file: candidate.record.file, reason: .duplicate))
                } else {
                    seen.insert(picture.measure)
                    let record = completed(candidate.record, measure: picture.measure, lexicon: lexicon)
                    chosen.append(ChosenPicture(record: record, png: picture.png))
                }
            }
        }
        chosen.sort { ($0.order, $0.record.file) < ($1.order, $1.record.file) }
        var sizes: [String: Int] = [:]
        chosen.removeAll { picture in
            sizes[picture.record.family, default: 0] += 1
            let isFull = sizes[picture.record.family, default: 0] > FamilyCaps.cap(of: picture.record.family)
            if isFull { drop(Drop(file: picture.record.file, reason: .family)) }
            return isFull
        }
        let rule = SplitRule(concepts: chosen.map(\.record.concept))
        for i in chosen.indices { chosen[i].split = rule.split(of: chosen[i].record) }
        return chosen
    }

    /// The record with its concept, medium, family, Spanish name and the caption that its colour gives.
    private func completed(_ record: PictureRecord, measure: PictureMeasure, lexicon: Lexicon) -> PictureRecord {
        var record = record
        let english = record.captions["en"]?.first ?? ""
        record.concept = conceptHead(of: english.split { !$0.isLetter && $0 != "'" && $0 != "’" }.map(String.init))
        if record.family.isEmpty { record.family = record.concept }
        if record.medium == .photograph, measure.flatness > 0.35 || measure.colours < 120 { record.medium = .drawing }
        if record.captions["es"] == nil, let spanish = lexicon[english] { record.derived["es"] = [spanish] }
        if let colour = measure.colour {
            if let phrase = colour.english(english) { record.derived["en", default: []].append(phrase) }
            if let name = record.captions["es"]?.first ?? record.derived["es"]?.first, let phrase = colour.spanish(name)
            {
                record.derived["es", default: []].append(phrase)
            }
        }
        return record
    }

    /// Writes one shard per split in the pictures' order and returns each file's SHA-256.
    func write(_ pictures: [ChosenPicture], to folder: String) throws(DataError) -> [String: String] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var digests: [String: String] = [:]
        for split in Split.allCases {
            let name = "\(split.rawValue)-00000.tar"
            var tar = try TarWriter(path: "\(folder)/\(name)")
            for (number, picture) in pictures.filter({ $0.split == split }).enumerated() {
                let digits = String(number)
                let key = String(repeating: "0", count: max(0, 6 - digits.count)) + digits
                let json: Data
                do { json = try encoder.encode(picture.record) } catch {
                    throw .unwritable(path: "\(folder)/\(name)", reason: error.localizedDescription)
                }
                try tar.add("\(key).json", [UInt8](json))
                try tar.add("\(key).png", picture.png)
            }
            digests[name] = try tar.finish()
        }
        return digests
    }

    /// Writes a picture of the data set: a few hundred of its pictures, evenly chosen, each with its words under it.
    func drawContactSheet(of pictures: [ChosenPicture], to path: String) throws(DataError) {
        let count = min(256, pictures.count)
        do {
            let items = try (0..<count).map { number in
                let picture = pictures[number * pictures.count / count]
                let record = picture.record
                let words = [record.captions["en"]?.first, record.derived["en"]?.first ?? record.captions["es"]?.first]
                return ContactSheet.Item(
                    image: try Image(data: Data(picture.png), alpha: .keep).flattened(over: .white),
                    caption: words.compactMap(\.self).joined(separator: " · ")
                )
            }
            try ContactSheet(items: items, columns: 16, side: 104).image().write(to: path)
        } catch { throw .unwritable(path: path, reason: "\(error)") }
    }

    func summarise(_ pictures: [ChosenPicture], drops: [Drop], shards: [String: String]) -> DatasetSummary {
        func count(_ key: (ChosenPicture) -> [String]) -> [String: Int] {
            pictures.reduce(into: [:]) { counts, picture in for k in key(picture) { counts[k, default: 0] += 1 } }
        }
        let captions = Dictionary(grouping: pictures, by: \.split).map { split, pictures in
            (split.rawValue, Set(pictures.compactMap { $0.record.captions["en"]?.first }).count)
        }
        return DatasetSummary(
            packages: versions,
            pictures: pictures.count,
            bySplit: count { [$0.split.rawValue] },
            bySource: count { [$0.record.source] },
            byMedium: count { [$0.record.medium.rawValue] },
            byLicence: count { ["\($0.record.source): \($0.record.licence)"] },
            byLanguage: count { $0.record.captions.keys + $0.record.derived.keys.map { $0 + " derived" } },
            byFamily: count { [$0.record.family] },
            concepts: count { [$0.record.concept] },
            distinctCaptions: Dictionary(captions) { first, _ in first },
            dropped: drops.reduce(into: [:]) { $0[$1.reason.rawValue, default: 0] += 1 },
            shards: shards
        )
    }
}

/// The pictures seen so far, in buckets of similar mean brightness, so that each is compared with few others.
private struct NearDuplicates {
    private var buckets: [Int: [PictureMeasure]] = [:]

    private func bucket(_ measure: PictureMeasure) -> Int { measure.grid.reduce(0) { $0 + Int($1) } / (48 * 6) }

    func contains(_ measure: PictureMeasure) -> Bool {
        let middle = bucket(measure)
        return (middle - 1...middle + 1).contains { buckets[$0]?.contains { $0.resembles(measure) } ?? false }
    }

    mutating func insert(_ measure: PictureMeasure) { buckets[bucket(measure), default: []].append(measure) }
}
