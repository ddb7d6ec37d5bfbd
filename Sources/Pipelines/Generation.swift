import LienzoDiffusion
import LienzoImages
import LienzoModels
import LienzoTorch

/// One request on its way through the networks of unCLIP.
struct Generation {
    private let request: GenerationRequest
    private let plan: UnCLIPPlan
    private let model: UnCLIPModel
    private let report: GenerationReport
    /// What makes the image embeddings; nil where there is no prior, because they are given.
    private let prior: UnCLIPPriorGeneration?

    init(
        _ request: GenerationRequest,
        _ plan: UnCLIPPlan,
        model: UnCLIPModel,
        emit: @escaping (GenerationEvent) -> Void
    ) {
        let report = GenerationReport(pictures: request.count, emit: emit)
        self.request = request
        self.plan = plan
        self.model = model
        self.report = report
        prior =
            if let prior = model.prior, let priorPlan = plan.prior {
                UnCLIPPriorGeneration(request: request, plan: priorPlan, prior: prior, report: report)
            } else {
                nil
            }
    }

    /// What is the same for all pictures of a request.
    private struct Setting {
        /// The words as the prior sees them, where it or the decoder looks at them.
        let condition: UnCLIPCondition?
        /// The words as the decoder sees them, where it does.
        let text: UnCLIPCondition?
        let canvas: Canvas
        /// What previews are made with, where there are some.
        let colours: LatentColours?
    }

    /// Makes the pictures one after the other, each from its own generators, so that a picture does not depend on how
    /// many are made with it; the candidates for one go through the networks as one batch.
    func run() throws {
        let setting = try setting()
        for index in 0..<request.count {
            let (seed, noise) = request.noise(picture: index, candidates: plan.candidates)
            let embeddings = try imageEmbeddings(setting, picture: index, noise: noise)
            let latents = try latents(setting, embeddings, picture: index, noise: noise)
            let images = try report.timed(.autoencoder) { try self.images(torchScope { try model.picture(latents) }) }
            let image =
                if images.count > 1, let prior = model.prior {
                    try report.timed(.ranking) { try best(of: images, by: prior, setting.condition, embeddings) }
                } else {
                    images[0]
                }
            report.emit(.picture(GeneratedPicture(image: image, index: index, seed: seed)))
        }
    }

    /// What the first picture is before the autoencoder makes it one.
    func firstLatents() throws -> (embeddings: ImageEmbeddings, latents: Tensor) {
        let setting = try setting()
        let noise = request.noise(picture: 0, candidates: plan.candidates).noise
        let embeddings = try imageEmbeddings(setting, picture: 0, noise: noise)
        return (embeddings, try latents(setting, embeddings, picture: 0, noise: noise))
    }

    private func setting() throws -> Setting {
        let (condition, text) = try words()
        return Setting(
            condition: condition,
            text: text,
            canvas: try canvas(),
            // Before the decoder is read: not both need be in memory.
            colours: try request.previewEvery.map { _ in try model.colours() }
        )
    }

    /// The words as prior and decoder see them, as far as these look at them.
    private func words() throws -> (prior: UnCLIPCondition?, decoder: UnCLIPCondition?) {
        let priorReads = request.imageEmbedding == .prompt || model.decoderReadsPriorsText
        guard priorReads || model.decoderReadsText else { return (nil, nil) }
        let words = try report.timed(.text) {
            let condition = priorReads ? try prior?.condition() : nil
            return (condition, try torchScope { try model.decoderCondition(request.prompt, condition) })
        }
        report.note(truncated: words.0?.truncated ?? words.1?.truncated ?? false)
        return words
    }

    private func imageEmbeddings(_ setting: Setting, picture: Int, noise: NoiseSource) throws -> ImageEmbeddings {
        if let prior { return try prior.embeddings(setting.condition, picture: picture, noise: noise) }
        guard case .given(let given) = request.imageEmbedding else {
            preconditionFailure("a plan without a prior lets only given embeddings through")
        }
        return try torchScope {
            func row(_ values: [Float]) -> Tensor { Tensor(values, shape: [1, values.count]).to(model.device) }
            // Without a negative there is no guidance, and nothing looks at it.
            return ImageEmbeddings(row(given.values), unconditional: row(given.negative ?? given.values))
        }
    }

    /// The picture whose embedding is nearest to the prompt's, or, where the prompt is not what it was made of, to the
    /// image embedding that it was made of.
    ///
    /// Source: Ramesh et al. 2021 (DALL·E), section 2.6; Ramesh et al. 2022, section 2.2.
    private func best(
        of images: [Image],
        by prior: UnCLIPPrior,
        _ condition: UnCLIPCondition?,
        _ embeddings: ImageEmbeddings
    ) throws -> Image {
        let cosines = try torchScope {
            let found = try prior.embed(images: images)
            if request.imageEmbedding == .prompt, let condition { return condition.similarities(found) }
            return (found.normalized() * embeddings.conditional.normalized()).sum(dims: [1]).floats()
        }
        let place = cosines.indices.max { cosines[$0] < cosines[$1] }
        return images[place ?? 0]
    }
}

// MARK: - Latents and pictures

extension Generation {
    private func canvas() throws -> Canvas {
        func made() throws -> Canvas {
            try model.canvas(
                width: plan.width,
                height: plan.height,
                image: request.image,
                mask: request.mask,
                strength: plan.strength,
                hint: request.hints.first?.image
            )
        }
        return try request.image == nil ? made() : report.timed(.encoding) { try made() }
    }

    private func latents(
        _ setting: Setting,
        _ embeddings: ImageEmbeddings,
        picture: Int,
        noise: NoiseSource
    ) throws -> Tensor {
        try report.timed(.decoder) {
            let run = try torchScope {
                try model.decoderRun(
                    setting.text,
                    embeddings,
                    canvas: setting.canvas,
                    sampler: plan.sampler,
                    guidance: Guidance(scale: request.guidance, rescale: request.guidanceRescale),
                    noise: noise
                )
            }
            let count = plan.sampler.timesteps.count - run.index
            return try report.steps(of: run, .decoder, picture: picture, steps: count) { step, progress in
                guard let colours = setting.colours, let every = request.previewEvery,
                    progress.step.isMultiple(of: every), progress.step < progress.steps
                else { return }
                let pixels = try torchScope {
                    colours(step.original[0..<1], height: plan.height, width: plan.width)
                }
                if let image = try images(pixels).first { report.emit(.preview(image, progress)) }
            }
        }
    }

    /// One picture for each sample of pixels.
    private func images(_ pixels: Tensor) throws -> [Image] {
        try torchScope { pixels.floatRows() }.map { planes in
            try Image(planes: planes, width: plan.width, height: plan.height)
        }
    }
}
