import LienzoDiffusion
import LienzoImages
import LienzoModels
import LienzoTorch

/// One request on its way through the networks of Stable Diffusion.
struct StableDiffusionGeneration {
    private let request: GenerationRequest
    private let model: StableDiffusionModel
    private let emit: (GenerationEvent) -> Void
    private let report: GenerationReport
    private let sampler: any Sampler
    private let guidance: Guidance
    private let size: (width: Int, height: Int)
    private let strength: Double
    private let unCLIP: ImageEmbeddingPlan?
    private let checksSafety: Bool
    private let marksPictures: Bool

    /// Pictures of a request in the size of the result.
    private struct Given {
        let image: Image?
        let mask: Image?
        let hints: [ControlHint]
    }

    init(
        _ request: GenerationRequest,
        _ plan: StableDiffusionPlan,
        model: StableDiffusionModel,
        emit: @escaping (GenerationEvent) -> Void
    ) {
        self.request = request
        self.model = model
        self.emit = emit
        report = GenerationReport(pictures: request.count, emit: emit)
        sampler = plan.sampler
        size = plan.size
        strength = plan.strength
        unCLIP = plan.unCLIP
        checksSafety = plan.checksSafety
        marksPictures = plan.marksPictures
        guidance = Guidance(scale: request.guidance, rescale: request.guidanceRescale)
    }

    /// Makes the pictures one after the other, each from its own generator, so that a picture does not depend on how
    /// many are made with it.
    func run() throws {
        if checksSafety { try model.prepareChecker() }
        let given = try given()
        // Before the U-Net is read: not both need be in memory.
        let colours = try request.previewEvery.map { _ in try model.colours() }
        let condition = try condition()
        for index in 0..<request.count {
            let seed = request.seed &+ UInt64(index)
            let latents = try latents(condition, given, picture: index, seed: seed, colours)
            let image = try timed(.autoencoder) { try picture(of: latents) }
            let shown = checksSafety ? try timed(.checking) { try checked(image, seed: seed) } : image
            emit(.picture(GeneratedPicture(image: shown, index: index, seed: seed)))
        }
    }

    /// The picture, or a black one where the safety checker finds that it shall not be shown.
    ///
    /// Source: diffusers' `StableDiffusionPipeline.run_safety_checker`.
    private func checked(_ image: Image, seed: UInt64) throws -> Image {
        guard try model.isFlagged(image) else { return image }
        emit(
            .notice(
                "The safety checker finds that the picture of seed \(seed) shall not be shown; it is black instead."
            )
        )
        return try Image(width: image.width, height: image.height, filledWith: .black)
    }

    /// The last sample for the picture of a seed.
    func latents(seed: UInt64) throws -> Tensor { try latents(condition(), given(), picture: 0, seed: seed) }

    /// The words as the U-Net sees them.
    private func condition() throws -> StableDiffusionCondition {
        let condition = try timed(.text) {
            try torchScope {
                try model.encode(request.prompt, negativePrompt: request.negativePrompt, guidance: guidance)
            }
        }
        report.note(truncated: condition.truncated)
        return condition
    }

    /// The given pictures in the size of the result.
    private func given() throws -> Given {
        try Given(
            image: request.image.map(fitted),
            mask: request.mask.map(fitted),
            hints: request.hints.map {
                var hint = $0
                hint.image = try fitted($0.image)
                return hint
            }
        )
    }

    private func latents(
        _ condition: StableDiffusionCondition,
        _ given: Given,
        picture: Int,
        seed: UInt64,
        _ colours: LatentColours? = nil
    ) throws -> Tensor {
        let noise = NoiseSource(Generator(seed: seed))
        let label = try label(picture: picture, noise: noise)
        let start = try start(given.image, given.mask, noise)
        let context = try torchScope {
            try model.context(condition, size: size, guidance: guidance, image: label)
        }
        let controls = try torchScope {
            try model.controls(
                given.hints,
                condition,
                size: size,
                guidance: guidance,
                guesses: request.guessMode
            )
        }
        return try timed(.decoder) {
            try latents(context, controls, from: start, picture: picture, noise: noise, colours)
        }
    }

    /// What the U-Net of Stable unCLIP is told of the image embedding; nil for other models.
    private func label(picture: Int, noise: NoiseSource) throws -> Tensor? {
        guard let plan = unCLIP, let images = model.unCLIP else { return nil }
        let embedding = try images.embedder.embedding(plan, request, picture: picture, noise: noise, report: report)
        return try torchScope { images.label(embedding, level: request.embeddingNoise, noise: noise) }
    }

    private func fitted(_ image: Image) throws -> Image {
        guard image.width != size.width || image.height != size.height else { return image }
        return try image.resized(width: size.width, height: size.height, filter: .lanczos)
    }

    private func start(_ image: Image?, _ mask: Image?, _ noise: NoiseSource) throws -> StableDiffusionModel.Start {
        guard let image else {
            return try torchScope { model.start(size: size, sampler: sampler, noise: noise) }
        }
        return try timed(.encoding) {
            try torchScope {
                guard let mask else {
                    return try model.start(from: image, strength: strength, sampler: sampler, noise: noise)
                }
                return try model.start(inside: image, mask: mask, strength: strength, sampler: sampler, noise: noise)
            }
        }
    }

    /// Goes through a run with an event after each step, and stops where the task was cancelled.
    private func latents(
        _ context: UNet2DConditionModel.Context,
        _ controls: ControlRun?,
        from start: StableDiffusionModel.Start,
        picture: Int,
        noise: NoiseSource,
        _ colours: LatentColours?
    ) throws -> Tensor {
        let run = try model.run(
            context,
            controls: controls,
            from: start,
            sampler: sampler,
            guidance: guidance,
            noise: noise
        )
        let steps = sampler.timesteps.count - start.index
        return try report.steps(of: run, .decoder, picture: picture, steps: steps) { step, progress in
            guard let colours, let every = request.previewEvery, progress.step % every == 0,
                progress.step < progress.steps
            else { return }
            let preview = try image { colours(step.original, height: size.height, width: size.width) }
            emit(.preview(preview, progress))
        }
    }

    /// The finished picture of a last sample, with the watermark where the model's pictures have one.
    ///
    /// Source: diffusers' `StableDiffusionXLPipeline`, which marks the pixels before they are rounded.
    private func picture(of latents: Tensor) throws -> Image {
        guard marksPictures else { return try image { try model.picture(latents) } }
        let planes = try torchScope { try model.picture(latents).floats() }
        let (width, height) = size
        return try Image(
            planes: Watermark.marked(planes: planes, width: width, height: height),
            width: width,
            height: height
        )
    }

    /// A picture of the result's size.
    private func image(_ pixels: () throws -> Tensor) throws -> Image {
        try Image(
            planes: torchScope { try pixels().floats() },
            width: size.width,
            height: size.height
        )
    }

    /// A stage, after which memory is given back: a tenth of the peak otherwise, because a decoder's maps do not fit
    /// between what the U-Net's steps have left.
    private func timed<Result>(_ stage: GenerationStage, _ body: () throws -> Result) throws -> Result {
        defer { Engine.returnFreedMemory() }
        return try report.timed(stage, body)
    }
}

/// What a request comes to with a model, before any work is done.
struct StableDiffusionPlan {
    let sampler: any Sampler
    let size: (width: Int, height: Int)
    let strength: Double
    /// What the image embedding of Stable unCLIP is made of.
    let unCLIP: ImageEmbeddingPlan?
    /// Whether there is a safety checker that shall look at the pictures.
    let checksSafety: Bool
    /// Whether pictures get the watermark of XL.
    let marksPictures: Bool

    /// Throws one sentence where the model cannot do what is asked for.
    init(_ request: GenerationRequest, _ configurations: StableDiffusionConfigurations) throws {
        guard !configurations.readsMask || request.mask != nil else {
            throw PipelineError.invalidRequest(
                reason: "This model makes parts of pictures anew and nothing else; give it a picture and a mask."
            )
        }
        try request.requireNoChoice()
        unCLIP = try configurations.unCLIP?.plan(request)
        if unCLIP == nil { try request.requireNoImageEmbedding() }
        try Self.requireControls(request, configurations)
        if let image = request.image, let mask = request.mask {
            guard image.width == mask.width, image.height == mask.height else {
                throw PipelineError.invalidRequest(
                    reason: "The mask has \(mask.width) × \(mask.height) pixels and the picture \(image.width) × "
                        + "\(image.height); give a mask as large as the picture."
                )
            }
        }
        let scheduler = try request.scheduler.map {
            try SchedulerConfiguration.read(configurations.schedulerJSON, as: SchedulerChoice($0))
        }
        sampler = try (scheduler ?? configurations.scheduler).sampler(steps: request.steps)
        strength = request.strength ?? Self.strength(request, configurations)
        if request.image != nil { _ = try sampler.begin(strength: strength) }

        checksSafety = try request.checksSafety && configurations.safetyChecker() != nil
        marksPictures = request.addsWatermark && configurations.isXL

        let factor = configurations.factor
        func side(_ name: String, _ asked: Int?, _ given: Int?) throws(PipelineError) -> Int {
            let side = asked ?? given.map { max(factor, $0 / factor * factor) } ?? configurations.pictureSize
            let limit = StableDiffusionPipeline.sideLimit
            guard side.isMultiple(of: factor), (factor...limit).contains(side) else {
                throw .invalidRequest(
                    reason: "The \(name) is \(side) pixels; it must be a multiple of \(factor), at most \(limit)."
                )
            }
            return side
        }
        let given = request.image ?? request.hints.first?.image
        size = (
            try side("width", request.width, given?.width),
            try side("height", request.height, given?.height)
        )
    }

    /// Throws one sentence where there is not one hint for each control network.
    private static func requireControls(
        _ request: GenerationRequest,
        _ configurations: StableDiffusionConfigurations
    ) throws(PipelineError) {
        let (hints, networks) = (request.hints.count, configurations.controls.count)
        guard networks > 0 || hints == 0 && !request.guessMode else {
            throw .invalidRequest(
                reason:
                    "This model looks at a hint through a control network; name one for it (--control-model), or leave "
                    + "the hint out."
            )
        }
        guard hints == networks else {
            throw .invalidRequest(
                reason:
                    "The number of hints is \(hints) and that of control networks \(networks); "
                    + "give each network its hint."
            )
        }
    }

    /// How much of a given picture changes when nobody says.
    ///
    /// Source: the defaults of diffusers' pipelines.
    private static func strength(
        _ request: GenerationRequest,
        _ configurations: StableDiffusionConfigurations
    ) -> Double {
        switch (request.mask == nil, configurations.isXL) {
        case (true, false): 0.8
        case (true, true): configurations.controls.isEmpty ? 0.3 : 0.8
        case (false, false): 1
        case (false, true): 0.9999
        }
    }
}
