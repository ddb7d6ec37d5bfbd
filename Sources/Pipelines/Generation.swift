import LienzoDiffusion
import LienzoImages
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

    /// Makes the pictures one after the other, each from its own generator, so that a picture does not depend on how
    /// many are made with it.
    func run() throws {
        let condition = try timed(.text) { try torchScope { model.encode(request.prompt) } }
        if condition.truncated {
            emit(.notice("The prompt is longer than the model reads; its end was left out."))
        }
        for index in 0..<request.count {
            let seed = request.seed &+ UInt64(index)
            let noise = NoiseSource(Generator(seed: seed))
            let embedding = try imageEmbedding(condition, picture: index, noise: noise)
            let latents = try latents(condition, imageEmbedding: embedding, picture: index, noise: noise)
            let image = try timed(.autoencoder) { try self.image(latents) }
            emit(.picture(GeneratedPicture(image: image, index: index, seed: seed)))
        }
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
                    sampler: priorSampler,
                    guidance: Guidance(scale: request.priorGuidance),
                    noise: noise
                )
            }
            let last = try steps(of: run, .prior, picture: picture, count: request.priorSteps)
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
            return try steps(of: run, .decoder, picture: picture, count: request.steps) { step, progress in
                guard let every = request.previewEvery, progress.step % every == 0, progress.step < progress.steps
                else { return }
                emit(.preview(try image(step.original), progress))
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

    private func image(_ latents: Tensor) throws -> Image {
        let planes = try torchScope { model.picture(latents).floats() }
        return try Image(planes: planes, width: model.pictureSize, height: model.pictureSize)
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
