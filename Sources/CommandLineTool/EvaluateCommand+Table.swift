import ArgumentParser
import Foundation
import LienzoEvaluation
import LienzoFigures
import LienzoFiles
import LienzoPipelines

extension EvaluateCommand {
    /// `lienzo evaluate table`: the lecture's table of a dual encoder beside a supervised classifier.
    struct Table: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "table",
            abstract: "Measure a dual encoder and a supervised classifier on ImageNet and five sets like it.",
            discussion: """
                The sets are the folders imagenet (its validation pictures), imagenet-v2, imagenet-r, objectnet, \
                imagenet-sketch and imagenet-a of one folder, each with a folder for each class, called by synset or \
                number; ObjectNet as its archive has it. Sets that are not there are left out. Where a set has a part of \
                the classes, only these are answers. The published figures of ResNet-101 and CLIP ViT-L/14@336px stand \
                beside (Radford et al. 2021).
                """
        )

        @Argument(help: "The folder with the sets.", completion: .directory)
        var folder: String

        @Option(help: "A checkpoint of a supervised classifier with ImageNet's 1,000 classes.", completion: .file())
        var classifier: String?

        @Option(help: "ImageNet's synsets in the order of the classes, one a line.", completion: .file())
        var synsets = "\(names)/synsets.txt"

        @Option(help: "What each class is called, one a line.", completion: .file())
        var classnames = "\(names)/classnames.txt"

        @Option(help: "Sentences in which {} stands for the class, one a line.", completion: .file())
        var templates = "\(names)/templates.txt"

        @Option(help: "Write the table as a page.", completion: .file())
        var html: String?

        @OptionGroup var language: LanguageOption
        @OptionGroup var model: ModelOptions
        @OptionGroup var batch: BatchOptions
        @OptionGroup var output: OutputOptions

        /// Where `Scripts/fetch-imagenet-names` puts the names.
        private static let names = ".cache/imagenet"

        func validate() throws { try OutputFile.requireEnding(html, .html, option: "--html") }

        mutating func run() async throws {
            try OutputFile.requireWritable(html)
            let imageNet = try readNames()
            let templates = try EvaluateCommand.readTemplates(templates)
            guard let found = Self.found(in: folder) else {
                throw CommandError(
                    "\(folder) has none of \(ImageNetSet.all.map(\.folder).joined(separator: ", ")); expected one or more."
                )
            }
            // What is wrong with a set is told before hours of work.
            let sets = try found.map { (set: $0, classes: try $0.classes(in: folder, imageNet)) }
            let network = try classifier.map { try ImageClassifier(path: $0) }
            if let network, network.classes != imageNet.synsets.count {
                throw CommandError(
                    "\(classifier ?? "") has \(network.classes.counted("class", "classes")); expected ImageNet's "
                        + "\(imageNet.synsets.count)."
                )
            }
            let pipeline = try CLIPPipeline(modelDirectory: try model.path())
            let texts = try await pipeline.embed(labels: imageNet.names, templates: templates)
            var rows: [Row] = []
            for (set, classes) in sets {
                Console.note("lienzo: \(set.name)")
                guard try classes.pictures.hasPictures() else {
                    Console.note("lienzo: \(folder)/\(set.folder) has no picture; it is left out.")
                    continue
                }
                let supervised = try await network.asyncMap { network in
                    try await measure(classes, network, normalized: false) { $0 }
                }
                let zeroShot = try await measure(classes, pipeline, normalized: true) { picture in
                    texts.map { zip($0, picture).reduce(0) { $0 + $1.0 * $1.1 } }
                }
                rows.append(
                    Row(
                        set: set.name,
                        pictures: zeroShot.count,
                        classes: classes.members.count,
                        supervised: supervised.map { $0.top1 * 100 },
                        zeroShot: zeroShot.top1 * 100,
                        publishedResNet101: set.published.resNet101,
                        publishedCLIP: set.published.clip
                    )
                )
            }
            guard !rows.isEmpty else { throw CommandError("None of the sets in \(folder) has a picture.") }
            let table = Report(model: pipeline.name, classifier: network?.name, sets: rows)
            if let html { try AtomicFile.write(table.page(language.language).html.utf8, to: html) }
            if output.json { try Console.json(table) } else { table.print() }
        }

        private static func found(in folder: String) -> [ImageNetSet]? {
            let found = ImageNetSet.all.filter { FileManager.default.fileExists(atPath: "\(folder)/\($0.folder)") }
            return found.isEmpty ? nil : found
        }

        private func readNames() throws(CommandError) -> ImageNetSet.Names {
            for path in [synsets, classnames, templates] where !FileManager.default.fileExists(atPath: path) {
                throw CommandError("\(path) is missing; Scripts/fetch-imagenet-names gets it, or name another.")
            }
            let found = ImageNetSet.Names(
                synsets: try EvaluateCommand.lines(synsets, of: "synsets"),
                names: try EvaluateCommand.lines(classnames, of: "class names")
            )
            guard found.synsets.count == found.names.count, Set(found.synsets).count == found.synsets.count else {
                throw CommandError(
                    "\(synsets) has \(Set(found.synsets).count) synsets and \(classnames) \(found.names.count) names; "
                        + "expected as many, each synset once."
                )
            }
            return found
        }

        private func measure(
            _ classes: ImageNetSet.Classes,
            _ encoder: any PictureEncoder,
            normalized isNormalized: Bool,
            scores: ([Float]) -> [Float]
        ) async throws -> ClassificationReport {
            var report = ClassificationReport(classes: classes.pictures.classes)
            _ = try await classes.pictures.forEach(encoder, normalized: isNormalized, batch: batch.size) { row, truth in
                report.add(truth: truth, scores: classes.scores(scores(row)))
            }
            return report
        }

        /// A line of the table; shares in per cent.
        private struct Row: Encodable {
            let set: String
            let pictures: Int
            let classes: Int
            let supervised: Double?
            let zeroShot: Double
            let publishedResNet101: Double
            let publishedCLIP: Double
        }

        /// What `--json` prints.
        private struct Report: Encodable {
            let model: String
            let classifier: String?
            let sets: [Row]

            private func columns(_ words: EvaluationWords) -> [(name: String, value: (Row) -> Double?)] {
                [
                    ("ResNet-101, \(words.published)", { $0.publishedResNet101 }),
                    (classifier.map { "\($0), \(words.measured)" } ?? "", { $0.supervised }),
                    ("CLIP ViT-L/14@336px, \(words.published)", { $0.publishedCLIP }),
                    ("\(model), \(words.measured)", { $0.zeroShot }),
                ]
                .filter { !$0.0.isEmpty }
            }

            private func table(_ words: EvaluationWords) -> ShadedTable {
                let columns = columns(words)
                return ShadedTable(
                    rows: sets.map { "\($0.set) (\(words.size(pictures: $0.pictures, classes: $0.classes)))" },
                    columns: columns.map(\.name),
                    values: sets.map { row in columns.map { $0.value(row) ?? .nan } },
                    range: 0...100,
                    format: .decimals(1)
                )
            }

            func page(_ language: FigureLanguage) -> EvaluationPage {
                let words = language.evaluation
                return EvaluationPage(
                    title: words.tableTitle,
                    subtitle: words.tableSubtitle,
                    sections: [.init(title: words.tableSection, note: words.tableNote, table: table(words))],
                    language: language
                )
            }

            func print() {
                let columns = columns(.english)
                Console.line(
                    "top-1 in %".padding(toLength: 42, withPad: " ", startingAt: 0)
                        + columns.map(\.name).joined(separator: "   ")
                )
                for row in sets {
                    let cells = columns.map { column in
                        let text = column.value(row).map { String(format: "%.1f", $0) } ?? "–"
                        return String(repeating: " ", count: max(0, column.name.count - text.count)) + text
                    }
                    Console.line(
                        Console.printable("\(row.set) (\(EvaluationWords.english.pictures(row.pictures)))").padding(
                            toLength: 42,
                            withPad: " ",
                            startingAt: 0
                        )
                            + cells.joined(separator: "   ")
                    )
                }
            }
        }
    }
}
