import ArgumentParser
import Foundation
import LienzoFigures
import LienzoImages
import LienzoPipelines

/// `lienzo gallery`: many prompts on one sheet, to see at a glance what a model can do.
struct GalleryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gallery",
        abstract: "Make a picture of each line of a file, all on one sheet."
    )

    @Argument(help: "A text file with one prompt a line.", completion: .file())
    var prompts: String

    @Option(help: "The seed of every picture.")
    var seed: UInt64 = 0

    @Option(help: "How many pictures stand side by side.")
    var columns = 4

    @OptionGroup var sampling: SamplingOptions

    @OptionGroup var options: GeneratorOptions

    @Option(help: "The PNG to write.", completion: .file(extensions: ["png"]))
    var output = "gallery.png"

    func validate() throws {
        if !(1...32).contains(columns) { throw ValidationError("--columns is \(columns), expected 1 to 32") }
        try OutputFile.requireEnding(output, .png)
        do {
            try recipe("a").settings(over: GenerationRequest(prompt: "a")).validate()
        } catch {
            throw ValidationError(error.description)
        }
    }

    private func recipe(_ prompt: String) -> Recipe {
        var recipe = sampling.recipe(prompt, seed: seed)
        options.fill(&recipe)
        return recipe
    }

    func run() async throws {
        var file = try TextLines(prompts, form: .plain)
        var lines: [String] = []
        while lines.count <= 256, let line = try file.next() { lines.append(line) }
        guard (1...256).contains(lines.count) else {
            throw CommandError(
                "\(prompts) has \(lines.count > 256 ? "more than 256" : "no") prompts; expected 1 to 256."
            )
        }
        try OutputFile.requireWritable(output, apartFrom: [prompts])
        let generator = try recipe("a").open()
        func request(_ prompt: String) -> GenerationRequest {
            recipe(prompt).settings(over: generator.request(prompt: prompt))
        }
        var bar = ProgressBar("gallery", total: lines.count, unit: "pictures")
        var items: [ContactSheet.Item] = []
        for (index, prompt) in lines.enumerated() {
            for try await event in generator.generate(request(prompt)) {
                switch event {
                case .notice(let sentence): Console.note("lienzo: \(sentence)")
                case .picture(let picture): items.append(ContactSheet.Item(image: picture.image, caption: prompt))
                case .progress, .preview, .finishedStage: break
                }
            }
            try Task.checkCancellation()
            bar.update(completed: index + 1)
        }
        bar.finish()
        let sheet = try ContactSheet(items: items, columns: columns).image()
        try sheet.write(
            to: output,
            text: ["model": generator.directory.name, "seed": "\(seed)", "settings": request("a").settings]
        )
        Console.line(output)
    }
}
