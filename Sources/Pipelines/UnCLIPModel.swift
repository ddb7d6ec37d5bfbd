package import LienzoDiffusion
package import LienzoModels
package import LienzoTorch

/// The networks of unCLIP in its latent form and how they follow each other: text encoder, prior, decoder, autoencoder.
///
/// `mini` and Kandinsky 2.1 and 2.2 are such models. They differ in their encoders, in the text that the decoder reads
/// and in what it is told where guidance wants it to know nothing.
///
/// Not `Sendable`: an ``UnCLIPPipeline`` owns it. Every function yields tensors or numbers and draws noise only from
/// what it is given.
///
/// Without guidance only the conditional half of each batch is computed; with it, the unconditional half comes first.
/// Unconditional means the empty text for both networks, and for the decoder also an image embedding of nothing, or of
/// the negative prompt.
///
/// Source: Ramesh et al. 2022, section 2; diffusers' `KandinskyPriorPipeline`, `KandinskyPipeline` and those of 2.2.
package final class UnCLIPModel {
    package let clip: CLIPModel
    package let prior: PriorTransformer
    package let priorScheduler: SchedulerConfiguration
    package let decoder: UNet2DConditionModel
    package let scheduler: SchedulerConfiguration
    package let autoencoder: any LatentAutoencoder
    package let device: Device
    let configurations: UnCLIPConfigurations
    private let decoderText: MultilingualText?
    private var blankEmbedding: Tensor?
    private var foundColours: LatentColours?

    /// Builds all networks from the weights of a model's directories.
    ///
    /// The sampler's arithmetic is float32 whatever the type. A missing or unreadable file and a missing, surplus or
    /// misshapen tensor throw one sentence.
    package init(_ configurations: UnCLIPConfigurations, _ options: LoadingOptions = LoadingOptions()) throws {
        let loader = PartLoader(options)
        let (priorParts, decoderParts) = (configurations.priorDirectory, configurations.decoderDirectory)
        self.configurations = configurations
        device = options.device
        clip = try CLIPModel(configurations.clipCheckpoint, loader)
        prior = try loader.load(part: priorParts.folder(of: "prior")) { try PriorTransformer($0, configurations.prior) }
        decoder = try loader.load(part: decoderParts.folder(of: "unet")) {
            try UNet2DConditionModel($0, configurations.decoder)
        }
        autoencoder = try configurations.autoencoder.network(configurations.autoencoderFolder, loader)
        if case .multilingual(let own) = configurations.decoderText {
            decoderText = try MultilingualText(decoderParts, own, loader)
        } else {
            decoderText = nil
        }
        priorScheduler = configurations.priorScheduler
        scheduler = configurations.scheduler
    }
}

// MARK: - Text

extension UnCLIPModel {
    /// Words as the networks see them; all of it is the same for every picture and every step of a request.
    ///
    /// The texts are the empty one, the prompt and, where there is one, the negative prompt.
    package struct Condition {
        /// `[texts, embeddingDimension]`, float32.
        package let embedding: Tensor
        /// `[texts, tokens, width]`.
        package let encoding: Tensor
        /// Which tokens are not padding, `[texts, tokens]`, boolean.
        package let mask: Tensor
        /// Whether a text had more tokens than fit.
        package let truncated: Bool

        /// The text that guidance pushes away from: the negative prompt, or else the empty one.
        var negative: Int { hasNegative ? 2 : 0 }

        /// Whether there is a negative prompt.
        var hasNegative: Bool { embedding.size(0) > 2 }

        /// The part for one text of ``UnCLIPModel/encode(_:negative:)``.
        func only(_ text: Int) -> Condition { rows([text]) }

        /// What a batch sees: a text for each sample, and with guidance before those the text to push away from.
        func batch(_ texts: [Int], awayFrom negative: Int?) -> Condition {
            rows((negative.map { [Int](repeating: $0, count: texts.count) } ?? []) + texts)
        }

        private func rows(_ texts: [Int]) -> Condition {
            let index = Tensor(texts.map(Int64.init), device: embedding.device)
            return Condition(
                embedding: embedding.indexSelect(dim: 0, index),
                encoding: encoding.indexSelect(dim: 0, index),
                mask: mask.indexSelect(dim: 0, index),
                truncated: truncated
            )
        }
    }

    /// The empty text, the prompt and the negative prompt, in one batch, as the prior sees them.
    package func encode(_ prompt: String, negative: String? = nil) -> Condition {
        let texts = clip.tokenized(["", prompt] + (negative.map { [$0] } ?? []))
        let (embedding, encoding) = clip.network.encodeTexts(texts.ids, mask: texts.mask)
        return Condition(embedding: embedding, encoding: encoding, mask: texts.mask, truncated: texts.truncated)
    }

    /// The empty text and the prompt as the decoder sees them; nil where it sees no text.
    ///
    /// - Parameters:
    ///   - prompt: the words.
    ///   - condition: the same words as the prior sees them.
    /// - Returns: what ``decoderRun(_:_:canvas:sampler:guidance:noise:)`` takes.
    package func decoderCondition(_ prompt: String, _ condition: Condition) -> Condition? {
        switch configurations.decoderText {
        case .none: nil
        case .shared: condition
        case .multilingual: decoderText?.encode(["", prompt])
        }
    }
}

// MARK: - Prior

extension UnCLIPModel {
    /// The prior's run over a batch of samples: every element is one step done, and ``imageEmbeddings(_:_:)`` turns the
    /// last sample into image embeddings.
    ///
    /// With a negative prompt, a sample of it follows each sample of the prompt, from the same generator.
    package func priorRun(
        _ condition: Condition,
        samples: Int = 1,
        sampler: any Sampler,
        guidance: Guidance,
        noise: NoiseSource
    ) throws -> DenoisingSequence {
        let pair = condition.hasNegative ? [1, condition.negative] : [1]
        let texts = (0..<samples).flatMap { _ in pair }
        let batch = condition.batch(texts, awayFrom: guidance.isActive ? condition.negative : nil)
        let context = try prior.context(
            textEmbedding: batch.embedding,
            textEncoding: batch.encoding,
            textMask: batch.mask
        )
        let start = priorNoise(texts.count, sampler, noise)
        return DenoisingSequence(sampler, from: start, noise: noise) { [prior, device] sample, timestep in
            let time = Tensor([Float(timestep)]).to(device)
            return guided(guidance, sample) { prior($0, time, context) }
        }
    }

    /// Draws what a run of the prior over a batch of samples draws, and computes nothing.
    package func skipPriorRun(samples: Int, sampler: any Sampler, noise: NoiseSource) {
        let start = priorNoise(samples, sampler, noise)
        for _ in DenoisingSequence(sampler, from: start, noise: noise, predict: { sample, _ in sample }) {}
    }

    private func priorNoise(_ samples: Int, _ sampler: any Sampler, _ noise: NoiseSource) -> Tensor {
        noise.draw([samples, prior.configuration.embeddingDim], device: device) * sampler.initialNoiseScale
    }

    /// The image embeddings that the last sample of a run stands for.
    package func imageEmbeddings(_ sample: Tensor, _ condition: Condition) -> ImageEmbeddings {
        let embeddings = prior.unstandardised(sample)
        guard condition.hasNegative else {
            return ImageEmbeddings(embeddings, unconditional: unconditional(embeddings.size(0)))
        }
        let pairs = embeddings.reshape(-1, 2, embeddings.size(1))
        return ImageEmbeddings(pairs.select(dim: 1, index: 0), unconditional: pairs.select(dim: 1, index: 1))
    }

    /// What the decoder is told of the picture where guidance wants it to know nothing,
    /// `[samples, embeddingDimension]`.
    ///
    /// Source: diffusers' `KandinskyPriorPipeline.get_zero_embed`; zeros in Ramesh et al. 2022, section 2.1.
    package func unconditional(_ samples: Int) -> Tensor {
        let width = clip.configuration.embeddingDimension
        switch configurations.unconditional {
        case .zeros:
            return .zeros([samples, width], device: device)
        case .blankPicture:
            let size = clip.configuration.preprocessing.size
            let one = blankEmbedding ?? clip.network.encodeImages(.zeros([1, 3, size, size], device: device))
            blankEmbedding = one
            return one.expand([samples, width])
        }
    }
}

// MARK: - Decoder and autoencoder

extension UnCLIPModel {
    /// The decoder's run, a sample for each image embedding: every element is one step done, and ``picture(_:)`` turns
    /// the last sample into pixels.
    ///
    /// - Parameters:
    ///   - text: what ``decoderCondition(_:_:)`` gave.
    ///   - images: what the picture shall show, and what guidance pushes away from.
    ///   - canvas: the size, and what is known of the picture.
    ///   - sampler: the update rule and the timesteps.
    ///   - guidance: how hard the condition is followed.
    ///   - noise: where the noise comes from.
    /// - Returns: the run, from its first step.
    /// - Throws: one sentence where the canvas' strength leaves no step.
    package func decoderRun(
        _ text: Condition?,
        _ images: ImageEmbeddings,
        canvas: Canvas,
        sampler: any Sampler,
        guidance: Guidance,
        noise: NoiseSource
    ) throws -> DecoderRun {
        let samples = images.conditional.size(0)
        let channels = configurations.autoencoder.channels
        let context = try context(text, images, canvas, guided: guidance.isActive)
        let inputs = configurations.readsMask ? canvas.decoderChannels : nil
        let readsVariance = sampler.readsVariance

        let drawn = noise.draw([samples, channels, canvas.height, canvas.width], device: device)
        let (start, begin) = try start(canvas, drawn, sampler)
        let steps = DenoisingSequence(sampler, from: start, at: begin, noise: noise) {
            [decoder, device] sample, timestep in
            let time = Tensor([Float(timestep)]).to(device)
            // Only the prediction is guided; the variance is the conditional one.
            var variance: Tensor?
            let output = guided(guidance, sample) { batch in
                let known = inputs.map { $0.expand([batch.size(0)] + $0.shape.dropFirst()) }
                let output = decoder(known.map { .cat([batch, $0], dim: 1) } ?? batch, time, context)
                guard output.size(1) > channels else { return output }
                variance = output.narrow(dim: 0, start: batch.size(0) - sample.size(0), length: sample.size(0))
                    .narrow(dim: 1, start: channels, length: channels)
                return output.narrow(dim: 1, start: 0, length: channels)
            }
            return if readsVariance, let variance { Tensor.cat([output, variance], dim: 1) } else { output }
        }
        let leavesKeepingToDecoder = configurations.hasFirstKandinskysWays && configurations.readsMask
        guard !leavesKeepingToDecoder, let picture = canvas.picture, let keep = canvas.keep else {
            return DecoderRun(steps, keeping: nil)
        }
        return DecoderRun(steps, keeping: KeptPart(picture: picture.expand(drawn.shape), keep: keep, noise: drawn))
    }

    private func context(
        _ text: Condition?,
        _ images: ImageEmbeddings,
        _ canvas: Canvas,
        guided: Bool
    ) throws -> UNet2DConditionModel.Context {
        let samples = images.conditional.size(0)
        let image = guided ? Tensor.cat([images.unconditional, images.conditional]) : images.conditional
        if let text {
            let batch = text.batch([Int](repeating: 1, count: samples), awayFrom: guided ? 0 : nil)
            return try decoder.context(
                textEmbedding: batch.embedding,
                textEncoding: batch.encoding,
                imageEmbedding: image
            )
        }
        guard let hint = canvas.hint else { return try decoder.context(imageEmbedding: image) }
        return try decoder.context(
            imageEmbedding: image,
            hint: hint.expand([image.size(0)] + hint.shape.dropFirst())
        )
    }

    /// The noisy sample that a run begins with, and its first evaluation.
    private func start(
        _ canvas: Canvas,
        _ noise: Tensor,
        _ sampler: any Sampler
    ) throws -> (sample: Tensor, index: Int) {
        guard let picture = canvas.picture, canvas.keep == nil else { return (noise * sampler.initialNoiseScale, 0) }
        let index = try sampler.begin(strength: canvas.strength)
        let clean = picture.expand(noise.shape)
        return (
            configurations.hasFirstKandinskysWays
                ? firstKandinskysNoise(clean, noise, strength: canvas.strength)
                : sampler.addNoise(to: clean, noise: noise, at: index),
            index
        )
    }

    /// A clean sample with as much noise as Kandinsky 2.1 begins with: by a linear schedule of its own, at a timestep
    /// that the strength gives and not the sampler.
    ///
    /// Source: diffusers' `KandinskyImg2ImgPipeline.add_noise` and `__call__`.
    private func firstKandinskysNoise(_ clean: Tensor, _ noise: Tensor, strength: Double) -> Tensor {
        let timestep = max(0, Int(1000 * strength) - 2)
        let betas = Tensor.linspace(0.0001, 0.02, count: 1000)
        let alphaBar = (1 - betas).cumulativeProduct(dim: 0).floats()[timestep]
        return clean * Double(alphaBar.squareRoot()) + noise * Double((1 - alphaBar).squareRoot())
    }

    /// The pixels of latents `[samples, channels, height, width]` as the decoder yields them:
    /// `[samples, 3, factor · height, factor · width]`, -1 to 1, float32.
    package func picture(_ latents: Tensor) -> Tensor {
        autoencoder.pixels(of: latents).to(.float32)
    }

    /// What colours latents have, about; found once.
    ///
    /// - Throws: where the autoencoder cannot decode.
    func colours() throws -> LatentColours {
        if let foundColours { return foundColours }
        let colours = try torchScope {
            LatentColours(
                channels: configurations.autoencoder.channels,
                device: device,
                decode: autoencoder.pixels(of:)
            )
        }
        foundColours = colours
        return colours
    }
}

/// A prediction with guidance, both halves in one batch, or without.
private func guided(_ guidance: Guidance, _ sample: Tensor, predict: (Tensor) -> Tensor) -> Tensor {
    guidance.isActive ? guidance(predict(Tensor.cat([sample, sample]))) : predict(sample)
}
