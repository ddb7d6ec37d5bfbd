import ArgumentParser
import LienzoImages

/// `lienzo inspect`: what a PNG says about how it was made.
struct InspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show the prompt, seed, model and version that a PNG carries.",
        discussion: "Says, too, whether it has the invisible watermark of Stable Diffusion XL."
    )

    @Argument(help: "A PNG that 'lienzo generate' made.", completion: .file(extensions: ["png"]))
    var picture: String

    @OptionGroup var output: OutputOptions

    mutating func run() async throws {
        let text = try Image.text(ofPNGAt: picture)
        let hasWatermark = Watermark.isIn(try Image(contentsOf: picture))
        if output.json {
            try Console.json(Report(path: picture, text: text, watermark: hasWatermark))
            return
        }
        if text.isEmpty { Console.note("lienzo: \(picture) carries no text.") }
        for (key, value) in text.sorted(by: { $0.key < $1.key }) {
            Console.line("\(key): \(Console.printable(value))")
        }
        if hasWatermark { Console.line("watermark: Stable Diffusion XL") }
    }

    private struct Report: Encodable {
        let path: String
        let text: [String: String]
        let watermark: Bool
    }
}
