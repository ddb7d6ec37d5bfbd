import ArgumentParser
import LienzoImages

/// `lienzo inspect`: what a PNG says about how it was made.
struct InspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show the prompt, seed, model and version that a PNG carries."
    )

    @Argument(help: "A PNG that 'lienzo generate' made.", completion: .file(extensions: ["png"]))
    var picture: String

    @OptionGroup var output: OutputOptions

    mutating func run() async throws {
        let text = try Image.text(ofPNGAt: picture)
        if output.json {
            try Console.json(Report(path: picture, text: text))
        } else if text.isEmpty {
            Console.note("lienzo: \(picture) carries no text.")
        } else {
            for (key, value) in text.sorted(by: { $0.key < $1.key }) {
                Console.line("\(key): \(Console.printable(value))")
            }
        }
    }

    private struct Report: Encodable {
        let path: String
        let text: [String: String]
    }
}
