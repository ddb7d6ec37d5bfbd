import ArgumentParser
import Foundation
import LienzoPipelines

/// `lienzo generate`: a picture from words.
struct GenerateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Make pictures from words, or change a picture by words.",
        discussion: """
            Prints the path of each picture. The same words, seed and settings give the same picture; \
            'lienzo inspect' shows them later, and 'lienzo again' makes it again.
            """
    )

    @Argument(help: "What the picture shall show, in quotes; with --image-embedding it may be left out.")
    var prompt: String?

    @Option(
        name: .customLong("init"),
        help: ArgumentHelp("A picture to begin with.", valueName: "file"),
        completion: .file()
    )
    var image: String?

    @Option(
        help: ArgumentHelp("What of the picture is made anew, white, and what stays, black.", valueName: "file"),
        completion: .file()
    )
    var mask: String?

    @Option(help: "How much of the picture may change, above 0 to 1. (default: the model's own)")
    var strength: Double?

    @OptionGroup var control: ControlOptions

    @Option(
        help: ArgumentHelp(
            "An image embedding that 'lienzo prior' has written, in the prompt's place.",
            valueName: "file"
        ),
        completion: .file(extensions: ["safetensors"])
    )
    var imageEmbedding: String?

    @Option(help: "Which embedding of the file, from 0.")
    var embeddingRow = 0

    @OptionGroup var options: PictureOptions

    mutating func validate() throws {
        guard prompt != nil || imageEmbedding != nil else {
            throw ValidationError("There is no prompt; say in quotes what the picture shall show.")
        }
        _ = try options.recipe(prompt ?? "") {
            if imageEmbedding != nil { $0.source = .blend([], spherical: false) }
            $0.guessMode = control.guesses
        }
        guard mask == nil || image != nil else { throw ValidationError("--mask needs the picture, --init.") }
        guard strength == nil || image != nil else { throw ValidationError("--strength needs a picture, --init.") }
        guard embeddingRow == 0 || imageEmbedding != nil else {
            throw ValidationError("--embedding-row needs a file of embeddings, --image-embedding.")
        }
        if let strength, !(strength > 0 && strength <= 1) {
            throw ValidationError("--strength is \(strength); expected above 0 to 1.")
        }
    }

    mutating func run() async throws {
        let recipe = try options.recipe(prompt ?? "") { recipe in
            recipe.image = try image.map(Recipe.File.init)
            recipe.mask = try mask.map(Recipe.File.init)
            recipe.strength = strength
            try control.fill(&recipe)
            recipe.source = try imageEmbedding.map { .file(try Recipe.File($0), row: embeddingRow) }
        }
        let inputs = [image, mask, imageEmbedding].compactMap(\.self) + control.hints
        try await options.make(recipe, called: prompt ?? name(of: imageEmbedding), apartFrom: inputs)
    }

    /// What a picture of an embedding is called: the file of the embedding.
    private func name(of file: String?) -> String {
        URL(fileURLWithPath: file ?? "").deletingPathExtension().lastPathComponent
    }
}
