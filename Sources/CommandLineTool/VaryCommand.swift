import ArgumentParser
import Foundation

/// `lienzo vary`: other pictures of what a picture shows.
struct VaryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vary",
        abstract: "Make variations of a picture: what it shows, in other ways.",
        discussion: """
            For models with an image embedding, such as Kandinsky: the picture is embedded, and the decoder makes \
            pictures of the embedding (Ramesh et al. 2022, section 3.1).
            """
    )

    @Argument(help: "The picture.", completion: .file())
    var picture: String

    @Option(help: "Words that are told to the decoder beside it, for models whose decoder reads some.")
    var prompt = ""

    @OptionGroup var options: PictureOptions

    mutating func validate() throws {
        _ = try options.recipe(prompt) { $0.source = .blend([], spherical: false) }
    }

    mutating func run() async throws {
        let recipe = try options.recipe(prompt) {
            let ingredient = Recipe.Ingredient(picture: try Recipe.File(picture), weight: 1)
            $0.source = .blend([ingredient], spherical: false)
        }
        let name = URL(fileURLWithPath: picture).deletingPathExtension().lastPathComponent
        try await options.make(recipe, called: "\(name) varied", apartFrom: [picture])
    }
}
