import Foundation
import LienzoFiles

/// How far the building of a data set is.
package enum BuildEvent: Sendable {
    /// A stage begins.
    case stage(String)
    /// So many of all pictures have been rendered.
    case rendered(Int, of: Int)
}

/// Builds the data set of `mini` from unpacked Debian packages: pictures with captions as webdataset tar shards.
///
/// The same packages give the same bytes: candidates are sorted, shards carry no times, and chance is a hash of names.
/// Everything is built in a folder beside `output` that takes its place when it is complete.
package struct DatasetBuilder: Sendable {
    /// The Debian packages that are read.
    package static let packages =
        [
            OpenClipart.package, NotoEmoji.package, "unicode-cldr-core", TuxPaintStamps.package, GCompris.package,
            EmojiOne.package,
        ] + IconThemes.packages

    private let root: String
    /// The version of each package, for the summary.
    let versions: [String: String]

    /// - Parameters:
    ///   - root: The folder that the packages are unpacked in (`/` where they are installed).
    ///   - versions: The version of each package, for the summary.
    package init(root: String, versions: [String: String] = [:]) {
        self.root = root
        self.versions = versions
    }

    /// Builds the data set.
    ///
    /// - Parameters:
    ///   - output: The folder to make; one that is there is replaced.
    ///   - progress: Told how far the work is.
    /// - Returns: What the data set holds.
    /// - Throws: `DataError`; `output` is then as it was.
    package func build(
        output: String,
        progress: @escaping @Sendable (BuildEvent) -> Void
    ) async throws(DataError) -> DatasetSummary {
        // Without a slash at the end, which would put the folder that is being built into the one that it replaces.
        let output = URL(fileURLWithPath: output).standardizedFileURL.path
        try requireReplaceable(output)
        let folder = output + ".partial"
        do {
            if FileManager.default.fileExists(atPath: folder) { try FileManager.default.removeItem(atPath: folder) }
            try FileManager.default.createDirectory(atPath: folder + "/scratch", withIntermediateDirectories: true)
        } catch { throw .unwritable(path: folder, reason: error.localizedDescription) }
        do throws(DataError) {
            let summary = try await fill(folder, progress: progress)
            do {
                try FileManager.default.removeItem(atPath: folder + "/scratch")
                let old = output + ".old"
                if FileManager.default.fileExists(atPath: old) { try FileManager.default.removeItem(atPath: old) }
                let replaces = FileManager.default.fileExists(atPath: output)
                if replaces { try FileManager.default.moveItem(atPath: output, toPath: old) }
                try FileManager.default.moveItem(atPath: folder, toPath: output)
                if replaces { try FileManager.default.removeItem(atPath: old) }
            } catch { throw DataError.unwritable(path: output, reason: error.localizedDescription) }
            return summary
        } catch {
            try? FileManager.default.removeItem(atPath: folder)
            throw error
        }
    }

    /// Refuses a folder that holds something other than a data set, before any work is done.
    private func requireReplaceable(_ output: String) throws(DataError) {
        guard FileManager.default.fileExists(atPath: output) else { return }
        let files = try? FileManager.default.contentsOfDirectory(atPath: output)
        guard let files, files.isEmpty || files.contains("summary.json") else {
            throw .unwritable(path: output, reason: "it holds other things than a data set; name another folder")
        }
    }

    private func fill(
        _ folder: String,
        progress: @escaping @Sendable (BuildEvent) -> Void
    ) async throws(DataError) -> DatasetSummary {
        var drops: [Drop] = []
        progress(.stage("reading captions"))
        let (candidates, lexicon) = try gather(scratch: folder + "/scratch") { drops.append($0) }
        progress(.rendered(0, of: candidates.count))
        let rendered = await render(candidates, progress: progress)
        if Task.isCancelled { throw .cancelled }
        progress(.stage("leaving out duplicates"))
        let chosen = choose(rendered, lexicon: lexicon) { drops.append($0) }
        progress(.stage("writing \(chosen.count.counted("picture"))"))
        let shards = try write(chosen, to: folder)
        let summary = summarise(chosen, drops: drops, shards: shards)
        try drawContactSheet(of: chosen, to: folder + "/contact-sheet.png")
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            try encoder.encode(summary).write(to: URL(fileURLWithPath: folder + "/summary.json"))
            try Data(summary.text.utf8).write(to: URL(fileURLWithPath: folder + "/summary.txt"))
            let leftOut = drops.map { "\($0.reason.rawValue)\t\($0.file)\n" }.joined()
            try Data(leftOut.utf8).write(to: URL(fileURLWithPath: folder + "/left-out.tsv"))
        } catch { throw .unwritable(path: folder, reason: error.localizedDescription) }
        return summary
    }

    /// All pictures that have captions, the best sources first, and English names with their Spanish ones.
    private func gather(
        scratch: String,
        drop: (Drop) -> Void
    ) throws(DataError) -> (candidates: [Candidate], lexicon: Lexicon) {
        let annotations = "\(root)/usr/share/unicode/cldr/common"
        let english = try EmojiNames(folder: annotations, language: "en")
        let spanish = try EmojiNames(folder: annotations, language: "es")
        let names = ["en": english, "es": spanish]
        let stamps = try TuxPaintStamps(root: root)
        let clipart = try OpenClipart(root: root)

        var lexicon = Lexicon()
        for (en, es) in stamps.names { lexicon.add(en, es) }
        for (sequence, name) in english.names.sorted(by: { $0.key < $1.key }) {
            if let es = spanish.names[sequence], !name.contains(":") { lexicon.add(name.lowercased(), es.lowercased()) }
        }

        var vocabulary = clipart.words.union(everydayWords)
        for text in Array(english.names.values) + english.keywords.values.joined() {
            vocabulary.formUnion(text.lowercased().split { !$0.isLetter }.map(String.init))
        }
        for name in stamps.names { vocabulary.formUnion(name.english.split { !$0.isLetter }.map(String.init)) }
        var translations: [String: String] = [:]
        for language in ["it", "fr", "es", "de", "pt"] {
            let foreign = try EmojiNames(folder: annotations, language: language)
            for (sequence, name) in foreign.names.sorted(by: { $0.key < $1.key }) {
                guard let en = english.names[sequence]?.lowercased(), !en.contains(":") else { continue }
                let key = name.lowercased()
                if translations[key] == nil, !vocabulary.contains(key) { translations[key] = en }
            }
        }
        vocabulary.subtract(foreignWords)
        let cleaner = CaptionCleaner(vocabulary: vocabulary, translations: translations.merging(foreignNames) { $1 })

        var candidates = try NotoEmoji(root: root, names: names).candidates(drop: drop)
        candidates += try stamps.candidates(cleaner: cleaner, drop: drop)
        candidates += clipart.candidates(cleaner: cleaner, drop: drop)
        candidates += try GCompris(root: root).candidates(cleaner: cleaner, scratch: scratch, drop: drop)
        candidates += try EmojiOne(root: root, names: names).candidates(drop: drop)
        candidates += try IconThemes(root: root).candidates(drop: drop)
        return (candidates, lexicon)
    }

    /// Renders with two tasks at a time; the results stand in the order of the candidates.
    private func render(
        _ candidates: [Candidate],
        progress: @escaping @Sendable (BuildEvent) -> Void
    ) async -> [(Candidate, Result<PictureRenderer.Rendered, DropReason>)] {
        let piece = 64
        let starts = Array(stride(from: 0, to: candidates.count, by: piece))
        var results: [Int: [Result<PictureRenderer.Rendered, DropReason>]] = [:]
        await withTaskGroup(of: (Int, [Result<PictureRenderer.Rendered, DropReason>]).self) { group in
            var waiting = starts.makeIterator()
            func begin() {
                guard let start = waiting.next() else { return }
                let contents = candidates[start..<min(start + piece, candidates.count)].map(\.content)
                group.addTask { (start, contents.map { PictureRenderer().render($0) }) }
            }
            begin()
            begin()
            for await (start, rendered) in group {
                results[start] = rendered
                progress(.rendered(min(results.count * piece, candidates.count), of: candidates.count))
                if !Task.isCancelled { begin() }
            }
        }
        return Array(zip(candidates, starts.flatMap { results[$0] ?? [] }))
    }
}
