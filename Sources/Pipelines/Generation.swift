import LienzoDiffusion
import LienzoImages
import LienzoModels
import LienzoTorch

/// One request on its way through the networks.
struct Generation {
    private let request: GenerationRequest
    private let model: UnCLIPModel
    private let emit: (GenerationEvent) -> Void
    private let priorSampler: any Sampler
    private let sampler: any Sampler

    /// Throws where the model's schedules cannot take so many steps.
    init(_ request: GenerationRequest, model: UnCLIPModel, emit: @escaping (GenerationEvent) -> Void) throws {
        self.request = request
        self.model = model
        self.emit = emit
        priorSampler = try model.priorScheduler.sampler(steps: request.priorSteps)
        sampler = try model.scheduler.sampler(steps: request.steps)
    }

    /// Makes the pictures one after the other, each from its own generators, so that a picture does not depend on how
    /// many are made with it; the candidates for one go through the networks as one batch.
    func run() throws {
        let condition = try timed(.text) { try torchScope { model.encode(request.prompt) } }
        if condition.truncated {
            emit(.notice("The prompt is longer than the model reads; its end was left out."))
        }
        for index in 0..<request.count {
            let seed = request.seed &+ UInt64(index)
            let noise = NoiseSource(
                each: (0..<request.candidates).map { Generator(seed: Self.seed(seed, candidate: $0)) }
            )
            let embedding = try imageEmbedding(condition, picture: index, noise: noise)
            let latents = try latents(condition, imageEmbedding: embedding, picture: index, noise: noise)
            let images = try timed(.autoencoder) { try self.images(latents) }
            let image = try images.count > 1 ? timed(.ranking) { try best(of: images, for: condition) } : images[0]
            emit(.picture(GeneratedPicture(image: image, index: index, seed: seed)))
        }
    }

    /// The seed of a candidate: the picture's own for the first.
    ///
    /// It steps by the golden ratio, so that the candidates of neighbouring seeds are not the same.
    static func seed(_ seed: UInt64, candidate: Int) -> UInt64 { seed &+ UInt64(candidate) &* 0x9E37_79B9_7F4A_7C15 }

    /// The picture whose embedding is nearest to the prompt's.
    ///
    /// Source: Ramesh et al. 2021 (DALL·E), section 2.6; Ramesh et al. 2022, section 2.2.
    private func best(of images: [Image], for condition: UnCLIPModel.Condition) throws -> Image {
        let preprocessing = model.clip.configuration.preprocessing
        let pixels = try images.map { try preprocessing($0) }
        let place = try torchScope {
            let text = condition.only(1).embedding.normalized()
            let cosines = model.clip.embed(pixels: pixels).normalized().matmul(text.transpose(0, 1))
            return cosines.flatten().argmax(dim: 0).int64s().first
        }
        return images[Int(place ?? 0)]
    }

    private func imageEmbedding(
        _ condition: UnCLIPModel.Condition,
        picture: Int,
        noise: NoiseSource
    ) throws -> Tensor {
        try timed(.prior) {
            let run = try torchScope {
                try model.priorRun(
                    condition,
                    samples: request.candidates,
                    sampler: priorSampler,
                    guidance: Guidance(scale: request.priorGuidance),
                    noise: noise
                )
            }
            let last = try steps(of: run, .prior, picture: picture, count: priorSampler.timesteps.count)
            return try torchScope { model.imageEmbedding(last) }
        }
    }

    private func latents(
        _ condition: UnCLIPModel.Condition,
        imageEmbedding: Tensor,
        picture: Int,
        noise: NoiseSource
    ) throws -> Tensor {
        try timed(.decoder) {
            let run = try torchScope {
                try model.decoderRun(
                    condition,
                    imageEmbedding: imageEmbedding,
                    sampler: sampler,
                    guidance: Guidance(scale: request.guidance),
                    noise: noise
                )
            }
            return try steps(of: run, .decoder, picture: picture, count: sampler.timesteps.count) { step, progress in
                guard let every = request.previewEvery, progress.step % every == 0, progress.step < progress.steps
                else { return }
                guard let image = try images(step.original[0..<1]).first else { return }
                emit(.preview(image, progress))
            }
        }
    }

    /// Goes through a run with an event after each step, and stops where the task was cancelled.
    private func steps(
        of run: DenoisingSequence,
        _ stage: GenerationStage,
        picture: Int,
        count: Int,
        each: (DenoisingStep, GenerationProgress) throws -> Void = { _, _ in }
    ) throws -> Tensor {
        func progress(_ step: Int) -> GenerationProgress {
            GenerationProgress(stage: stage, picture: picture, pictures: request.count, step: step, steps: count)
        }
        var run = run
        var sample: Tensor?
        var done = 0
        emit(.progress(progress(0)))
        while let step = try torchScope({ run.next() }) {
            try Task.checkCancellation()
            done += 1
            sample = step.sample
            emit(.progress(progress(done)))
            try each(step, progress(done))
        }
        guard let sample else { throw CancellationError() }
        return sample
    }

    /// One picture for each sample of the latents.
    private func images(_ latents: Tensor) throws -> [Image] {
        let numbers = try torchScope { model.picture(latents).floats() }
        let count = numbers.count / latents.size(0)
        return try stride(from: 0, to: numbers.count, by: count).map { start in
            let planes = Array(numbers[start..<start + count])
            return try Image(planes: planes, width: model.pictureSize, height: model.pictureSize)
        }
    }

    private func timed<Result>(_ stage: GenerationStage, _ body: () throws -> Result) throws -> Result {
        try Task.checkCancellation()
        let start = ContinuousClock.now
        let result = try body()
        emit(.finishedStage(stage, seconds: start.duration(to: .now).seconds))
        return result
    }
}

extension Duration {
    var seconds: Double { self / .seconds(1) }
}
