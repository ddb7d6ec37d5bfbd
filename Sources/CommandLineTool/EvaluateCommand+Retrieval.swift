import ArgumentParser
import Foundation
import LienzoEvaluation
import LienzoFiles
import LienzoPipelines

extension EvaluateCommand {
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
            let dataset = try ShardPaths.all(dataset)
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
            Console.line("\(pictures.count.counted("picture")), \(texts.count.counted("caption"))")
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
}
