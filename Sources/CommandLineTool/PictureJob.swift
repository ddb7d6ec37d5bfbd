import ArgumentParser
import Foundation
import LienzoImages
import LienzoPipelines

/// Makes the pictures of a recipe and writes each, with all that is needed to make it again.
struct PictureJob {
    /// Previews while a picture is made: where they go, and after how many steps one is made.
    struct Previews {
        let folder: String
        let every: Int
    }

    let recipe: Recipe
    let count: Int
    let target: PictureTarget
    var previews: Previews?

    /// What was made, as `--json` prints it.
    struct Report: Encodable {
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

    /// Does the work; progress goes to the terminal.
    ///
    /// - Parameter made: is told the path of each picture when it is written.
    /// - Returns: the report.
    /// - Throws: one sentence; `CancellationError`.
    func run(made: (String) -> Void) async throws -> Report {
        let start = ContinuousClock.now
        let generator = try recipe.open()
        var request = try recipe.request(over: generator.request(prompt: recipe.prompt))
        request.count = count
        request.previewEvery = previews?.every
        let complete = recipe.completed(by: request)

        var report = Report(model: generator.directory.name, prompt: recipe.prompt)
        var stages = StageProgress()
        for try await event in generator.generate(request) {
            switch event {
            case .notice(let sentence):
                stages.interrupt(with: "lienzo: \(sentence)")
            case .progress(let progress):
                stages.show(progress)
            case .preview(let image, let progress):
                try write(image, progress)
            case .finishedStage(let stage, let seconds):
                stages.finish()
                report.seconds[stage.rawValue, default: 0] += seconds
            case .picture(let picture):
                stages.finish()
                let path = target.path(seed: picture.seed)
                let text = try text(of: picture, by: complete, request, model: generator.directory)
                try picture.image.write(to: path, text: text)
                report.images.append(
                    .init(path: path, seed: picture.seed, width: picture.image.width, height: picture.image.height)
                )
                made(path)
            }
        }
        try Task.checkCancellation()
        report.seconds["total"] = start.duration(to: .now) / .seconds(1)
        return report
    }

    private func write(_ preview: Image, _ progress: GenerationProgress) throws {
        guard let previews else { return }
        try FileManager.default.createDirectory(atPath: previews.folder, withIntermediateDirectories: true)
        let name = URL(fileURLWithPath: target.path(seed: recipe.seed &+ UInt64(progress.picture)))
            .deletingPathExtension().lastPathComponent
        try preview.write(to: "\(previews.folder)/\(name)-step-\(progress.step).png")
    }

    /// What the PNG says about how it was made.
    private func text(
        of picture: GeneratedPicture,
        by recipe: Recipe,
        _ request: GenerationRequest,
        model: ModelDirectory
    ) throws -> [String: String] {
        var recipe = recipe
        recipe.seed = picture.seed
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return [
            "prompt": recipe.prompt,
            "seed": "\(picture.seed)",
            "model": [model.name, model.version].compactMap(\.self).joined(separator: " "),
            "version": "lienzo \(LienzoCommand.configuration.version)",
            "settings": request.settings,
            Recipe.key: String(decoding: try encoder.encode(recipe), as: UTF8.self),
        ]
    }
}
