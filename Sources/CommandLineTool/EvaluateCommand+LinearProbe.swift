import ArgumentParser
import Foundation
import LienzoEvaluation
import LienzoFiles
import LienzoPipelines
import LienzoTorch

extension EvaluateCommand {
    /// `lienzo evaluate linear-probe`: how much a linear classifier makes of the embeddings.
    struct LinearProbeCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "linear-probe",
            abstract: "Fit a logistic regression to the embeddings of labelled pictures and count what it gets right.",
            discussion: """
                The penalty is the one of 96 that is best on held-out pictures: those of --validation, or every tenth \
                of the training pictures. The classifier is then fitted to both and measured on --test. The embeddings \
                are not normalised.
                """
        )

        @Argument(help: "Training pictures: a folder with a folder for each class, or shards.", completion: .file())
        var train: [String]

        @Option(parsing: .upToNextOption, help: "What is measured, laid out alike.", completion: .file())
        var test: [String]

        @Option(parsing: .upToNextOption, help: "What chooses the penalty, laid out alike.", completion: .file())
        var validation: [String] = []

        @Option(help: "What each class is called, one a line. (default: the folders' names)", completion: .file())
        var classnames: String?

        @Option(help: "Iterations of each fit at most.")
        var iterations = 1000

        @OptionGroup var model: ModelOptions
        @OptionGroup var batch: BatchOptions
        @OptionGroup var output: ClassificationOutput

        mutating func validate() throws {
            guard iterations > 0 else { throw ValidationError("--iterations is \(iterations); expected at least 1.") }
            guard !test.isEmpty else { throw ValidationError("There is nothing to --test on.") }
        }

        mutating func run() async throws {
            try output.requireWritable()
            let names = try classnames.map { try EvaluateCommand.lines($0, of: "class names") }
            let pipeline = try CLIPPipeline(modelDirectory: try model.path())
            let training = try LabelledPictures(train, names: names)
            let tests = try LabelledPictures(test, names: names)
            let heldOut = try validation.isEmpty ? nil : LabelledPictures(validation, names: names)
            for (set, paths) in [(tests, test), (heldOut ?? training, validation)] where set.classes != training.classes
            {
                throw CommandError(
                    "The classes of \(paths.joined(separator: ", ")) are not those of \(train.joined(separator: ", "))."
                )
            }
            var skipped: [SkippedInput] = []
            func embed(_ pictures: LabelledPictures) async throws -> Rows {
                var rows = Rows()
                skipped += try await pictures.forEach(pipeline, normalized: false, batch: batch.size) { row, truth in
                    rows.embeddings.append(row)
                    rows.labels.append(Int64(truth))
                }
                return rows
            }
            let all = try await embed(training)
            let held = try await heldOut.asyncMap(embed)
            let testing = try await embed(tests)
            let isHeld = (0..<all.labels.count).map { held == nil && $0 % 10 == 9 }
            guard held != nil || isHeld.contains(true) else {
                throw CommandError(
                    "The training set has \(all.labels.count.counted("picture")); expected 10 or more, or --validation."
                )
            }
            let probe = try LinearProbe(
                train: try all.samples(where: { !isHeld[$0] }),
                validation: try held?.samples(where: { _ in true })
                    ?? all.samples(where: { isHeld[$0] }),
                classes: training.classes.count,
                iterations: iterations
            ) {
                let accuracy = String(format: "%.1f", $0.accuracy * 100)
                Console.note(
                    "lienzo: penalty \(String(format: "%.3g", $0.penalty)): \(accuracy) % of held-out pictures"
                )
            }
            var report = ClassificationReport(classes: training.classes)
            let samples = try testing.samples(where: { _ in true })
            let logits = try torchScope { probe.classifier(samples.features).floats() }
            for (index, label) in testing.labels.enumerated() {
                let start = index * training.classes.count
                report.add(truth: Int(label), scores: Array(logits[start..<start + training.classes.count]))
            }
            try output.tell(
                report,
                .init(
                    model: pipeline.name,
                    penalty: probe.penalty,
                    trials: probe.trials.map { .init(penalty: $0.penalty, accuracy: $0.accuracy) },
                    skipped: skipped
                )
            )
        }

        /// Embeddings with their classes.
        private struct Rows {
            var embeddings: [[Float]] = []
            var labels: [Int64] = []

            /// Those rows that `isWanted` says.
            func samples(where isWanted: (Int) -> Bool) throws -> LinearProbe.Samples {
                let wanted = labels.indices.filter(isWanted)
                let rows = wanted.map { embeddings[$0] }
                return try torchScope {
                    LinearProbe.Samples(
                        features: Tensor(rows: rows, shape: [wanted.count, rows.first?.count ?? 0]),
                        labels: Tensor(wanted.map { labels[$0] })
                    )
                }
            }
        }
    }
}
