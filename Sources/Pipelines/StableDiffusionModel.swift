import Foundation
import LienzoCheckpoints
package import LienzoDiffusion
package import LienzoImages
package import LienzoModels
import LienzoNN
package import LienzoTorch

/// The networks of Stable Diffusion and how they follow each other: text encoders, U-Net, autoencoder.
///
/// Not `Sendable`: a ``StableDiffusionPipeline`` owns it. Every function yields tensors or numbers and draws noise only
/// from what it is given, in the reference's order.
///
/// Source: Rombach et al. 2022; Podell et al. 2023; diffusers' `StableDiffusionPipeline`, `StableDiffusionXLPipeline` and
/// their `Img2Img` and `Inpaint` forms.
package final class StableDiffusionModel {
    package let configurations: StableDiffusionConfigurations
    private let texts: Part<[StableDiffusionText]>
    private let unet: Part<UNet2DConditionModel>
    private let controls: Part<[ControlNetModel]>
    private let autoencoder: Part<AutoencoderKL>
    /// What makes the image embeddings of Stable unCLIP.
    let unCLIP: StableUnCLIP?
    private let loader: PartLoader
    private var checker: Part<PictureChecker>?
    private let device: Device
    /// Whether large pictures go through the autoencoder in tiles.
    private let decodesInTiles: Bool
    private var foundColours: LatentColours?

    /// Builds all networks from the weights of a model; those that do not stay are read when they are needed, and then
    /// pictures with a side above the autoencoder's `tileSize` go through it in tiles.
    ///
    /// The sampler's arithmetic is float32 whatever the type. A missing or unreadable file and a missing, surplus or
    /// misshapen tensor throw one sentence.
    package init(_ configurations: StableDiffusionConfigurations, _ options: LoadingOptions = LoadingOptions()) throws {
        var loader = PartLoader(options)
        loader.adaptations = try Self.adaptations(options.adaptations, configurations)
        self.configurations = configurations
        device = options.device
        self.loader = loader
        decodesInTiles = !options.keepsParts
        let files = configurations.files
        let learned = try LearnedTokens(options.learnedTokens)
        texts = try Part(loader) { loader in
            try configurations.texts.map { try StableDiffusionText(files, $0, loader, learned) }
        }
        unet = try Part(loader) {
            try files.load(.unet, $0) { try UNet2DConditionModel($0, configurations.unet) }
        }
        controls = try Part(loader) { loader in try configurations.controls.map { try $0.load(loader) } }
        autoencoder = try Part(loader) {
            try files.load(.autoencoder, $0) { try AutoencoderKL($0, configurations.autoencoder) }
        }
        unCLIP = try configurations.unCLIP.map { try StableUnCLIP($0, loader) }
    }

    /// Opens files of LoRA and checks that the parts of the model have what they change.
    private static func adaptations(
        _ files: [(path: String, scale: Double)],
        _ configurations: StableDiffusionConfigurations
    ) throws -> [LowRankAdaptation] {
        guard !files.isEmpty else { return [] }
        let parts = try configurations.files.adaptableParts(["unet"] + configurations.texts.map(\.part))
        return try files.map { path, scale in
            let adaptation = try LowRankAdaptation(openCheckpoint(path), scale: scale)
            try adaptation.requireFit(parts)
            return adaptation
        }
    }
}

// MARK: Words

extension StableDiffusionModel {
    /// The prompt, and before it the negative one where there is guidance.
    ///
    /// - Throws: where the weights of an encoder that does not stay cannot be read.
    package func encode(
        _ prompt: String,
        negativePrompt: String?,
        guidance: Guidance
    ) throws -> StableDiffusionCondition {
        try texts {
            StableDiffusionCondition(
                prompt,
                negativePrompt: negativePrompt,
                isGuided: isGuided(guidance),
                encoders: $0,
                configurations
            )
        }
    }

    /// Whether a prediction needs its unconditional half: a network that is told the guidance has it inside.
    private func isGuided(_ guidance: Guidance) -> Bool {
        guidance.isActive && configurations.unet.timeConditionWidth == nil
    }

    /// What every step of a run takes.
    ///
    /// - Parameters:
    ///   - condition: what ``encode(_:negativePrompt:guidance:)`` gave.
    ///   - size: the picture's, in pixels.
    ///   - guidance: what the condition was encoded for.
    ///   - image: what the U-Net of Stable unCLIP is told of the image embedding, `[1, 2 · width]`.
    /// - Returns: the condition, projected.
    /// - Throws: where the U-Net is made for another condition.
    package func context(
        _ condition: StableDiffusionCondition,
        size: (width: Int, height: Int),
        guidance: Guidance,
        image: Tensor? = nil
    ) throws -> UNet2DConditionModel.Context {
        try unet().context(
            textEncoding: condition.encoding,
            textEmbedding: condition.embedding,
            numbers: configurations.isXL ? numbers(size, rows: condition.encoding.size(0)) : nil,
            // Guidance pushes away from zeros.
            label: image.map { condition.encoding.size(0) > 1 ? .cat([$0 * 0, $0]) : $0 },
            guidance: configurations.unet.timeConditionWidth.map {
                // Source: Meng et al. 2023; diffusers' `get_guidance_scale_embedding`.
                sinusoidalEmbedding(
                    Tensor([Float((guidance.scale - 1) * 1000)]).to(device),
                    width: $0,
                    flipSinToCos: false,
                    frequencyShift: 1
                )
            }
        )
    }

    /// The control networks of a run, each told its hint and the condition.
    ///
    /// - Parameters:
    ///   - hints: one for each network, of the picture's size.
    ///   - condition: what ``encode(_:negativePrompt:guidance:)`` gave.
    ///   - size: the picture's, in pixels.
    ///   - guidance: what the condition was encoded for.
    ///   - guesses: whether the networks look at the hints alone; one that pools always does.
    /// - Returns: the networks, or nothing where there are none.
    /// - Throws: where the weights of networks that do not stay cannot be read.
    func controls(
        _ hints: [ControlHint],
        _ condition: StableDiffusionCondition,
        size: (width: Int, height: Int),
        guidance: Guidance,
        guesses: Bool
    ) throws -> ControlRun? {
        guard let first = configurations.controls.first else { return nil }
        // Guessing, they see the prompt and not the negative one.
        let guesses = guesses || first.configuration.poolsGlobally
        let rows = guesses ? 1 : condition.encoding.size(0)
        func last(_ tensor: Tensor) -> Tensor { tensor.narrow(dim: 0, start: tensor.size(0) - rows, length: rows) }
        return ControlRun(
            members: try zip(controls(), hints).map { network, hint in
                let (image, shape) = (hint.image.flattened(over: .white), [1, 3, hint.image.height, hint.image.width])
                let context = try network.context(
                    hint: Tensor(image.planarFloats(), shape: shape).to(device),
                    textEncoding: last(condition.encoding),
                    textEmbedding: condition.embedding.map(last),
                    numbers: configurations.isXL ? numbers(size, rows: rows) : nil
                )
                return .init(network: network, context: context, hint: hint)
            },
            guesses: guesses,
            isGuided: isGuided(guidance)
        )
    }

    /// The numbers that XL is told: original size, where it was cut, and the size it has; for the refiner an aesthetic
    /// score in place of that, which is lower for the negative prompt.
    ///
    /// Source: Podell et al. 2023, section 2.2; diffusers' `_get_add_time_ids` and the defaults beside it.
    private func numbers(_ size: (width: Int, height: Int), rows: Int) -> Tensor {
        let (height, width) = (Float(size.height), Float(size.width))
        let all = [2.5, 6].map { (score: Float) in
            [height, width, 0, 0] + (configurations.isRefiner ? [score] : [height, width])
        }
        let used = all.suffix(rows)
        return Tensor(used.flatMap { $0 }, shape: [rows, used[1].count]).to(device)
    }
}

// MARK: Pictures and latents

extension StableDiffusionModel {
    /// A picture as the autoencoder sees it, `[1, 3, height, width]` in −1…1.
    ///
    /// - Parameter picture: of the size of the result; transparency shows white.
    /// - Returns: one picture.
    package func pixels(_ picture: Image) -> Tensor {
        let planes = picture.flattened(over: .white).planarFloats(mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5])
        return Tensor(planes, shape: [1, 3, picture.height, picture.width]).to(device)
    }

    /// Latents for diffusion, drawn from the distribution that the autoencoder gives for pixels.
    ///
    /// - Parameters:
    ///   - pixels: `[1, 3, height, width]` in −1…1.
    ///   - noise: drawn from once.
    /// - Returns: `[1, channels, height / factor, width / factor]`, float32.
    /// - Throws: where the weights of an autoencoder that does not stay cannot be read.
    package func latents(_ pixels: Tensor, noise: NoiseSource) throws -> Tensor {
        try autoencoder {
            let distribution = $0.encode(pixels, inTiles: decodesInTiles)
            return $0.diffusionLatents(distribution.sample(noise.draw(distribution.mean.shape, device: device)))
        }
    }

    /// The pixels of latents `[samples, channels, height, width]` as diffusion yields them:
    /// `[samples, 3, factor · height, factor · width]`, -1 to 1, float32.
    ///
    /// - Throws: where the weights of an autoencoder that does not stay cannot be read.
    package func picture(_ latents: Tensor) throws -> Tensor {
        unet.release()
        controls.release()
        return try autoencoder { $0.decode($0.rawLatents(latents), inTiles: decodesInTiles) }
    }

    /// What colours latents have, about; found once.
    ///
    /// - Throws: where the weights of an autoencoder that does not stay cannot be read, or it cannot decode.
    func colours() throws -> LatentColours {
        if let foundColours { return foundColours }
        let colours = try autoencoder { autoencoder in
            try torchScope {
                LatentColours(channels: configurations.autoencoder.latentChannels, device: device) {
                    autoencoder.decode(autoencoder.rawLatents($0))
                }
            }
        }
        foundColours = colours
        return colours
    }

    /// The model's safety checker, made ready by the first request that it looks at the pictures of.
    ///
    /// - Throws: one sentence where the model has no checker, or something is wrong with its files.
    private func safetyChecker() throws -> Part<PictureChecker> {
        if let checker { return checker }
        let path = configurations.files.path
        guard let configuration = try configurations.safetyChecker() else {
            throw PipelineError.invalidModel(path: path, reason: "it has no safety checker")
        }
        let part = try Part(loader) {
            try PictureChecker(configuration, "\(path)/\(StableDiffusionConfigurations.safetyChecker)", $0)
        }
        checker = part
        return part
    }

    /// Makes the model's safety checker ready, so that what is wrong with it is told before other work.
    ///
    /// - Throws: one sentence where the model has no checker, or something is wrong with its files.
    func prepareChecker() throws { _ = try safetyChecker() }

    /// Whether the model's safety checker finds that a picture shall not be shown.
    ///
    /// - Throws: one sentence where the model has no checker, or its weights cannot be read.
    func isFlagged(_ picture: Image) throws -> Bool {
        let checker = try safetyChecker()
        return try checker { try $0.scores(picture).isFlagged }
    }

    /// The shape of the latents of a picture.
    func latentShape(_ size: (width: Int, height: Int)) -> [Int] {
        let factor = configurations.factor
        return [1, configurations.autoencoder.latentChannels, size.height / factor, size.width / factor]
    }
}

// MARK: Denoising

extension StableDiffusionModel {
    /// Where a run begins, and what it is held to.
    package struct Start {
        /// The first sample.
        package let sample: Tensor
        /// Its place among the sampler's timesteps.
        package let index: Int
        /// What a U-Net with channels for it sees beside the latents: mask and masked picture.
        package var beside: Tensor?
        /// What is put back after each step, where the U-Net has no such channels.
        package var kept: KeptPart?
    }

    /// The begin of a run from nothing but noise.
    package func start(size: (width: Int, height: Int), sampler: any Sampler, noise: NoiseSource) -> Start {
        Start(sample: noise.draw(latentShape(size), device: device) * sampler.initialNoiseScale, index: 0)
    }

    /// The begin of a run from a picture.
    ///
    /// - Parameters:
    ///   - picture: of the size of the result.
    ///   - strength: how much of it may change, above 0 to 1.
    ///   - sampler: the run's.
    ///   - noise: drawn from twice: for the picture's latents, and to cover them.
    /// - Returns: the picture's latents under as much noise as the strength says.
    /// - Throws: where the strength leaves no step.
    ///
    /// Source: Meng et al. 2022 (SDEdit); diffusers' `StableDiffusionImg2ImgPipeline.prepare_latents`.
    package func start(
        from picture: Image,
        strength: Double,
        sampler: any Sampler,
        noise: NoiseSource
    ) throws -> Start {
        let index = try sampler.begin(strength: strength)
        let clean = try latents(pixels(picture), noise: noise)
        let drawn = noise.draw(clean.shape, device: device)
        return Start(sample: sampler.addNoise(to: clean, noise: drawn, at: index), index: index)
    }

    /// The begin of a run that makes a part of a picture anew.
    ///
    /// - Parameters:
    ///   - picture: of the size of the result.
    ///   - mask: what of it is made anew, as light as the middle or lighter; of the same size.
    ///   - strength: how much of that part may change, above 0 to 1; at 1 nothing of it is seen.
    ///   - sampler: the run's.
    ///   - noise: drawn from as often and in the order that the reference has.
    /// - Returns: the first sample, and what holds the rest of the picture.
    /// - Throws: where the strength leaves no step.
    ///
    /// Source: diffusers' `StableDiffusionInpaintPipeline.prepare_latents` and `prepare_mask_latents`.
    package func start(
        inside picture: Image,
        mask: Image,
        strength: Double,
        sampler: any Sampler,
        noise: NoiseSource
    ) throws -> Start {
        let index = try sampler.begin(strength: strength)
        let shape = latentShape((picture.width, picture.height))
        let pixels = pixels(picture)
        let isNew = isLight(mask)
        let readsMask = configurations.readsMask
        // At full strength nothing of the picture is seen but through the channels for it.
        let clean = readsMask && strength == 1 ? nil : try latents(pixels, noise: noise)
        let drawn = noise.draw(shape, device: device)
        let sample =
            if strength < 1, let clean {
                sampler.addNoise(to: clean, noise: drawn, at: index)
            } else {
                drawn * sampler.initialNoiseScale
            }
        let small = isNew.interpolated(height: shape[2], width: shape[3], mode: .nearest)
        guard readsMask else {
            // The reference encodes the masked picture here, too, and does not look at it.
            _ = noise.draw(shape)
            return Start(
                sample: sample,
                index: index,
                kept: clean.map { KeptPart(picture: $0, keep: 1 - small, noise: drawn) }
            )
        }
        let masked = try latents(pixels * (1 - isNew), noise: noise)
        return Start(sample: sample, index: index, beside: .cat([small, masked], dim: 1))
    }

    /// 1 where a picture is as light as the middle or lighter, else 0, `[1, 1, height, width]`.
    ///
    /// Source: Pillow's conversion to grey; diffusers' `VaeImageProcessor.binarize`.
    private func isLight(_ mask: Image) -> Tensor {
        let mask = mask.flattened(over: .black)
        let light = stride(from: 0, to: mask.pixels.count, by: 3).map { start -> Float in
            let (red, green, blue) = (mask.pixels[start], mask.pixels[start + 1], mask.pixels[start + 2])
            let grey = (Int(red) * 19_595 + Int(green) * 38_470 + Int(blue) * 7471 + 0x8000) >> 16
            return grey >= 128 ? 1 : 0
        }
        return Tensor(light, shape: [1, 1, mask.height, mask.width]).to(device)
    }

    /// A run: every element is one evaluation done, and ``picture(_:)`` turns the last sample into pixels.
    func run(
        _ context: UNet2DConditionModel.Context,
        controls: ControlRun?,
        from start: Start,
        sampler: any Sampler,
        guidance: Guidance,
        noise: NoiseSource
    ) throws -> DecoderRun {
        let isGuided = isGuided(guidance)
        let unet = try unet()
        let steps = DenoisingSequence(
            sampler,
            predictingAt: { [unet, device] sample, index in
                let timestep = Tensor([Float(sampler.timesteps[index])]).to(device)
                let control = controls?(
                    sample,
                    timestep,
                    step: index - start.index,
                    of: sampler.timesteps.count - start.index
                )
                let input = start.beside.map { Tensor.cat([sample, $0], dim: 1) } ?? sample
                let output = unet(isGuided ? .cat([input, input]) : input, timestep, context, control: control)
                return isGuided ? guidance(output) : output
            },
            from: start.sample,
            at: start.index,
            noise: noise
        )
        return DecoderRun(steps, keeping: start.kept)
    }
}
