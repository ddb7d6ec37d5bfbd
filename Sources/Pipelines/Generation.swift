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

    init(
        _ request: GenerationRequest,
        _ plan: UnCLIPPlan,
        model: UnCLIPModel,
        emit: @escaping (GenerationEvent) -> Void
    ) {
        self.request = request
        self.plan = plan
        self.model = model
        report = GenerationReport(pictures: request.count, emit: emit)
    }

    /// Makes the pictures one after the other, each from its own generators, so that a picture does not depend on how
    /// many are made with it; the candidates for one go through the networks as one batch.
    func run() throws {
        let (condition, text, canvas) = try prepared()
        for index in 0..<request.count {
            let (seed, noise) = noise(picture: index)
            let embeddings = try imageEmbeddings(condition, picture: index, noise: noise)
            let latents = try latents(text, embeddings, canvas, picture: index, noise: noise)
            let images = try report.timed(.autoencoder) { try self.images(torchScope { model.picture(latents) }) }
            let image =
                try images.count > 1
                ? report.timed(.ranking) { try best(of: images, condition, embeddings) } : images[0]
            report.emit(.picture(GeneratedPicture(image: image, index: index, seed: seed)))
        }
    }

    /// What the first picture is before the autoencoder makes it one.
    func firstLatents() throws -> (embeddings: ImageEmbeddings, latents: Tensor) {
        let (condition, text, canvas) = try prepared()
        let noise = noise(picture: 0).noise
        let embeddings = try imageEmbeddings(condition, picture: 0, noise: noise)
        return (embeddings, try latents(text, embeddings, canvas, picture: 0, noise: noise))
    }

    /// What is the same for all pictures: the words as prior and decoder see them, and what is known of the picture.
    private func prepared() throws -> (UnCLIPModel.Condition, UnCLIPModel.Condition?, Canvas) {
        let condition = try encodedPrompt()
        return (condition, try torchScope { model.decoderCondition(request.prompt, condition) }, try canvas())
    }

    /// The image embeddings alone: for each picture all candidates, the one that fits the prompt best first.
    func embed() throws -> [[ImageEmbedding]] {
        let condition = try encodedPrompt()
        return try (0..<request.count).map { index in
            let embeddings = try imageEmbeddings(condition, picture: index, noise: noise(picture: index).noise)
            let isOfWords = request.imageEmbedding == .prompt
            return try torchScope {
                let similarities = isOfWords ? model.similarities(embeddings.conditional, condition) : nil
                let (rows, negatives) = (embeddings.conditional.floatRows(), embeddings.unconditional.floatRows())
                return rows.indices
                    .map { ImageEmbedding(rows[$0], negative: negatives[$0], similarity: similarities?[$0]) }
                    .sorted { ($0.similarity ?? 0) > ($1.similarity ?? 0) }
            }
        }
    }

    private func encodedPrompt() throws -> UnCLIPModel.Condition {
        let condition = try report.timed(.text) {
            try torchScope { model.encode(request.prompt, negative: request.negativePrompt) }
        }
        if condition.truncated {
            report.emit(.notice("The prompt is longer than the model reads; its end was left out."))
        }
        return condition
    }

    /// The seed of a picture, and where the noise of its candidates comes from.
    private func noise(picture index: Int) -> (seed: UInt64, noise: NoiseSource) {
        let seed = request.seed &+ UInt64(index)
        let generators = (0..<plan.candidates).map { Generator(seed: Self.seed(seed, candidate: $0)) }
        return (seed, NoiseSource(each: generators))
    }

    /// The seed of a candidate: the picture's own for the first.
    ///
    /// It steps by the golden ratio, so that the candidates of neighbouring seeds are not the same.
    static func seed(_ seed: UInt64, candidate: Int) -> UInt64 { seed &+ UInt64(candidate) &* 0x9E37_79B9_7F4A_7C15 }

    /// The picture whose embedding is nearest to the prompt's, or, where the prompt is not what it was made of, to the
    /// image embedding that it was made of.
    ///
    /// Source: Ramesh et al. 2021 (DALL·E), section 2.6; Ramesh et al. 2022, section 2.2.
    private func best(
        of images: [Image],
        _ condition: UnCLIPModel.Condition,
        _ embeddings: ImageEmbeddings
    ) throws -> Image {
        let preprocessing = model.clip.configuration.preprocessing
        let pixels = try images.map { try preprocessing($0) }
        let cosines = try torchScope {
            let found = model.clip.embed(pixels: pixels)
            guard request.imageEmbedding != .prompt else { return model.similarities(found, condition) }
            return (found.normalized() * embeddings.conditional.normalized()).sum(dims: [1]).floats()
        }
        let place = cosines.indices.max { cosines[$0] < cosines[$1] }
        return images[place ?? 0]
    }
}

// MARK: - Image embeddings

extension Generation {
    /// The image embeddings of a picture's candidates, by the way that the request asks for.
    private func imageEmbeddings(
        _ condition: UnCLIPModel.Condition,
        picture: Int,
        noise: NoiseSource
    ) throws -> ImageEmbeddings {
        switch request.imageEmbedding {
        case .prompt:
            return try sampled(condition, picture: picture, noise: noise)
        case .blend(let ingredients, let blending):
            let weights = ingredients.map(\.weight)
            let parts = try ingredients.map { try embedding(of: $0.content, picture: picture, noise: noise) }
            let blended = try torchScope { blending(parts, weights) }
            return ImageEmbeddings(blended, unconditional: try unconditional(picture: picture, noise: noise))
        case .shift(let image, let from, let to, let share):
            let start = try embedding(of: .picture(image), picture: picture, noise: noise)
            let shifted = try torchScope {
                let texts = model.clip.embed(texts: [from, to]).normalized()
                let difference = (texts[1..<2] - texts[0..<1]).normalized().expand(start.shape)
                // As long as the picture's embedding, so that only the direction changes.
                return slerp(start, difference * start.norm(dims: [-1], keepDim: true), share)
            }
            return ImageEmbeddings(shifted, unconditional: try unconditional(picture: picture, noise: noise))
        case .given(let given):
            return try torchScope {
                ImageEmbeddings(
                    rows(given.values),
                    unconditional: given.negative.map(rows) ?? model.unconditional(plan.candidates)
                )
            }
        }
    }

    /// Samples of the prior.
    private func sampled(
        _ condition: UnCLIPModel.Condition,
        picture: Int,
        noise: NoiseSource
    ) throws -> ImageEmbeddings {
        try report.timed(.prior) {
            let run = try torchScope {
                try model.priorRun(
                    condition,
                    samples: plan.candidates,
                    sampler: plan.priorSampler,
                    guidance: Guidance(scale: request.priorGuidance),
                    noise: noise
                )
            }
            let last = try report.steps(of: run, .prior, picture: picture, steps: plan.priorSampler.timesteps.count)
            return try torchScope { model.imageEmbeddings(last, condition) }
        }
    }

    /// The embedding of an ingredient, `[candidates, embeddingDimension]`.
    private func embedding(
        of content: ImageEmbeddingSource.Ingredient.Content,
        picture: Int,
        noise: NoiseSource
    ) throws -> Tensor {
        switch content {
        case .text(let text):
            let condition = try torchScope { model.encode(text, negative: request.negativePrompt) }
            return try sampled(condition, picture: picture, noise: noise).conditional
        case .picture(let image):
            let pixels = try model.clip.configuration.preprocessing(image)
            return try torchScope {
                let embedding = model.clip.embed(pixels: [pixels])
                return embedding.expand([plan.candidates, embedding.size(1)])
            }
        case .embedding(let values):
            return try torchScope { rows(values) }
        }
    }

    /// What guidance pushes away from where no prior has run for the prompt.
    ///
    /// The reference runs the prior over the empty text then, and takes from it the embedding of the negative prompt;
    /// where there is none, only the noise is drawn.
    ///
    /// Source: diffusers' `KandinskyV22PriorPipeline.interpolate`.
    private func unconditional(picture: Int, noise: NoiseSource) throws -> Tensor {
        guard let negative = request.negativePrompt else {
            return try torchScope {
                model.skipPriorRun(samples: plan.candidates, sampler: plan.priorSampler, noise: noise)
                return model.unconditional(plan.candidates)
            }
        }
        let condition = try torchScope { model.encode("", negative: negative) }
        return try sampled(condition, picture: picture, noise: noise).unconditional
    }

    /// The same embedding for each candidate.
    private func rows(_ values: [Float]) -> Tensor {
        Tensor(values, shape: [1, values.count]).to(model.device).expand([plan.candidates, values.count])
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
        _ text: UnCLIPModel.Condition?,
        _ embeddings: ImageEmbeddings,
        _ canvas: Canvas,
        picture: Int,
        noise: NoiseSource
    ) throws -> Tensor {
        try report.timed(.decoder) {
            let run = try torchScope {
                try model.decoderRun(
                    text,
                    embeddings,
                    canvas: canvas,
                    sampler: plan.sampler,
                    guidance: Guidance(scale: request.guidance, rescale: request.guidanceRescale),
                    noise: noise
                )
            }
            let count = plan.sampler.timesteps.count - run.index
            return try report.steps(of: run, .decoder, picture: picture, steps: count) { step, progress in
                guard let every = request.previewEvery, progress.step % every == 0, progress.step < progress.steps
                else { return }
                let colours = try model.colours()
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

extension UnCLIPModel {
    /// The cosine of each embedding to the prompt's.
    func similarities(_ embeddings: Tensor, _ condition: Condition) -> [Float] {
        let text = condition.only(1).embedding.normalized()
        return embeddings.normalized().matmul(text.transpose(0, 1)).flatten().floats()
    }
}

extension Tensor {
    /// The numbers of each element of the first dimension.
    fileprivate func floatRows() -> [[Float]] {
        let numbers = floats()
        let count = numbers.count / size(0)
        return stride(from: 0, to: numbers.count, by: count).map { Array(numbers[$0..<$0 + count]) }
    }
}
