import ArgumentParser
import Foundation
import LienzoFigures
import LienzoImages
import LienzoPipelines

/// `lienzo shift`: a picture moved step by step along the difference between two texts.
struct ShiftCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shift",
        abstract: "Move a picture from one text towards another, as a strip of pictures.",
        discussion: """
            For models with an image embedding, such as Kandinsky: the picture's embedding is turned towards the \
            difference between the texts' embeddings (Ramesh et al. 2022, section 3.3).
            """
    )

    @Argument(help: "The picture.", completion: .file())
    var picture: String

    @Option(help: "What the picture is, such as \"a photo of a cat\".")
    var from: String

    @Option(help: "What it shall become, such as \"a photo of a tiger\".")
    var to: String

    @Option(name: .customLong("pictures"), help: "How many pictures the strip has, 2 to 32.")
    var pictures = 5

    @Option(help: "How far the last one goes: 0 stays, 1 leaves nothing of the picture; 0.25 to 0.5 are usual.")
    var share = 0.5

    @OptionGroup var options: PictureOptions

    mutating func validate() throws {
        guard (2...32).contains(pictures) else {
            throw ValidationError("--pictures is \(pictures); expected 2 to 32.")
        }
        guard (0...1).contains(share) else { throw ValidationError("--share is \(share); expected 0 to 1.") }
        guard options.count == 1 else { throw ValidationError("--count is \(options.count); a strip is one picture.") }
        _ = try options.recipe(to) { $0.source = .blend([], spherical: false) }
    }

    mutating func run() async throws {
        let file = try Recipe.File(picture)
        let name = URL(fileURLWithPath: picture).deletingPathExtension().lastPathComponent
        let output =
            options.output ?? PictureTarget(output: nil, prompt: "\(name) to \(to)", count: 1).path(seed: options.seed)
        try OutputFile.requireWritable(output, apartFrom: [picture])

        var recipe = try options.recipe(to) { $0.source = .shift(file, from: from, to: to, share: share) }
        let generator = try recipe.open()
        var stages = StageProgress()
        var items: [ContactSheet.Item] = []
        for place in 0..<pictures {
            let part = share * Double(place) / Double(pictures - 1)
            recipe.source = .shift(file, from: from, to: to, share: part)
            for try await event in generator.generate(try recipe.request(over: generator.request(prompt: to))) {
                switch event {
                case .notice(let sentence): stages.interrupt(with: "lienzo: \(sentence)")
                case .progress(let progress): stages.show(progress)
                case .picture(let picture):
                    stages.finish()
                    let percent = (part * 100).formatted(.number.precision(.fractionLength(0)))
                    items.append(ContactSheet.Item(image: picture.image, caption: "\(percent) %"))
                case .preview, .finishedStage: stages.finish()
                }
            }
            try Task.checkCancellation()
        }
        let sheet = try ContactSheet(
            items: items,
            columns: pictures,
            side: max(items.map { max($0.image.width, $0.image.height) }.max() ?? 0, 64),
            captionLines: 1,
            title: "\(from) → \(to)"
        ).image()
        try sheet.write(to: output, text: ["prompt": "\(from) → \(to)", "seed": "\(options.seed)"])
        if options.format.json {
            try Console.json(["output": output])
        } else {
            Console.line(output)
        }
    }
}
