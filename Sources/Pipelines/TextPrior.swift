import LienzoDiffusion
import LienzoModels
import LienzoTorch

/// A prior with its text encoder and no image encoder, as Karlo and Stable unCLIP have it: words to image embeddings.
struct TextPrior {
    private let configuration: TextPriorConfiguration
    private let text: Part<StableDiffusionText>
    private let network: Part<PriorTransformer>

    /// Makes the networks ready, which the first words are read by.
    ///
    /// - Parameters:
    ///   - directory: the model directory.
    ///   - configuration: what its networks are.
    ///   - loader: says where and in which type they compute.
    ///   - text: the text encoder, where the model has it for another network, too.
    /// - Throws: one sentence where a file cannot be read, or a tensor is missing, surplus or misshapen.
    init(
        _ directory: ModelDirectory,
        _ configuration: TextPriorConfiguration,
        _ loader: PartLoader,
        text: Part<StableDiffusionText>? = nil
    ) throws {
        self.configuration = configuration
        self.text =
            try text
            ?? Part(loader, isOptional: true) {
                try StableDiffusionText(.directory(directory), configuration.text, $0)
            }
        network = try Part(loader, isOptional: true) {
            try $0.load(part: directory.folder(of: "prior")) { try PriorTransformer($0, configuration.prior) }
        }
    }

    /// The empty text and a prompt, as the prior sees them.
    ///
    /// - Throws: where the text encoder's weights cannot be read.
    func condition(_ prompt: String) throws -> UnCLIPCondition {
        try torchScope {
            let (encoding, batch) = try text { $0.encode(["", prompt]) }
            return UnCLIPCondition(
                embedding: encoding.embedding.to(.float32),
                encoding: encoding.last,
                mask: batch.mask,
                truncated: batch.truncated
            )
        }
    }

    /// Image embeddings, `[samples, width]`, float32, not normalised.
    ///
    /// - Parameters:
    ///   - condition: what ``condition(_:)`` gave; guidance pushes away from the empty text.
    ///   - samples: how many.
    ///   - sampler: the update rule and the timesteps.
    ///   - guidance: how hard the words are followed.
    ///   - picture: which of the request's pictures.
    ///   - noise: drawn from as often and in the order that the reference has.
    ///   - report: is told of each step.
    /// - Returns: the embeddings.
    /// - Throws: where the prior's weights cannot be read, and `CancellationError`.
    ///
    /// Source: diffusers' `StableUnCLIPPipeline.__call__`.
    func embeddings(
        _ condition: UnCLIPCondition,
        samples: Int = 1,
        sampler: any Sampler,
        guidance: Guidance,
        picture: Int,
        noise: NoiseSource,
        report: GenerationReport
    ) throws -> Tensor {
        try network { network in
            let texts = condition.batch(
                [Int](repeating: 1, count: samples),
                awayFrom: guidance.isActive ? condition.negative : nil
            )
            let run = try torchScope {
                try network.run(texts, samples: samples, sampler: sampler, guidance: guidance, noise: noise)
            }
            let steps = sampler.timesteps.count
            let last = try report.steps(of: run, .prior, picture: picture, steps: steps)
            return try torchScope { network.unstandardised(last) }
        }
    }

    /// The embeddings of a request's prompt: for each picture all candidates, the one that fits the prompt best first.
    ///
    /// - Throws: one sentence where the prior cannot do what is asked for or weights cannot be read; `CancellationError`.
    ///
    /// Source: Ramesh et al. 2022, section 2.2, for the choice.
    func embed(_ request: GenerationRequest, _ report: GenerationReport) throws -> [[ImageEmbedding]] {
        func require(_ condition: Bool, _ sentence: String) throws(PipelineError) {
            guard condition else { throw .invalidRequest(reason: sentence) }
        }
        try require(
            request.imageEmbedding == .prompt,
            "This prior makes image embeddings of a prompt and of nothing else; give it words."
        )
        try require(request.negativePrompt == nil, "This prior reads no negative prompt; leave it out.")
        try request.requireNoEmbeddingNoise()
        let sampler = try configuration.scheduler.sampler(steps: request.priorSteps)
        let (condition, candidates) = (try condition(request.prompt), request.candidates ?? 1)
        return try (0..<request.count).map { index in
            let found = try embeddings(
                condition,
                samples: candidates,
                sampler: sampler,
                guidance: Guidance(scale: request.priorGuidance),
                picture: index,
                noise: request.noise(picture: index, candidates: candidates).noise,
                report: report
            )
            return try torchScope {
                ImageEmbedding.ranked(found, negatives: nil, similarities: condition.similarities(found))
            }
        }
    }
}
