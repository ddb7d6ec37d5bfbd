import ArgumentParser
import Foundation
import LienzoEvaluation
import LienzoPipelines

/// `lienzo evaluate`: how good a dual encoder is.
struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure a dual encoder: zero-shot classification, retrieval.",
        subcommands: [ZeroShot.self, Retrieval.self]
    )
}

extension EvaluateCommand {
    /// `lienzo evaluate zero-shot`: the share of pictures whose class is named rightly without training.
    struct ZeroShot: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "zero-shot",
            abstract: "Classify labelled pictures by texts and count what is right.",
            discussion: """
                The data set is a folder with a folder for each class, or webdataset shards with a number for each \
                picture (cls). Classes are numbered by the order of the folders' names.
                """
        )

        @Argument(help: "The folder, or shards.", completion: .file())
        var dataset: [String]

        @Option(help: "What each class is called, one a line. (default: the folders' names)", completion: .file())
        var classnames: String?

        @Option(help: "Sentences in which {} stands for the class, one a line.", completion: .file())
        var templates: String?

        @OptionGroup var model: ModelOptions

        @OptionGroup var batch: BatchOptions

        @OptionGroup var output: OutputOptions

        mutating func run() async throws {
            let names = try classnames.map { try EvaluateCommand.lines($0, of: "class names") }
            let sentences = try templates.map { try EvaluateCommand.lines($0, of: "templates") } ?? ["a photo of a {}"]
            if let wrong = sentences.first(where: { !$0.contains("{}") }) {
                throw CommandError("The template \"\(wrong)\" has no {} where the class goes.")
            }
            let folders = try Self.folders(dataset)
            guard let classes = names ?? folders else {
                throw CommandError(
                    "\(dataset.joined(separator: ", ")) has no folders of classes, and shards do not say what their "
                        + "classes are called; give --classnames."
                )
            }
            if let names, let folders, names.count != folders.count {
                throw CommandError(
                    "There are \(folders.count) folders and \(names.count) class names; expected as many."
                )
            }
            let pipeline = try CLIPPipeline(modelDirectory: try model.path())
            let texts = try await pipeline.embed(labels: classes, templates: sentences)
            let inputs = EmbeddingInputs(
                images: dataset,
                texts: [],
                textFile: nil,
                size: batch.size,
                pipeline: pipeline
            )
            var report = ClassificationReport(classes: classes)
            let skipped = try await inputs.forEachPicture { picture in
                let truth: Int?
                if let folders {
                    let rest = picture.name.dropFirst(dataset[0].count).drop { $0 == "/" }
                    truth = folders.firstIndex(of: String(rest.prefix { $0 != "/" }))
                } else {
                    truth = picture.facts.label.flatMap { Int($0) ?? classes.firstIndex(of: $0) }
                }
                guard let truth, classes.indices.contains(truth) else {
                    throw CommandError(
                        "\(picture.name) has the class \(picture.facts.label ?? "none"); expected 0 to \(classes.count - 1)."
                    )
                }
                report.add(
                    truth: truth,
                    scores: texts.map { zip($0, picture.embedding).reduce(0) { $0 + $1.0 * $1.1 } }
                )
            }
            guard report.count > 0 else {
                throw CommandError("There is no picture in \(dataset.joined(separator: ", ")).")
            }
            if output.json {
                try Console.json(Report(model: pipeline.name, report: report, templates: sentences, skipped: skipped))
            } else {
                Console.line(
                    String(
                        format: "%d pictures, %d classes: top-1 %.1f %%, top-5 %.1f %%, mean per class %.1f %%",
                        report.count,
                        classes.count,
                        report.top1 * 100,
                        report.top5 * 100,
                        report.meanPerClass * 100
                    )
                )
            }
        }

        /// The folders of a data set of folders; nil for shards.
        private static func folders(_ dataset: [String]) throws(CommandError) -> [String]? {
            guard let path = dataset.first, dataset.count == 1 else { return nil }
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
                throw CommandError("\(path) is missing; expected a folder with a folder for each class, or shards.")
            }
            guard isFolder.boolValue, let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
                return nil
            }
            let folders = names.filter { name in
                var isFolder: ObjCBool = false
                return !name.hasPrefix(".")
                    && FileManager.default.fileExists(atPath: "\(path)/\(name)", isDirectory: &isFolder)
                    && isFolder.boolValue
            }
            return folders.isEmpty ? nil : folders.sorted()
        }

        /// What `--json` prints.
        private struct Report: Encodable {
            let model: String
            let pictures: Int
            let top1: Double
            let top5: Double
            let meanPerClass: Double
            let perClass: [Class]
            let confusion: [Confusion]
            let templates: [String]
            let skipped: [SkippedInput]

            struct Class: Encodable {
                let name: String
                let right: Double?
            }

            /// How many pictures of a class were taken for which, where any were.
            struct Confusion: Encodable {
                let truth: String
                let predicted: String
                let pictures: Int
            }

            init(model: String, report: ClassificationReport, templates: [String], skipped: [SkippedInput]) {
                self.model = model
                pictures = report.count
                (top1, top5, meanPerClass) = (report.top1, report.top5, report.meanPerClass)
                perClass = zip(report.classes, report.perClass).map { Class(name: $0, right: $1) }
                confusion = zip(report.classes, report.confusion).flatMap { truth, row in
                    row.sorted { $0.key < $1.key }.map {
                        Confusion(truth: truth, predicted: report.classes[$0.key], pictures: $0.value)
                    }
                }
                self.templates = templates
                self.skipped = skipped
            }
        }
    }

    /// `lienzo evaluate retrieval`: how often a picture finds its caption, and a caption its picture.
    struct Retrieval: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "retrieval",
            abstract: "Find captions by pictures and pictures by captions, and count what is among the first 1, 5, 10.",
            discussion: "The data set is webdataset shards with captions: txt, a caption a line, or json."
        )

        @Argument(help: "The shards, or a folder of them.", completion: .file())
        var dataset: [String]

        @Option(help: "The language of the captions, where the shards have several.")
        var language = "en"

        @Option(help: "Captions of each picture that count at most.")
        var captions = 5

        @OptionGroup var model: ModelOptions

        @OptionGroup var batch: BatchOptions

        @OptionGroup var output: OutputOptions

        mutating func validate() throws {
            guard captions >= 1 else { throw ValidationError("--captions is \(captions); expected at least 1.") }
        }

        mutating func run() async throws {
            let pipeline = try CLIPPipeline(modelDirectory: try model.path())
            let inputs = EmbeddingInputs(
                images: dataset,
                texts: [],
                textFile: nil,
                size: batch.size,
                pipeline: pipeline
            )
            var (pictures, texts, matching): ([[Float]], [String], [Int]) = ([], [], [])
            let skipped = try await inputs.forEachPicture { picture in
                let own = (picture.facts.captions[language] ?? picture.facts.captions[""] ?? []).prefix(captions)
                guard !own.isEmpty else { return }
                texts += own
                matching += own.map { _ in pictures.count }
                pictures.append(picture.embedding)
            }
            guard !pictures.isEmpty else {
                throw CommandError("No picture in \(dataset.joined(separator: ", ")) has a caption in \(language).")
            }
            let report = RetrievalReport(
                pictures: pictures,
                texts: try await pipeline.embed(texts: texts),
                matching: matching
            )
            if output.json {
                try Console.json(
                    Report(
                        model: pipeline.name,
                        pictures: pictures.count,
                        captions: texts.count,
                        cutoffs: RetrievalReport.cutoffs,
                        captionOfPicture: report.textOfPicture,
                        pictureOfCaption: report.pictureOfText,
                        skipped: skipped
                    )
                )
                return
            }
            Console.line("\(pictures.count) pictures, \(texts.count) captions")
            for (name, recall) in [
                ("picture → caption", report.textOfPicture), ("caption → picture", report.pictureOfText),
            ] {
                let cells = zip(RetrievalReport.cutoffs, recall).map { String(format: "R@%d %.1f %%", $0, $1 * 100) }
                Console.line("\(name)  \(cells.joined(separator: "  "))")
            }
        }

        /// What `--json` prints.
        private struct Report: Encodable {
            let model: String
            let pictures: Int
            let captions: Int
            let cutoffs: [Int]
            let captionOfPicture: [Double]
            let pictureOfCaption: [Double]
            let skipped: [SkippedInput]
        }
    }

    /// The lines of a file that has at least one.
    private static func lines(_ path: String, of what: String) throws(CommandError) -> [String] {
        var file = try TextLines(path, form: .plain)
        var lines: [String] = []
        while let line = try file.next() { lines.append(line.trimmingCharacters(in: .whitespaces)) }
        guard !lines.isEmpty else { throw CommandError("\(path) is empty; expected \(what), one a line.") }
        return lines
    }
}

extension EmbeddingInputs {
    /// Embeds picture after picture, normalised; returns what could not be read.
    fileprivate nonisolated func forEachPicture(body: (EmbeddedBatch.Row) throws -> Void) async throws -> [SkippedInput]
    {
        var skipped: [SkippedInput] = []
        try await forEachBatch { batch in
            skipped += batch.skipped
            for row in batch.rows { try body(row) }
        }
        return skipped
    }
}
