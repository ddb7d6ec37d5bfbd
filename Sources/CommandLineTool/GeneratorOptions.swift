import ArgumentParser
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
            guard let adaptation = Adaptation($0) else {
                throw ValidationError(
                    "--lora is \($0); expected a file, or a file and a number such as a.safetensors:0.8."
                )
            }
            return adaptation
        }
    )
    var adaptations: [Adaptation] = []

    /// Writes these choices into a recipe.
    func fill(_ recipe: inout Recipe) {
        recipe.model = model.model
        recipe.prior = prior
        recipe.precision = precision
        recipe.adaptations = adaptations.isEmpty ? nil : adaptations
    }
}

extension Precision: ExpressibleByArgument {}

extension Recipe {
    /// The model that the recipe names, ready to make pictures; no weights are read yet.
    ///
    /// - Throws: one sentence where it is not here, or cannot do what the recipe says.
    func open() throws -> any PictureGenerator {
        var options = ModelOptions()
        options.model = model
        return try openPictureGenerator(
            modelDirectory: try options.path(),
            prior: try prior.map { try ModelLocation.path(of: $0) },
            computeType: precision?.type,
            adaptations: (adaptations ?? []).map { ($0.path, $0.scale) }
        )
    }
}
