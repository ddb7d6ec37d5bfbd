import LienzoDiffusion
import LienzoModels
import LienzoNN
import LienzoTorch

/// What Stable unCLIP has beside the parts of Stable Diffusion: where its image embeddings come from, and the noise
/// that is put on them.
///
/// Source: diffusers' `StableUnCLIPImg2ImgPipeline` and `StableUnCLIPPipeline`.
struct StableUnCLIPConfiguration: Sendable {
    let directory: ModelDirectory
    let embedder: ImageEmbedderConfiguration
    /// How much noise each level puts on an embedding.
    let noise: NoiseSchedule
    /// Keys of the parts' files that are not known.
    let unknownKeys: [(part: String, keys: [String])]

    /// Reads the configuration files of the parts.
    ///
    /// - Throws: one sentence where a file is missing or wrong, or the parts do not fit each other.
    init(_ directory: ModelDirectory) throws {
        try directory.require("image_normalizer", "StableUnCLIPImageNormalizer")
        let noising = try directory.scheduler("image_noising_scheduler")
        self.directory = directory
        embedder = try ImageEmbedderConfiguration(directory, priorPrefix: "prior_")
        noise = noising.configuration.schedule
        unknownKeys = [("image_noising_scheduler", noising.unknownKeys)] + embedder.unknownKeys
    }

    /// What a request's image embedding is made of.
    ///
    /// - Throws: one sentence where the model cannot do what is asked for.
    func plan(_ request: GenerationRequest) throws -> ImageEmbeddingPlan {
        guard (0..<noise.count).contains(request.embeddingNoise) else {
            throw PipelineError.invalidRequest(
                reason: "The noise on the image embedding is \(request.embeddingNoise); it must be from 0 to "
                    + "\(noise.count - 1)."
            )
        }
        return try ImageEmbeddingPlan(request, embedder)
    }
}

/// The networks that Stable unCLIP has beside those of Stable Diffusion, and the noise on what they make.
///
/// Source: Ramesh et al. 2022, section 2.1; diffusers' `StableUnCLIPPipeline`.
struct StableUnCLIP {
    let embedder: ImageEmbedder
    private let noise: NoiseSchedule
    /// Mean and standard deviation of the image embeddings of the training set, `[1, width]`.
    private let (mean, deviation): (Tensor, Tensor)
    private let device: Device

    /// Builds the networks from the weights in a model's directory.
    ///
    /// - Throws: one sentence where a file cannot be read, or a tensor is missing, surplus or misshapen.
    init(_ configuration: StableUnCLIPConfiguration, _ loader: PartLoader) throws {
        let directory = configuration.directory
        device = loader.device
        noise = configuration.noise
        (mean, deviation) = try loader.load(part: directory.folder(of: "image_normalizer")) {
            let shape = [1, configuration.embedder.width]
            return (try $0.exactParameter("mean", shape).value, try $0.exactParameter("std", shape).value)
        }
        embedder = try ImageEmbedder(directory, configuration.embedder, loader)
    }

    /// What the U-Net is told of an image embedding: the embedding under noise, and how much of it.
    ///
    /// - Parameters:
    ///   - embedding: `[1, width]`.
    ///   - level: a timestep of the noise, from 0.
    ///   - source: drawn from once.
    /// - Returns: `[1, 2 · width]`, float32.
    ///
    /// Source: diffusers' `StableUnCLIPPipeline.noise_image_embeddings`.
    func label(_ embedding: Tensor, level: Int, noise source: NoiseSource) -> Tensor {
        let signal = noise.alphaBars[level]
        let drawn = source.draw(embedding.shape, device: device)
        let standardised = (embedding - mean) / deviation
        let noisy = standardised * Double(signal.squareRoot()) + drawn * Double((1 - signal).squareRoot())
        let told = sinusoidalEmbedding(
            Tensor([Float(level)]).to(device),
            width: embedding.size(1),
            flipSinToCos: true,
            frequencyShift: 0
        )
        return .cat([noisy * deviation + mean, told], dim: 1)
    }
}
