public import LienzoImages

/// What to make: words, and how.
///
/// Not every model reads all of it; what a model cannot do is refused with a sentence.
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
    /// How many are made for each picture, 1 to 64; the model's own number where `nil`.
    ///
    /// The dual encoder chooses the one that fits the words best; a model without one makes one.
    public var candidates: Int?
    /// A preview after every so many steps of the decoder; `nil` for none.
    public var previewEvery: Int?
    /// What the picture shall not show; `nil` for what the model takes when nobody says.
    public var negativePrompt: String?
    /// Columns of the picture; the model's own, or those of ``image``, where `nil`.
    public var width: Int?
    /// Rows of the picture; the model's own, or those of ``image``, where `nil`.
    public var height: Int?
    /// The picture to begin with.
    public var image: Image?
    /// Light where ``image`` is made anew, dark where it stays.
    public var mask: Image?
    /// How much of ``image`` may change, above 0 (almost nothing) to 1; the model's own where `nil`.
    public var strength: Double?
    /// The sampler by its name, such as `euler-a` or `dpm++2m-karras`; the model's own where `nil`.
    public var scheduler: String?
    /// How much of the growth in contrast that guidance brings is taken back, 0 (none) to 1.
    public var guidanceRescale: Double
    /// Where the image embedding comes from, for models that have one.
    public var imageEmbedding = ImageEmbeddingSource.prompt
    /// How much noise goes on the image embedding, 0 (almost none: closest to it) to 999, for Stable unCLIP.
    public var embeddingNoise = 0
    /// Pictures that shape the result: one for each control network of Stable Diffusion, in their order; one for other
    /// models that look at a hint.
    public var hints: [ControlHint] = []
    /// Whether control networks of Stable Diffusion shall find in the hints what the words do not say.
    ///
    /// The prompt may be empty then; best with a guidance of 3 to 5.
    public var guessMode = false
    /// Whether the safety checker of a model that has one looks at each picture, of which it makes a black one where it
    /// finds that it shall not be shown; previews are not looked at.
    public var checksSafety = true
    /// Whether pictures of Stable Diffusion XL get its invisible watermark, as the reference's do; those of other models
    /// have none.
    public var addsWatermark = true

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
    ///   - negativePrompt: what the picture shall not show.
    ///   - width: columns of the picture.
    ///   - height: rows of the picture.
    ///   - image: the picture to begin with.
    ///   - mask: what of it is made anew, light.
    ///   - strength: how much of it may change, above 0 to 1.
    ///   - scheduler: the sampler by its name.
    ///   - guidanceRescale: how much of the growth in contrast is taken back, 0 to 1.
    public init(
        prompt: String,
        seed: UInt64 = 0,
        count: Int = 1,
        steps: Int = 30,
        priorSteps: Int = 15,
        guidance: Double = 3,
        priorGuidance: Double = 2,
        candidates: Int? = nil,
        previewEvery: Int? = nil,
        negativePrompt: String? = nil,
        width: Int? = nil,
        height: Int? = nil,
        image: Image? = nil,
        mask: Image? = nil,
        strength: Double? = nil,
        scheduler: String? = nil,
        guidanceRescale: Double = 0
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
        self.negativePrompt = negativePrompt
        self.width = width
        self.height = height
        self.image = image
        self.mask = mask
        self.strength = strength
        self.scheduler = scheduler
        self.guidanceRescale = guidanceRescale
    }

    /// Throws ``PipelineError/invalidRequest(reason:)`` for the first value that is out of range.
    public func validate() throws(PipelineError) {
        try require(
            prompt.contains { !$0.isWhitespace } || imageEmbedding != .prompt || guessMode,
            "The prompt is empty; say what the picture shall show."
        )
        try imageEmbedding.validate()
        for (name, text) in [("prompt", prompt), ("negative prompt", negativePrompt ?? "")] {
            try require(
                text.utf8.count <= Self.promptLimit,
                "The \(name) has \(text.utf8.count) bytes; at most \(Self.promptLimit) are read."
            )
        }
        try requireCount(count, 1...Self.countLimit, "pictures")
        if let candidates { try requireCount(candidates, 1...Self.countLimit, "candidates") }
        try requireCount(steps, 1...Self.stepLimit, "decoder steps")
        try requireCount(priorSteps, 2...Self.stepLimit, "prior steps")
        try requireScale(guidance, "guidance")
        try requireScale(priorGuidance, "prior guidance")
        try require(
            (0...1).contains(guidanceRescale),
            "The guidance rescale is \(guidanceRescale); it must be from 0 to 1."
        )
        if let strength {
            try require(strength > 0 && strength <= 1, "The strength is \(strength); it must be above 0 and at most 1.")
            try require(image != nil, "A strength was given without a picture; give the picture that shall change.")
        }
        try require(
            mask == nil || image != nil,
            "A mask was given without a picture; give the picture of which a part shall change."
        )
        for hint in hints { try hint.validate() }
        if let previewEvery { try requireCount(previewEvery, 1...Self.stepLimit, "steps between previews") }
    }

    /// Throws ``PipelineError/invalidRequest(reason:)`` where a model without an image embedding is asked for what needs
    /// one.
    func requireNoImageEmbedding() throws(PipelineError) {
        try require(
            imageEmbedding == .prompt,
            "This model has no image embedding to vary, blend, shift or take; use one that has, such as Kandinsky or mini."
        )
        try requireNoEmbeddingNoise()
    }

    /// Throws ``PipelineError/invalidRequest(reason:)`` where a model is asked for noise on image embeddings that puts none
    /// there.
    func requireNoEmbeddingNoise() throws(PipelineError) {
        try require(
            embeddingNoise == 0,
            "This model puts no noise on image embeddings; leave it out, or use Stable unCLIP."
        )
    }

    /// Throws ``PipelineError/invalidRequest(reason:)`` where a model that cannot choose is asked for several candidates.
    func requireNoChoice() throws(PipelineError) {
        try require(
            candidates ?? 1 == 1,
            "This model has no dual encoder that could choose among candidates; ask for several pictures instead."
        )
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
