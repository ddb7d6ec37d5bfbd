import ArgumentParser
import Foundation
import LienzoFiles
import LienzoImages

/// `lienzo blend`: one picture of several pictures and texts.
struct BlendCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "blend",
        abstract: "Make a picture of what lies between pictures and texts.",
        discussion: """
            For models with an image embedding, such as Kandinsky. What is a file is taken as a picture, all else as \
            words. The embeddings are added by their weights, as Kandinsky does, or with --spherical taken from the great \
            circle between them, as DALL·E 2 does (Ramesh et al. 2022, section 3.2).
            """
    )

    @Argument(help: "Pictures and texts, at least two.", completion: .file())
    var ingredients: [String]

    @Option(
        help: ArgumentHelp("How much of each, with commas between. (default: as much of each)", valueName: "numbers")
    )
    var weights: String?

    @Flag(help: "Go along the sphere on which embeddings lie.")
    var spherical = false

    @Option(help: "Words that are told to the decoder beside them, for models whose decoder reads some.")
    var prompt = ""

    @OptionGroup var options: PictureOptions

    mutating func validate() throws {
        guard ingredients.count >= 2 else {
            throw ValidationError(
                "There is \(ingredients.count == 1 ? "one thing" : "nothing") to blend; give at least two."
            )
        }
        _ = try numbers()
        _ = try options.recipe(prompt) { $0.source = .blend([], spherical: false) }
    }

    private func numbers() throws(ValidationError) -> [Double] {
        guard let weights else { return ingredients.map { _ in 1 / Double(ingredients.count) } }
        let numbers = weights.split(separator: ",", omittingEmptySubsequences: false).map {
            Double($0.trimmingCharacters(in: .whitespaces))
        }
        let found = numbers.compactMap(\.self)
        guard found.count == numbers.count, found.count == ingredients.count else {
            throw ValidationError(
                "--weights is \(weights); expected \(ingredients.count.counted("number")) with commas between."
            )
        }
        return found
    }

    mutating func run() async throws {
        let parts = try zip(ingredients, numbers()).map { ingredient, weight in
            if FileManager.default.fileExists(atPath: ingredient) {
                return Recipe.Ingredient(picture: try Recipe.File(ingredient), weight: weight)
            }
            guard !Image.fileExtensions.contains(URL(fileURLWithPath: ingredient).pathExtension.lowercased()) else {
                throw CommandError("\(ingredient) is called like a picture, and there is no such file.")
            }
            return Recipe.Ingredient(text: ingredient, weight: weight)
        }
        let recipe = try options.recipe(prompt) { $0.source = .blend(parts, spherical: spherical) }
        let names = parts.map { part in
            part.text ?? URL(fileURLWithPath: part.picture?.path ?? "").deletingPathExtension().lastPathComponent
        }
        let pictures = parts.compactMap(\.picture?.path)
        try await options.make(recipe, called: names.joined(separator: " and "), apartFrom: pictures)
    }
}
