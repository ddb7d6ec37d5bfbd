import LienzoDiffusion
import LienzoImages
import LienzoModels
import LienzoNN
import LienzoTorch

/// The networks that make image embeddings, of a model that has either an image encoder or a prior.
struct ImageEmbedder {
    private enum Networks {
        case pictures(Part<VisionTransformer>, CLIPImageConfiguration)
        case words(Part<TextPrior>)
    }

    private let networks: Networks
    private let device: Device

    /// Builds the networks from the weights in a model's directory.
    ///
    /// - Parameters:
    ///   - directory: the model directory.
    ///   - configuration: what its networks are.
    ///   - loader: says where and in which type they compute.
    ///   - text: the prior's text encoder, where the model has it for another network, too.
    /// - Throws: one sentence where a file cannot be read, or a tensor is missing, surplus or misshapen.
    init(
        _ directory: ModelDirectory,
        _ configuration: ImageEmbedderConfiguration,
        _ loader: PartLoader,
        text: Part<StableDiffusionText>? = nil
    ) throws {
        device = loader.device
        switch configuration {
        case .pictures(let images):
            let encoder = try Part(loader.options) {
                try loader.load(
                    part: directory.folder(of: "image_encoder"),
                    as: { HuggingFaceCLIPNames($0) },
                    ignoring: CLIP.isIgnorable
                ) { try VisionTransformer($0["visual"], images.tower) }
            }
            networks = .pictures(encoder, images)
        case .words(let prior):
            let text =
                try text
                ?? Part(loader.options) { try StableDiffusionText(.directory(directory), prior.text, loader) }
            networks = .words(try Part(loader.options) { try TextPrior(text, directory, prior, loader) })
        }
    }

    /// The image embedding of one picture of a request, `[1, width]`, float32, not normalised.
    ///
    /// - Parameters:
    ///   - plan: what it is made of.
    ///   - request: says how hard the prior follows the words.
    ///   - picture: which of the request's pictures.
    ///   - noise: the prior's, drawn from as often and in the order that the reference has.
    ///   - report: is told what happens.
    /// - Returns: the embedding.
    /// - Throws: where weights cannot be read, and `CancellationError`.
    func embedding(
        _ plan: ImageEmbeddingPlan,
        _ request: GenerationRequest,
        picture: Int,
        noise: NoiseSource,
        report: GenerationReport
    ) throws -> Tensor {
        let parts = try plan.ingredients.map { ingredient in
            switch (ingredient.content, networks, plan.priorSampler) {
            case (.embedding(let values), _, _):
                return Tensor(values, shape: [1, values.count]).to(device)
            case (.picture(let picture), .pictures(let encoder, let images), _):
                return try embedding(of: picture, encoder, images)
            case (.text(let text), .words(let prior), let sampler?):
                defer { prior.release() }
                return try report.timed(.prior) {
                    let prior = try prior()
                    let guidance = Guidance(scale: request.priorGuidance)
                    let run = try torchScope { try prior.run(text, sampler: sampler, guidance: guidance, noise: noise) }
                    let steps = sampler.timesteps.count
                    let last = try report.steps(of: run, .prior, picture: picture, steps: steps)
                    return try torchScope { prior.embedding(last) }
                }
            default:
                preconditionFailure("a plan for this model lets no such ingredient through")
            }
        }
        return try torchScope { plan.blending(parts, plan.ingredients.map(\.weight)) }
    }

    private func embedding(
        of picture: Image,
        _ encoder: Part<VisionTransformer>,
        _ images: CLIPImageConfiguration
    ) throws -> Tensor {
        defer { encoder.release() }
        let size = images.preprocessing.size
        let pixels = try images.preprocessing(picture)
        let network = try encoder()
        return try torchScope { network(Tensor(pixels, shape: [1, 3, size, size]).to(device)).to(.float32) }
    }
}

/// A prior with its text encoder: words to an image embedding.
struct TextPrior {
    private let text: Part<StableDiffusionText>
    private let network: PriorTransformer
    private let device: Device

    /// - Throws: one sentence where a file cannot be read, or a tensor is missing, surplus or misshapen.
    init(
        _ text: Part<StableDiffusionText>,
        _ directory: ModelDirectory,
        _ configuration: TextPriorConfiguration,
        _ loader: PartLoader
    ) throws {
        self.text = text
        device = loader.device
        network = try loader.load(part: directory.folder(of: "prior")) {
            try PriorTransformer($0, configuration.prior)
        }
    }

    /// The run that makes an image embedding of words, one element a step.
    ///
    /// - Parameters:
    ///   - prompt: the words; guidance pushes away from the empty text.
    ///   - sampler: the update rule and the timesteps.
    ///   - guidance: how hard the words are followed.
    ///   - noise: drawn from as often and in the order that the reference has.
    /// - Returns: the run, whose last sample ``embedding(_:)`` takes.
    /// - Throws: `PriorError` where the text does not fit the network.
    ///
    /// Source: diffusers' `StableUnCLIPPipeline.__call__`.
    func run(
        _ prompt: String,
        sampler: any Sampler,
        guidance: Guidance,
        noise: NoiseSource
    ) throws -> DenoisingSequence {
        let encoded = try text().encode(guidance.isActive ? ["", prompt] : [prompt])
        text.release()
        let context = try network.context(
            textEmbedding: encoded.encoding.embedding,
            textEncoding: encoded.encoding.last,
            textMask: encoded.mask
        )
        let drawn = noise.draw([1, network.configuration.embeddingDim], device: device)
        return DenoisingSequence(sampler, from: drawn * sampler.initialNoiseScale, noise: noise) {
            [network, device] sample, timestep in
            let time = Tensor([Float(timestep)]).to(device)
            return guidance.isActive
                ? guidance(network(.cat([sample, sample]), time, context)) : network(sample, time, context)
        }
    }

    /// The image embedding that a run's last sample stands for, `[1, width]`, float32.
    func embedding(_ sample: Tensor) -> Tensor { network.unstandardised(sample) }
}
