import ArgumentParser
import LienzoPipelines

/// How the networks make a picture; what is not said is the model's own.
struct SamplingOptions: ParsableArguments {
    @Option(help: "Denoising steps: more is finer and slower. (default: the model's own)")
    var steps: Int?

    @Option(help: "Denoising steps of the prior, of models that have one. (default: the model's own)")
    var priorSteps: Int?

    @Option(help: "How hard the picture follows the words; 1 is as they are. (default: the model's own)")
    var guidance: Double?

    @Option(help: "How hard the prior follows the words; 1 is as they are. (default: the model's own)")
    var priorGuidance: Double?

    @Option(help: "How much of the contrast that guidance adds is taken back, 0 to 1. (default: 0)")
    var guidanceRescale: Double?

    @Option(
        help: """
            How many are made for each picture; the one that fits the words best by CLIP is kept. (default: the model's \
            own)
            """
    )
    var candidates: Int?

    @Option(name: .customLong("negative"), help: "What the picture shall not show.")
    var negativePrompt: String?

    @Option(help: "Columns of the picture in pixels. (default: the model's own)")
    var width: Int?

    @Option(help: "Rows of the picture in pixels. (default: the model's own)")
    var height: Int?

    @Option(
        help: ArgumentHelp(
            "The sampler, such as euler-a or dpm++2m-karras. (default: the model's own)",
            valueName: "name"
        )
    )
    var scheduler: String?

    /// A recipe with these settings.
    func recipe(_ prompt: String, seed: UInt64) -> Recipe {
        Recipe(
            prompt: prompt,
            negativePrompt: negativePrompt,
            seed: seed,
            steps: steps,
            priorSteps: priorSteps,
            guidance: guidance,
            priorGuidance: priorGuidance,
            guidanceRescale: guidanceRescale,
            candidates: candidates,
            width: width,
            height: height,
            scheduler: scheduler
        )
    }
}

extension GenerationRequest {
    /// What a picture's file says about its settings.
    var settings: String {
        let words = [
            "steps \(steps)", "prior steps \(priorSteps)", "guidance \(guidance)", "prior guidance \(priorGuidance)",
            candidates.map { "candidates \($0)" }, negativePrompt.map { "without \($0)" },
            scheduler.map { "scheduler \($0)" },
            strength.map { "strength \($0)" }, guidanceRescale == 0 ? nil : "guidance rescale \(guidanceRescale)",
            embeddingNoise == 0 ? nil : "embedding noise \(embeddingNoise)",
        ]
        return words.compactMap(\.self).joined(separator: ", ")
    }
}
