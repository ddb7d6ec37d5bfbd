import ArgumentParser
import Foundation
import LienzoFigures
import LienzoFiles
import LienzoImages
import LienzoPipelines
import LienzoSearch

/// `lienzo search`: pictures of a folder, found by words or by another picture.
struct SearchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search",
        abstract: "Find the pictures of a folder by words, or by a picture that they are like.",
        subcommands: [Build.self, Query.self]
    )

    /// Refuses an index without a name, which SQLite would keep nowhere.
    private static func requireName(_ index: String) throws {
        guard !index.isEmpty else { throw ValidationError("--index is empty; name a file.") }
    }

    /// `lienzo search build`.
    struct Build: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "build",
            abstract: "Make the index of a picture folder, or bring it up to date.",
            discussion: """
                Only what is new or changed is looked at, and what is gone is forgotten. A build that was stopped goes \
                on where it stopped.
                """
        )

        @Argument(help: "The folder, with all folders in it.", completion: .directory)
        var folder: String

        @Option(help: "The index: one SQLite file.", completion: .file())
        var index: String

        @OptionGroup var model: ModelOptions
        @OptionGroup var batch: BatchOptions
        @OptionGroup var output: OutputOptions

        mutating func validate() throws {
            guard !folder.isEmpty else { throw ValidationError("The folder has no name.") }
            try SearchCommand.requireName(index)
        }

        mutating func run() async throws {
            let pipeline = try CLIPPipeline(modelDirectory: try model.path())
            let started = ContinuousClock.now
            let update = try await PictureIndex(index).update(folder: folder, with: pipeline, batch: batch.size) {
                guard Console.isInteractive else { return }
                let done = $0.added + $0.changed + $0.unreadable.count
                let rate = Double(done) / max((ContinuousClock.now - started) / .seconds(1), 1e-3)
                Console.write("\r\u{1B}[Klienzo: \(done.counted("picture")), \(Int(rate)) a second", to: .standardError)
            }
            if Console.isInteractive { Console.write("\r\u{1B}[K", to: .standardError) }
            for file in update.unreadable { Console.note("lienzo: \(file.reason)") }
            if output.json {
                return try Console.json(
                    Report(
                        index: index,
                        model: pipeline.name,
                        pictures: update.total,
                        added: update.added,
                        changed: update.changed,
                        removed: update.removed,
                        unchanged: update.unchanged,
                        skipped: update.unreadable.map { .init(path: $0.path, reason: $0.reason) }
                    )
                )
            }
            Console.line(
                "\(index): \(update.total.counted("picture")) (\(update.added) new, \(update.changed) changed, "
                    + "\(update.removed) gone, \(update.unreadableTotal) unreadable)"
            )
        }

        /// What `--json` prints.
        private struct Report: Encodable {
            let index: String
            let model: String
            /// How many can be found now.
            let pictures: Int
            let added: Int
            let changed: Int
            let removed: Int
            let unchanged: Int
            let skipped: [SkippedPicture]
        }
    }

    /// `lienzo search query`.
    struct Query: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "query",
            abstract: "Print the pictures of an index that are nearest to words or to a picture."
        )

        @Argument(help: "Words, or the file of a picture.", completion: .file())
        var query: String

        @Option(help: "The index that `lienzo search build` made.", completion: .file())
        var index: String

        @Option(help: "How many pictures.")
        var top = 10

        @Option(help: "Draw what was found into this PNG.", completion: .file(extensions: ["png"]))
        var sheet: String?

        @Option(help: "The model, by id or path; default: the one that the index was made with.", completion: .file())
        var model: String?

        @OptionGroup var output: OutputOptions

        mutating func validate() throws {
            guard 1...100_000 ~= top else { throw ValidationError("--top is \(top); expected 1 to 100000.") }
            guard query.contains(where: { !$0.isWhitespace }) else {
                throw ValidationError("The query is empty; say what to look for, or name a picture.")
            }
            try SearchCommand.requireName(index)
            try OutputFile.requireEnding(sheet, .png, option: "--sheet")
        }

        mutating func run() async throws {
            let clock = ContinuousClock()
            var seconds: [String: Double] = [:]
            func timed<Value>(_ part: String, _ work: () async throws -> Value) async throws -> Value {
                let start = clock.now
                defer { seconds[part] = (clock.now - start) / .seconds(1) }
                return try await work()
            }
            let pictures = PictureIndex(index)
            if let sheet {
                try OutputFile.requireWritable(sheet, apartFrom: isPicture ? [query] : [])
                guard try await !pictures.contains(sheet) else {
                    throw CommandError("--sheet is \(sheet), a picture of the index; name another file.")
                }
            }
            let path: String
            if let model {
                path = try ModelLocation.path(of: model)
            } else {
                path = try ModelLocation.path(was: try await pictures.modelPath(), for: index)
            }
            let pipeline = try CLIPPipeline(modelDirectory: path)
            let count = try await timed("loading") { try await pictures.load() }
            let embedding = try await timed("embedding") { try await embed(with: pipeline) }
            try await pictures.check(pipeline)
            if try await !pictures.isComplete() {
                Console.note("lienzo: the last build of \(index) was stopped; what it had not reached is not found.")
            }
            let hits = try await timed("searching") { try await pictures.search(embedding: embedding, top: top) }
            guard count > 0 else { throw CommandError("\(index) holds no picture.") }
            let gone = hits.count { !FileManager.default.fileExists(atPath: $0.path) }
            if gone > 0 { Console.note("lienzo: \(gone) of these are no longer there; build the index again.") }
            if let sheet { try draw(hits).write(to: sheet) }
            if output.json {
                return try Console.json(
                    Report(
                        index: index,
                        model: pipeline.name,
                        query: query,
                        pictures: count,
                        hits: hits.map { .init(path: $0.path, cosine: $0.cosine) },
                        sheet: sheet,
                        seconds: seconds
                    )
                )
            }
            for hit in hits { Console.line(String(format: "%.4f  ", hit.cosine) + Console.printable(hit.path)) }
            if let sheet { Console.line(sheet) }
        }

        private func embed(with pipeline: CLIPPipeline) async throws -> [Float] {
            let embeddings =
                isPicture
                ? try await pipeline.embed([pipeline.prepare(Image(contentsOf: query))])
                : try await pipeline.embed(texts: [query])
            return embeddings[0]
        }

        /// Whether the query names a picture; what looks like one and is not there is an error of whoever reads it.
        private var isPicture: Bool {
            let suffix = (query as NSString).pathExtension.lowercased()
            return Image.fileExtensions.contains(suffix)
                || query.contains("/")
                    && FileManager.default.fileExists(atPath: query)
        }

        /// What was found, as a sheet; a file that has gone since is left out.
        private func draw(_ hits: [PictureIndex.Hit]) throws -> Image {
            let items = hits.prefix(100).compactMap { hit in
                (try? Image(contentsOf: hit.path)).map {
                    ContactSheet.Item(
                        image: $0,
                        caption: String(format: "%.3f ", hit.cosine) + (hit.path as NSString).lastPathComponent
                    )
                }
            }
            return try ContactSheet(items: items, columns: min(max(items.count, 1), 5), title: query).image()
        }

        /// What `--json` prints.
        private struct Report: Encodable {
            let index: String
            let model: String
            let query: String
            /// How many pictures the index has.
            let pictures: Int
            let hits: [Hit]
            let sheet: String?
            /// What took how long.
            let seconds: [String: Double]

            struct Hit: Encodable {
                let path: String
                let cosine: Float
            }
        }
    }
}
