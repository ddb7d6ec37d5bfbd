import ArgumentParser
import Foundation
import LienzoImages
import LienzoPipelines

/// `lienzo generate`: a picture from words.
struct GenerateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Make pictures from words.",
        discussion: """
            Prints the path of each picture. The same words, seed and settings give the same picture; \
            'lienzo inspect' shows them later.
            """
    )

    @Argument(help: "What the picture shall show, in quotes.")
    var prompt: String

    @Option(help: "The seed of the first picture; the next ones count on.")
    var seed: UInt64 = 0

    @Option(help: "How many pictures, 1 to \(GenerationRequest.countLimit).")
    var count: Int = 1

    @OptionGroup var sampling: SamplingOptions

    @OptionGroup var model: ModelOptions

    @Option(
        help: "The PNG to write; of several, each name gets its seed. Default: named after the words, in this folder.",
        completion: .file(extensions: ["png"])
    )
    var output: String?

    @OptionGroup var format: OutputOptions

    mutating func validate() throws {
        do {
            try request.validate()
        } catch {
            throw ValidationError(error.description)
        }
        try OutputFile.requireEnding(output, .png)
    }

    mutating func run() async throws {
        let start = ContinuousClock.now
        let target = PictureTarget(output: output, prompt: prompt, count: count)
        try OutputFile.requireWritable(target.path(seed: seed))
        let pipeline = try UnCLIPPipeline(modelDirectory: try model.path())

        var report = Report(model: pipeline.directory.name, prompt: prompt)
        var stages = StageProgress()
        for try await event in pipeline.generate(request) {
            switch event {
            case .notice(let sentence):
                stages.interrupt(with: "lienzo: \(sentence)")
            case .progress(let progress):
                stages.show(progress)
            case .preview:
                break
            case .finishedStage(let stage, let seconds):
                stages.finish()
                report.seconds[stage.rawValue, default: 0] += seconds
            case .picture(let picture):
                stages.finish()
                let path = target.path(seed: picture.seed)
                try picture.image.write(to: path, text: text(of: picture, directory: pipeline.directory))
                report.images.append(
                    .init(path: path, seed: picture.seed, width: picture.image.width, height: picture.image.height)
                )
                if !format.json { Console.line(path) }
            }
        }
        try Task.checkCancellation()
        report.seconds["total"] = start.duration(to: .now) / .seconds(1)
        if format.json { try Console.json(report) }
    }

    private var request: GenerationRequest { sampling.request(prompt, seed: seed, count: count) }

    /// What the PNG says about how it was made.
    private func text(of picture: GeneratedPicture, directory: ModelDirectory) -> [String: String] {
        [
            "prompt": prompt,
            "seed": "\(picture.seed)",
            "model": [directory.name, directory.version].compactMap(\.self).joined(separator: " "),
            "version": "lienzo \(LienzoCommand.configuration.version)",
            "settings": sampling.description,
        ]
    }

    /// What `--json` prints.
    private struct Report: Encodable {
        let model: String
        let prompt: String
        var images: [Picture] = []
        var seconds: [String: Double] = [:]

        struct Picture: Encodable {
            let path: String
            let seed: UInt64
            let width: Int
            let height: Int
        }
    }
}
