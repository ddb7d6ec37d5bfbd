import LienzoDiffusion
import LienzoImages
import LienzoTorch

/// The image embeddings of one request, by whichever way it asks for.
struct UnCLIPPriorGeneration {
    let request: GenerationRequest
    let plan: UnCLIPPriorPlan
    let prior: UnCLIPPrior
    let report: GenerationReport

    /// For each picture all candidates, the one that fits the prompt best first.
    func embed() throws -> [[ImageEmbedding]] {
        let condition = request.imageEmbedding == .prompt ? try report.timed(.text, self.condition) : nil
        return try (0..<request.count).map { index in
            let noise = request.noise(picture: index, candidates: plan.candidates).noise
            let embeddings = try embeddings(condition, picture: index, noise: noise)
            return try torchScope {
                ImageEmbedding.ranked(
                    embeddings.conditional,
                    negatives: embeddings.unconditional,
                    similarities: condition?.similarities(embeddings.conditional)
                )
            }
        }
    }

    /// The words as the prior sees them.
    func condition() throws -> UnCLIPCondition {
        try torchScope { try prior.encode(request.prompt, negative: request.negativePrompt) }
    }

    /// The image embeddings of a picture's candidates.
    ///
    /// - Parameters:
    ///   - condition: what ``condition()`` gave; where nil, the words are read when they are needed.
    ///   - picture: which of the request's pictures.
    ///   - noise: where the noise of its candidates comes from.
    /// - Returns: as many as there are candidates.
    /// - Throws: where weights cannot be read, and `CancellationError`.
    func embeddings(_ condition: UnCLIPCondition?, picture: Int, noise: NoiseSource) throws -> ImageEmbeddings {
        switch request.imageEmbedding {
        case .prompt:
            return try sampled(condition ?? self.condition(), picture: picture, noise: noise)
        case .blend(let ingredients, let blending):
            let weights = ingredients.map(\.weight)
            let parts = try ingredients.map { try embedding(of: $0.content, picture: picture, noise: noise) }
            let blended = try torchScope { blending(parts, weights) }
            return ImageEmbeddings(blended, unconditional: try unconditional(picture: picture, noise: noise))
        case .shift(let image, let from, let to, let share):
            let start = try embedding(of: .picture(image), picture: picture, noise: noise)
            let shifted = try torchScope {
                let texts = try prior.embed(texts: [from, to]).normalized()
                let difference = (texts[1..<2] - texts[0..<1]).normalized().expand(start.shape)
                // As long as the picture's embedding, so that only the direction changes.
                return slerp(start, difference * start.norm(dims: [-1], keepDim: true), share)
            }
            return ImageEmbeddings(shifted, unconditional: try unconditional(picture: picture, noise: noise))
        case .given(let given):
            return try torchScope {
                ImageEmbeddings(
                    rows(given.values),
                    unconditional: try given.negative.map(rows) ?? prior.unconditional(plan.candidates)
                )
            }
        }
    }

    /// Samples of the prior.
    private func sampled(
        _ condition: UnCLIPCondition,
        picture: Int,
        noise: NoiseSource
    ) throws -> ImageEmbeddings {
        try report.timed(.prior) {
            let last = try lastSample(condition, picture: picture, noise: noise)
            return try torchScope { try prior.imageEmbeddings(last, condition) }
        }
    }

    /// The last sample of a run; apart, so that the run is gone and with it the network when the image encoder is read.
    private func lastSample(_ condition: UnCLIPCondition, picture: Int, noise: NoiseSource) throws -> Tensor {
        let run = try torchScope {
            try prior.run(
                condition,
                samples: plan.candidates,
                sampler: plan.sampler,
                guidance: Guidance(scale: request.priorGuidance),
                noise: noise
            )
        }
        return try report.steps(of: run, .prior, picture: picture, steps: plan.sampler.timesteps.count)
    }

    /// The embedding of an ingredient, `[candidates, embeddingDimension]`.
    private func embedding(
        of content: ImageEmbeddingSource.Ingredient.Content,
        picture: Int,
        noise: NoiseSource
    ) throws -> Tensor {
        switch content {
        case .text(let text):
            let condition = try torchScope { try prior.encode(text, negative: request.negativePrompt) }
            return try sampled(condition, picture: picture, noise: noise).conditional
        case .picture(let image):
            return try torchScope {
                let embedding = try prior.embed(images: [image])
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
                prior.skipRun(samples: plan.candidates, sampler: plan.sampler, noise: noise)
                return try prior.unconditional(plan.candidates)
            }
        }
        let condition = try torchScope { try prior.encode("", negative: negative) }
        return try sampled(condition, picture: picture, noise: noise).unconditional
    }

    /// The same embedding for each candidate.
    private func rows(_ values: [Float]) -> Tensor {
        Tensor(values, shape: [1, values.count]).to(prior.device).expand([plan.candidates, values.count])
    }
}

extension GenerationRequest {
    /// The seed of a picture, and where the noise of its candidates comes from.
    func noise(picture index: Int, candidates: Int) -> (seed: UInt64, noise: NoiseSource) {
        let seed = seed &+ UInt64(index)
        let generators = (0..<candidates).map { Generator(seed: Self.seed(seed, candidate: $0)) }
        return (seed, NoiseSource(each: generators))
    }

    /// The seed of a candidate: the picture's own for the first.
    ///
    /// It steps by the golden ratio, so that the candidates of neighbouring seeds are not the same.
    static func seed(_ seed: UInt64, candidate: Int) -> UInt64 { seed &+ UInt64(candidate) &* 0x9E37_79B9_7F4A_7C15 }
}

extension ImageEmbedding {
    /// Embeddings as numbers, the one that fits the words best first.
    ///
    /// - Parameters:
    ///   - embeddings: `[candidates, width]`.
    ///   - negatives: what guidance pushes away from, of the same shape, where the prior makes it.
    ///   - similarities: the cosine of each to the words that it was made of, where it was.
    /// - Returns: as many as there are candidates.
    static func ranked(_ embeddings: Tensor, negatives: Tensor?, similarities: [Float]?) -> [ImageEmbedding] {
        let (rows, negatives) = (embeddings.floatRows(), negatives?.floatRows())
        return rows.indices
            .map { ImageEmbedding(rows[$0], negative: negatives?[$0], similarity: similarities?[$0]) }
            .sorted { ($0.similarity ?? 0) > ($1.similarity ?? 0) }
    }
}

extension Tensor {
    /// The numbers of each element of the first dimension.
    func floatRows() -> [[Float]] {
        let numbers = floats()
        let count = numbers.count / size(0)
        return stride(from: 0, to: numbers.count, by: count).map { Array(numbers[$0..<$0 + count]) }
    }
}
