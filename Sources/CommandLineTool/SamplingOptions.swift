import ArgumentParser
import LienzoPipelines

/// How prior and decoder make a picture.
struct SamplingOptions: ParsableArguments {
    /// Where the defaults of the options are kept.
    private static let defaults = GenerationRequest(prompt: "")

    @Option(help: "Denoising steps of the decoder: more is finer and slower.")
    var steps: Int = defaults.steps

    @Option(help: "Denoising steps of the prior.")
    var priorSteps: Int = defaults.priorSteps

    @Option(help: "How hard the decoder follows the words; 1 is as they are.")
    var guidance: Double = defaults.guidance

    @Option(help: "How hard the prior follows the words; 1 is as they are.")
    var priorGuidance: Double = defaults.priorGuidance

    @Option(help: "How many are made for each picture; the one that fits the words best by CLIP is kept.")
    var candidates: Int = defaults.candidates

    /// The request with these settings.
    func request(_ prompt: String, seed: UInt64, count: Int = 1) -> GenerationRequest {
        GenerationRequest(
            prompt: prompt,
            seed: seed,
            count: count,
            steps: steps,
            priorSteps: priorSteps,
            guidance: guidance,
            priorGuidance: priorGuidance,
            candidates: candidates
        )
    }

    /// What a picture's file says about its settings.
    var description: String {
        "steps \(steps), prior steps \(priorSteps), guidance \(guidance), prior guidance \(priorGuidance), "
            + "candidates \(candidates)"
    }
}
