package import LienzoDiffusion
package import LienzoImages
package import LienzoModels
import LienzoTokenizers
package import LienzoTorch

/// The networks of unCLIP that make image embeddings: encoders of texts and pictures into one space, and the prior.
///
/// Not `Sendable`: a pipeline owns it. Every function yields tensors or numbers and draws noise only from what it is
/// given. Each network is read with the first request that needs it.
///
/// Without guidance only the conditional half of each batch is computed; with it, the unconditional half, of the empty
/// text or the negative prompt, comes first.
///
/// Source: Ramesh et al. 2022, section 2.2; diffusers' `KandinskyPriorPipeline` and `KandinskyV22PriorPipeline`.
package final class UnCLIPPrior {
    let configurations: UnCLIPPriorConfigurations
    let texts: Part<any TextEncoder>
    let images: Part<any ImageEncoder>
    let network: Part<PriorTransformer>
    package let device: Device
    private let tokenizer: any TextTokenizer
    private var blankEmbedding: Tensor?

    /// Makes all networks ready.
    ///
    /// - Parameters:
    ///   - configurations: what they are.
    ///   - options: how their weights are read.
    /// - Throws: one sentence for a missing or unreadable file and for a missing, surplus or misshapen tensor.
    package convenience init(
        _ configurations: UnCLIPPriorConfigurations,
        _ options: LoadingOptions = LoadingOptions()
    ) throws {
        try self.init(configurations, PartLoader(options))
    }

    init(_ configurations: UnCLIPPriorConfigurations, _ loader: PartLoader) throws {
        self.configurations = configurations
        device = loader.device
        tokenizer = try configurations.clipCheckpoint.tokenizer()
        (texts, images) = try configurations.clipCheckpoint.halves(loader)
        network = try Part(loader, isOptional: true) {
            try $0.load(part: configurations.directory.folder(of: "prior")) {
                try PriorTransformer($0, configurations.network)
            }
        }
    }

    private var clip: any DualEncoderConfiguration { configurations.clipCheckpoint.configuration }
}

// MARK: - Encoders

extension UnCLIPPrior {
    /// Texts as the text encoder takes them.
    package func tokenized(_ texts: [String]) -> TextBatch {
        TextBatch(texts, tokenizer, length: clip.contextLength, on: device)
    }

    /// The empty text, the prompt and the negative prompt, in one batch.
    ///
    /// - Throws: where the text encoder's weights cannot be read.
    package func encode(_ prompt: String, negative: String? = nil) throws -> UnCLIPCondition {
        let batch = tokenized(["", prompt] + (negative.map { [$0] } ?? []))
        let (embedding, encoding) = try texts { $0.encodeTexts(batch.ids, mask: batch.mask) }
        return UnCLIPCondition(
            embedding: embedding,
            encoding: encoding,
            mask: batch.mask,
            truncated: batch.truncated
        )
    }

    /// Text embeddings, not normalised, `[texts, embeddingDimension]`, float32.
    ///
    /// - Throws: where the text encoder's weights cannot be read.
    package func embed(texts: [String]) throws -> Tensor {
        let batch = tokenized(texts).trimmed
        return try self.texts { $0.encodeTexts(batch.ids, mask: batch.mask).embedding }
    }

    /// Image embeddings, not normalised, `[pictures, embeddingDimension]`, float32.
    ///
    /// - Throws: where the image encoder's weights or a picture cannot be read.
    package func embed(images: [Image]) throws -> Tensor {
        let size = clip.preprocessing.size
        let pixels = try images.map { try clip.preprocessing($0) }
        let batch = Tensor(rows: pixels, shape: [pixels.count, 3, size, size]).to(device)
        return try self.images { $0.encodeImages(batch) }
    }

    /// What the decoder is told of the picture where guidance wants it to know nothing,
    /// `[samples, embeddingDimension]`.
    ///
    /// - Throws: where the image encoder's weights cannot be read.
    ///
    /// Source: diffusers' `KandinskyPriorPipeline.get_zero_embed`; zeros in Ramesh et al. 2022, section 2.1.
    package func unconditional(_ samples: Int) throws -> Tensor {
        switch configurations.unconditional {
        case .zeros:
            return .zeros([samples, configurations.width], device: device)
        case .blankPicture:
            let size = clip.preprocessing.size
            let blank = Tensor.zeros([1, 3, size, size], device: device)
            let one = try blankEmbedding ?? images { $0.encodeImages(blank) }
            blankEmbedding = one
            return one.expand([samples, configurations.width])
        }
    }
}

// MARK: - Prior

extension UnCLIPPrior {
    /// The prior's run over a batch of samples: every element is one step done, and ``imageEmbeddings(_:_:)`` turns the
    /// last sample into image embeddings.
    ///
    /// With a negative prompt, a sample of it follows each sample of the prompt, from the same generator.
    package func run(
        _ condition: UnCLIPCondition,
        samples: Int = 1,
        sampler: any Sampler,
        guidance: Guidance,
        noise: NoiseSource
    ) throws -> DenoisingSequence {
        let pair = condition.hasNegative ? [1, condition.negative] : [1]
        let texts = (0..<samples).flatMap { _ in pair }
        let batch = condition.batch(texts, awayFrom: guidance.isActive ? condition.negative : nil)
        return try network().run(batch, samples: texts.count, sampler: sampler, guidance: guidance, noise: noise)
    }

    /// Draws what a run of the prior over a batch of samples draws, and computes nothing.
    package func skipRun(samples: Int, sampler: any Sampler, noise: NoiseSource) {
        let drawn = noise.draw([samples, configurations.network.embeddingDim], device: device)
        let start = drawn * sampler.initialNoiseScale
        for _ in DenoisingSequence(sampler, from: start, noise: noise, predict: { sample, _ in sample }) {}
    }

    /// The image embeddings that the last sample of a run stands for, and what guidance of the decoder pushes away from.
    ///
    /// - Throws: where weights cannot be read.
    package func imageEmbeddings(_ sample: Tensor, _ condition: UnCLIPCondition) throws -> ImageEmbeddings {
        let embeddings = try network { $0.unstandardised(sample) }
        guard condition.hasNegative else {
            return ImageEmbeddings(embeddings, unconditional: try unconditional(embeddings.size(0)))
        }
        let pairs = embeddings.reshape(-1, 2, embeddings.size(1))
        return ImageEmbeddings(pairs.select(dim: 1, index: 0), unconditional: pairs.select(dim: 1, index: 1))
    }
}

extension PriorTransformer {
    /// A run over a batch, one element a step.
    ///
    /// - Parameters:
    ///   - texts: a text for each sample, and with guidance before those the texts to push away from.
    ///   - samples: how many there are.
    ///   - sampler: the update rule and the timesteps.
    ///   - guidance: how hard the words are followed.
    ///   - noise: where the noise comes from.
    /// - Returns: the run, whose last sample ``unstandardised(_:)`` takes.
    /// - Throws: `PriorError` where the texts do not fit the network.
    func run(
        _ texts: UnCLIPCondition,
        samples: Int,
        sampler: any Sampler,
        guidance: Guidance,
        noise: NoiseSource
    ) throws -> DenoisingSequence {
        let context = try context(
            textEmbedding: texts.embedding,
            textEncoding: texts.encoding,
            textMask: texts.mask
        )
        let device = texts.embedding.device
        let drawn = noise.draw([samples, configuration.embeddingDim], device: device)
        return DenoisingSequence(sampler, from: drawn * sampler.initialNoiseScale, noise: noise) { sample, timestep in
            let time = Tensor([Float(timestep)]).to(device)
            return guided(guidance, sample) { self($0, time, context) }
        }
    }
}

/// A prediction with guidance, both halves in one batch, or without.
func guided(_ guidance: Guidance, _ sample: Tensor, predict: (Tensor) -> Tensor) -> Tensor {
    guidance.isActive ? guidance(predict(Tensor.cat([sample, sample]))) : predict(sample)
}
