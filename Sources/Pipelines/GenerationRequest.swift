/// What to make: words, and how.
public struct GenerationRequest: Sendable, Equatable {
    /// The words, in any language that the model was trained on.
    public var prompt: String
    /// The seed of the first picture; picture `i` has `seed + i` and is the same when it is made alone.
    public var seed: UInt64
    /// How many pictures, 1 to 64.
    public var count: Int
    /// Denoising steps of the decoder, 1 to 1000.
    public var steps: Int
    /// Denoising steps of the prior, 2 to 1000.
    public var priorSteps: Int
    /// Guidance of the decoder, 0 to 100: 1 follows the words as they are, more follows them harder.
    public var guidance: Double
    /// Guidance of the prior, 0 to 100.
    public var priorGuidance: Double
    /// How many are made for each picture, 1 to 64; the dual encoder chooses the one that fits the words best.
    public var candidates: Int
    /// A preview after every so many steps of the decoder; `nil` for none.
    public var previewEvery: Int?

    /// The largest number of pictures in one request.
    public static let countLimit = 64
    /// The largest number of steps in one stage.
    public static let stepLimit = 1000
    /// The longest prompt, in bytes of UTF-8; longer ones are refused before they are tokenised.
    public static let promptLimit = 10_000

    /// - Parameters:
    ///   - prompt: the words.
    ///   - seed: the seed of the first picture.
    ///   - count: how many pictures, 1 to 64.
    ///   - steps: denoising steps of the decoder.
    ///   - priorSteps: denoising steps of the prior.
    ///   - guidance: guidance of the decoder.
    ///   - priorGuidance: guidance of the prior.
    ///   - candidates: how many are made for each picture, of which the best is kept.
    ///   - previewEvery: a preview after every so many steps of the decoder.
    public init(
        prompt: String,
        seed: UInt64 = 0,
        count: Int = 1,
        steps: Int = 30,
        priorSteps: Int = 15,
        guidance: Double = 3,
        priorGuidance: Double = 2,
        candidates: Int = 4,
        previewEvery: Int? = nil
    ) {
        self.prompt = prompt
        self.seed = seed
        self.count = count
        self.steps = steps
        self.priorSteps = priorSteps
        self.guidance = guidance
        self.priorGuidance = priorGuidance
        self.candidates = candidates
        self.previewEvery = previewEvery
    }

    /// Throws ``PipelineError/invalidRequest(reason:)`` for the first value that is out of range.
    public func validate() throws(PipelineError) {
        try require(prompt.contains { !$0.isWhitespace }, "The prompt is empty; say what the picture shall show.")
        try require(
            prompt.utf8.count <= Self.promptLimit,
            "The prompt has \(prompt.utf8.count) bytes; at most \(Self.promptLimit) are read."
        )
        try requireCount(count, 1...Self.countLimit, "pictures")
        try requireCount(candidates, 1...Self.countLimit, "candidates")
        try requireCount(steps, 1...Self.stepLimit, "decoder steps")
        try requireCount(priorSteps, 2...Self.stepLimit, "prior steps")
        try requireScale(guidance, "guidance")
        try requireScale(priorGuidance, "prior guidance")
        if let previewEvery { try requireCount(previewEvery, 1...Self.stepLimit, "steps between previews") }
    }

    private func requireCount(_ value: Int, _ range: ClosedRange<Int>, _ name: String) throws(PipelineError) {
        try require(
            range.contains(value),
            "The number of \(name) is \(value); it must be from \(range.lowerBound) to \(range.upperBound)."
        )
    }

    private func requireScale(_ value: Double, _ name: String) throws(PipelineError) {
        try require((0...100).contains(value), "The \(name) is \(value); it must be from 0 to 100.")
    }

    private func require(_ condition: Bool, _ sentence: String) throws(PipelineError) {
        guard condition else { throw .invalidRequest(reason: sentence) }
    }
}
