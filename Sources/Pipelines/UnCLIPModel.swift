package import LienzoDiffusion
package import LienzoModels
package import LienzoTorch

/// The networks of unCLIP in its latent form and how they follow each other: what makes image embeddings, decoder,
/// autoencoder.
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
    /// What makes image embeddings; nil where they are given.
    package let prior: UnCLIPPrior?
    package let scheduler: SchedulerConfiguration
    package let device: Device
    let decoder: Part<UNet2DConditionModel>
    let autoencoder: Part<any LatentAutoencoder>
    let configurations: UnCLIPConfigurations
    private let decoderText: Part<MultilingualText>?
    /// Whether large pictures go through the autoencoder in tiles.
    private let worksInTiles: Bool
    private var foundColours: LatentColours?

    /// Builds all networks from the weights of a model's directories; those that do not stay are read when they are
    /// needed, and then an autoencoder that can makes large pictures in tiles.
    ///
    /// The sampler's arithmetic is float32 whatever the type. A missing or unreadable file and a missing, surplus or
    /// misshapen tensor throw one sentence.
    package init(_ configurations: UnCLIPConfigurations, _ options: LoadingOptions = LoadingOptions()) throws {
        let (loader, directory) = (PartLoader(options), configurations.directory)
        self.configurations = configurations
        device = options.device
        scheduler = configurations.scheduler
        worksInTiles = !options.keepsParts
        prior = try configurations.prior.map { try UnCLIPPrior($0, loader) }
        decoder = try Part(loader) {
            try $0.load(part: directory.folder(of: "unet")) { try UNet2DConditionModel($0, configurations.decoder) }
        }
        autoencoder = try Part(loader) {
            try configurations.autoencoder.network(configurations.autoencoderFolder, $0)
        }
        if case .multilingual(let own) = configurations.decoderText {
            decoderText = try Part(loader) { try MultilingualText(directory, own, $0) }
        } else {
            decoderText = nil
        }
    }

    /// Whether the decoder reads text.
    var decoderReadsText: Bool { configurations.decoderText.widths != nil }

    /// Whether the decoder reads the text that the prior reads.
    var decoderReadsPriorsText: Bool { decoderReadsText && decoderText == nil }

    /// The empty text and the prompt as the decoder sees them; nil where it sees no text.
    ///
    /// - Parameters:
    ///   - prompt: the words.
    ///   - condition: the same words as the prior sees them, where it does.
    /// - Returns: what ``decoderRun(_:_:canvas:sampler:guidance:noise:)`` takes.
    /// - Throws: where the weights of a text encoder that does not stay cannot be read.
    package func decoderCondition(_ prompt: String, _ condition: UnCLIPCondition?) throws -> UnCLIPCondition? {
        switch configurations.decoderText {
        case .none: nil
        case .shared: condition
        case .multilingual: try decoderText.map { text in try text { $0.encode(["", prompt]) } }
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
    /// - Throws: one sentence where the canvas' strength leaves no step, or the weights of a decoder that does not stay
    ///   cannot be read.
    package func decoderRun(
        _ text: UnCLIPCondition?,
        _ images: ImageEmbeddings,
        canvas: Canvas,
        sampler: any Sampler,
        guidance: Guidance,
        noise: NoiseSource
    ) throws -> DecoderRun {
        let samples = images.conditional.size(0)
        let channels = configurations.autoencoder.channels
        let decoder = try decoder()
        let context = try Self.context(decoder, text, images, canvas, guided: guidance.isActive)
        let inputs = configurations.readsMask ? canvas.decoderChannels : nil
        let readsVariance = sampler.readsVariance

        let drawn = noise.draw([samples, channels, canvas.height, canvas.width], device: device)
        let (start, begin) = try start(canvas, drawn, sampler)
        let steps = DenoisingSequence(sampler, from: start, at: begin, noise: noise) {
            [device] sample, timestep in
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

    private static func context(
        _ decoder: UNet2DConditionModel,
        _ text: UnCLIPCondition?,
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

    /// The latents of a picture `[1, 3, height, width]`, -1 to 1.
    ///
    /// - Throws: where the weights of an autoencoder that does not stay cannot be read.
    package func latents(_ pixels: Tensor) throws -> Tensor {
        try autoencoder { $0.latents(of: pixels, inTiles: worksInTiles) }
    }

    /// The pixels of latents `[samples, channels, height, width]` as the decoder yields them:
    /// `[samples, 3, factor · height, factor · width]`, -1 to 1, float32.
    ///
    /// - Throws: where the weights of an autoencoder that does not stay cannot be read.
    package func picture(_ latents: Tensor) throws -> Tensor {
        decoder.release()
        return try autoencoder { $0.pixels(of: latents, inTiles: worksInTiles).to(.float32) }
    }

    /// What colours latents have, about; found once.
    ///
    /// - Throws: where the weights of an autoencoder that does not stay cannot be read, or it cannot decode.
    func colours() throws -> LatentColours {
        if let foundColours { return foundColours }
        let colours = try autoencoder { autoencoder in
            try torchScope {
                LatentColours(channels: configurations.autoencoder.channels, device: device) {
                    autoencoder.pixels(of: $0, inTiles: worksInTiles)
                }
            }
        }
        foundColours = colours
        return colours
    }
}
