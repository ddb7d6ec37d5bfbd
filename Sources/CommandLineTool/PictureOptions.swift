import ArgumentParser
import LienzoPipelines

/// What every command that makes pictures of words or pictures takes.
struct PictureOptions: ParsableArguments {
    @Option(help: "The seed of the first picture; the next ones count on.")
    var seed: UInt64 = 0

    @Option(help: "How many pictures, 1 to \(GenerationRequest.countLimit).")
    var count: Int = 1

    @OptionGroup var sampling: SamplingOptions

    @OptionGroup var generator: GeneratorOptions

    @Option(
        help: """
            How much noise goes on the image embedding, 0 (closest to it) to 999, of Stable unCLIP. (default: 0)
            """
    )
    var embeddingNoise: Int?

    @Option(
        help: "The PNG to write; of several, each name gets its seed. Default: named after the words, in this folder.",
        completion: .file(extensions: ["png"])
    )
    var output: String?

    @Option(
        name: .customLong("preview"),
        help: ArgumentHelp("A folder that gets a preview while a picture is made.", valueName: "folder"),
        completion: .directory
    )
    var previews: String?

    @Option(help: "After how many steps there is a preview.")
    var previewEvery: Int = 5

    @Flag(
        name: .customLong("no-safety-checker"),
        help: "Show every picture, also where the model has a safety checker that would make it black."
    )
    var skipsSafetyChecker = false

    @Flag(
        name: .customLong("no-watermark"),
        help: "Leave out the invisible watermark, which pictures of Stable Diffusion XL have."
    )
    var skipsWatermark = false

    @OptionGroup var format: OutputOptions

    mutating func validate() throws {
        try OutputFile.requireEnding(output, .png)
    }

    /// A recipe with these settings, which are checked as far as no model is needed for it.
    ///
    /// - Throws: `ValidationError` with the sentence of what is out of range.
    func recipe(_ prompt: String, changing change: (inout Recipe) throws -> Void = { _ in }) throws -> Recipe {
        var recipe = sampling.recipe(prompt, seed: seed)
        generator.fill(&recipe)
        recipe.embeddingNoise = embeddingNoise
        if skipsSafetyChecker { recipe.checksSafety = false }
        if skipsWatermark { recipe.addsWatermark = false }
        try change(&recipe)
        var request = recipe.settings(over: GenerationRequest(prompt: prompt))
        request.count = count
        request.previewEvery = previewEvery
        // An embedding takes the prompt's place; which, the recipe tells when its files are read.
        if recipe.source != nil { request.imageEmbedding = .given(ImageEmbedding([])) }
        do { try request.validate() } catch { throw ValidationError(error.description) }
        return recipe
    }

    /// Makes the pictures and prints their paths.
    ///
    /// - Parameters:
    ///   - recipe: what to make.
    ///   - name: what the pictures are called after where the user gave no output.
    ///   - inputs: files that must not be overwritten.
    /// - Throws: one sentence; `CancellationError`.
    func make(_ recipe: Recipe, called name: String, apartFrom inputs: [String] = []) async throws {
        let target = PictureTarget(output: output, prompt: name, count: count)
        let paths = (0..<count).map { target.path(seed: seed &+ UInt64($0)) }
        for path in paths { try OutputFile.requireWritable(path, apartFrom: inputs) }
        if let previews { try OutputFile.requireWritable(folder: previews, option: "--preview") }
        let job = PictureJob(
            recipe: recipe,
            count: count,
            target: target,
            previews: previews.map { .init(folder: $0, every: previewEvery) }
        )
        let report = try await job.run { if !format.json { Console.line($0) } }
        if format.json { try Console.json(report) }
    }
}
