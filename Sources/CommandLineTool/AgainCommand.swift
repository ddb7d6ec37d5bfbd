import ArgumentParser
import Foundation
import LienzoImages

/// `lienzo again`: the picture of a PNG, made once more.
struct AgainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "again",
        abstract: "Make the picture of a PNG again, from what the PNG says of how it was made.",
        discussion: """
            Says whether the new picture is the same, pixel by pixel. Other processors and other arithmetic round \
            otherwise, which may show in the last bits.
            """
    )

    @Argument(help: "A PNG that Lienzo made.", completion: .file(extensions: ["png"]))
    var picture: String

    @Option(help: "The PNG to write. (default: the name with -again)", completion: .file(extensions: ["png"]))
    var output: String?

    @OptionGroup var format: OutputOptions

    mutating func validate() throws {
        try OutputFile.requireEnding(output, .png)
    }

    mutating func run() async throws {
        let recipe = try Self.recipe(of: picture)
        let original = try Image(contentsOf: picture)
        let path = output ?? "\((picture as NSString).deletingPathExtension)-again.png"
        try OutputFile.requireWritable(path, apartFrom: [picture])
        let target = PictureTarget(output: path, prompt: recipe.prompt, count: 1)
        let report = try await PictureJob(recipe: recipe, count: 1, target: target).run { _ in }
        let isSame = try Image(contentsOf: path) == original
        if format.json {
            try Console.json(Report(picture: picture, again: report, same: isSame))
        } else {
            Console.line(path)
            Console.note(
                isSame ? "lienzo: It is the same picture, pixel by pixel." : "lienzo: Its pixels are not all the same."
            )
        }
    }

    /// What a PNG says of how it was made.
    static func recipe(of picture: String) throws -> Recipe {
        guard let text = try Image.text(ofPNGAt: picture)[Recipe.key] else {
            throw CommandError(
                "\(picture) does not say how it was made; expected a PNG of one picture that Lienzo made, and no strip or "
                    + "gallery of several."
            )
        }
        do {
            return try JSONDecoder().decode(Recipe.self, from: Data(text.utf8))
        } catch {
            throw CommandError("\(picture) says how it was made in a way that this version does not understand.")
        }
    }

    private struct Report: Encodable {
        let picture: String
        let again: PictureJob.Report
        let same: Bool
    }
}
