import LienzoDiffusion
import LienzoTorch

/// Tells whoever waits for a request what happens to it, and stops it where its task was cancelled.
struct GenerationReport {
    /// How many pictures the request asks for.
    let pictures: Int
    let emit: (GenerationEvent) -> Void

    /// Does a stage, and tells how long it took.
    ///
    /// - Throws: what `body` throws; `CancellationError`.
    func timed<Result>(_ stage: GenerationStage, _ body: () throws -> Result) throws -> Result {
        try Task.checkCancellation()
        let start = ContinuousClock.now
        let result = try body()
        emit(.finishedStage(stage, seconds: start.duration(to: .now).seconds))
        return result
    }

    /// Tells that a text was longer than the model reads, where it was.
    func note(truncated: Bool) {
        guard truncated else { return }
        emit(.notice("The prompt is longer than the model reads; its end was left out."))
    }

    /// Goes through a run with an event after each step.
    ///
    /// - Parameters:
    ///   - run: one element a step.
    ///   - stage: what it belongs to.
    ///   - picture: which of the request's pictures.
    ///   - steps: how many steps the run has.
    ///   - each: called after each step.
    /// - Returns: the last sample.
    /// - Throws: `TorchError`, one sentence where the sample is not finite, what `each` throws, and `CancellationError`
    ///   within one step.
    func steps(
        of run: some IteratorProtocol<DenoisingStep>,
        _ stage: GenerationStage,
        picture: Int,
        steps: Int,
        each: (DenoisingStep, GenerationProgress) throws -> Void = { _, _ in }
    ) throws -> Tensor {
        func progress(_ step: Int) -> GenerationProgress {
            GenerationProgress(stage: stage, picture: picture, pictures: pictures, step: step, steps: steps)
        }
        var (run, done) = (run, 0)
        var sample: Tensor?
        emit(.progress(progress(0)))
        try Task.checkCancellation()
        while let step = try torchScope({ run.next() }) {
            try Task.checkCancellation()
            done += 1
            sample = step.sample
            emit(.progress(progress(done)))
            try each(step, progress(done))
        }
        guard let sample else { throw CancellationError() }
        guard try torchScope({ sample.sum().item }).isFinite else {
            throw PipelineError.invalidRequest(
                reason:
                    "The networks made numbers that are not finite; the weights of the model, or what was merged into "
                    + "them, are damaged or far too strong."
            )
        }
        return sample
    }
}

extension AsyncThrowingStream<GenerationEvent, any Error> {
    /// The events of some work, which leaving the loop over them cancels.
    init(of work: @escaping @Sendable (_ emit: @escaping @Sendable (GenerationEvent) -> Void) async throws -> Void) {
        self.init { continuation in
            let task = Task {
                do {
                    try await work { continuation.yield($0) }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}

extension Duration {
    var seconds: Double { self / .seconds(1) }
}
