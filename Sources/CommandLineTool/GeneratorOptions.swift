import ArgumentParser
import Foundation
import LienzoPipelines

/// Which model makes pictures, and in which arithmetic.
struct GeneratorOptions: ParsableArguments {
    @OptionGroup var model: ModelOptions

    @Option(
        name: .customLong("prior"),
        help: ArgumentHelp(
            "The prior's folder or id, of a model that is published as two, such as Kandinsky 2.2.",
            valueName: "id|path"
        ),
        completion: .directory
    )
    var prior: String?

    @Option(
        help:
            "The arithmetic: \(Precision.allCases.map(\.rawValue).joined(separator: " or ")). (default: what is fast here)"
    )
    var precision: Precision?

    @Option(
        name: .customLong("lora"),
        help: ArgumentHelp("A file of LoRA that is added to the model, with its strength.", valueName: "file[:scale]"),
        completion: .file(extensions: ["safetensors"]),
        transform: {
            guard let adaptation = ScaledPath($0) else {
                throw ValidationError(
                    "--lora is \($0); expected a file, or a file and a number such as a.safetensors:0.8."
                )
            }
            return adaptation
        }
    )
    var adaptations: [ScaledPath] = []

    @Option(
        name: .customLong("textual-inversion"),
        help: ArgumentHelp(
            "A file with the vectors of a word that the model shall know, with the word where the file does not name it.",
            valueName: "file[:word]"
        ),
        completion: .file()
    )
    var learnedWords: [String] = []

    @Option(
        help: """
            How weights are kept: as the arithmetic wants them, or as int8, which takes half the memory and more time. \
            (default: full)
            """
    )
    var storage: WeightStorage?

    @Option(
        help: """
            normal, or low: parts of the model are read when they are needed and let go, and large pictures are made in \
            tiles. (default: normal)
            """
    )
    var memory: MemoryUse?

    /// Writes these choices into a recipe.
    func fill(_ recipe: inout Recipe) {
        recipe.model = model.model
        recipe.prior = prior
        recipe.precision = precision
        recipe.storage = storage
        recipe.memory = memory
        recipe.adaptations = adaptations.isEmpty ? nil : adaptations
        recipe.learnedWords = learnedWords.isEmpty ? nil : learnedWords
    }
}

extension Precision: ExpressibleByArgument {}

/// How weights are kept in memory.
enum WeightStorage: String, CaseIterable, Codable, ExpressibleByArgument {
    case full, int8
}

/// How much of a model is in memory at once; with little, pictures that are larger than those the autoencoder was trained
/// on are made in tiles, and not the same to the last bit.
enum MemoryUse: String, CaseIterable, Codable, ExpressibleByArgument {
    case low, normal
}

extension Recipe {
    /// The model that the recipe names, ready to make pictures; no weights are read yet.
    ///
    /// - Returns: the pipeline.
    /// - Throws: one sentence where it is not here, or cannot do what the recipe says.
    func open() throws -> any PictureGenerator {
        try openPictureGenerator(
            modelDirectory: modelPath(),
            prior: prior.map { try ModelLocation.path(of: $0) },
            loading: loading()
        )
    }

    /// The prior that the recipe names, or else that of its model; no weights are read yet.
    ///
    /// - Returns: the pipeline.
    /// - Throws: one sentence where it is not here, or cannot do what the recipe says.
    func openPrior() throws -> PriorPipeline {
        guard adaptations == nil, learnedWords == nil else {
            throw CommandError("A prior takes no LoRA and no learned words; leave them out.")
        }
        return try PriorPipeline(
            modelDirectory: prior.map { try ModelLocation.path(of: $0) } ?? modelPath(),
            loading: loading()
        )
    }

    private func modelPath() throws -> String {
        var options = ModelOptions()
        options.model = model
        return try options.path()
    }

    private func loading() throws -> LoadingOptions {
        try LoadingOptions(
            computeType: precision?.type,
            storesInt8: storage == .int8,
            keepsParts: memory != .low,
            adaptations: (adaptations ?? []).map { ($0.path, $0.scale) },
            learnedTokens: (learnedWords ?? []).map { text in
                // A path may have colons itself.
                guard !FileManager.default.fileExists(atPath: text), let colon = text.lastIndex(of: ":") else {
                    return (text, nil)
                }
                return (String(text[..<colon]), String(text[text.index(after: colon)...]))
            },
            controlNetworks: (controls ?? []).compactMap(\.network).map { try ModelLocation.path(of: $0.path) }
        )
    }
}
