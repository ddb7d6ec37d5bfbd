import ArgumentParser
import LienzoEvaluation
import LienzoFiles
import LienzoPipelines

extension EvaluateCommand {
    /// `lienzo evaluate supervised`: a classifier that was trained for its classes, to stand beside a dual encoder.
    struct Supervised: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "supervised",
            abstract: "Classify labelled pictures by a supervised network and count what is right.",
            discussion: """
                Read are torchvision's ResNet-50, 101 and 152 and EfficientNet-Lite 0 to 4. The data set is as for \
                zero-shot, with as many classes as the network has, in its order.
                """
        )

        @Argument(help: "The folder, or shards.", completion: .file())
        var dataset: [String]

        @Option(help: "The network's checkpoint.", completion: .file())
        var classifier: String

        @Option(help: "What each class is called, one a line. (default: the folders' names)", completion: .file())
        var classnames: String?

        @OptionGroup var batch: BatchOptions
        @OptionGroup var output: ClassificationOutput

        mutating func run() async throws {
            try output.requireWritable()
            let names = try classnames.map { try EvaluateCommand.lines($0, of: "class names") }
            let pictures = try LabelledPictures(dataset, names: names)
            let network = try ImageClassifier(path: classifier)
            guard network.classes == pictures.classes.count else {
                throw CommandError(
                    "\(classifier) has \(network.classes.counted("class", "classes")) and the data set "
                        + "\(pictures.classes.count); expected as many. For a part of ImageNet's "
                        + "classes use `lienzo evaluate table`."
                )
            }
            var report = ClassificationReport(classes: pictures.classes)
            let skipped = try await pictures.forEach(network, normalized: false, batch: batch.size) { row, truth in
                report.add(truth: truth, scores: row)
            }
            try output.tell(report, .init(model: network.name, skipped: skipped))
        }
    }
}
