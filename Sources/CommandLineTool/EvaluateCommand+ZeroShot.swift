import ArgumentParser
import LienzoEvaluation
import LienzoPipelines

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
        @OptionGroup var output: ClassificationOutput

        mutating func run() async throws {
            try output.requireWritable()
            let names = try classnames.map { try EvaluateCommand.lines($0, of: "class names") }
            let templates = try EvaluateCommand.readTemplates(templates)
            let pictures = try LabelledPictures(dataset, names: names)
            let pipeline = try CLIPPipeline(modelDirectory: try model.path())
            let texts = try await pipeline.embed(labels: pictures.classes, templates: templates)
            var report = ClassificationReport(classes: pictures.classes)
            let skipped = try await pictures.forEach(pipeline, normalized: true, batch: batch.size) { row, truth in
                report.add(truth: truth, scores: texts.map { zip($0, row).reduce(0) { $0 + $1.0 * $1.1 } })
            }
            try output.tell(report, .init(model: pipeline.name, templates: templates, skipped: skipped))
        }
    }

    /// The sentences of a file in which `{}` stands for a class; one plain sentence without a file.
    static func readTemplates(_ path: String?) throws(CommandError) -> [String] {
        guard let path else { return ["a photo of a {}"] }
        let templates = try lines(path, of: "templates")
        if let wrong = templates.first(where: { !$0.contains("{}") }) {
            throw CommandError("The template \"\(wrong)\" has no {} where the class goes.")
        }
        return templates
    }
}
