import LienzoDiffusion
import LienzoImages
import LienzoModels

/// What a request comes to with a prior, before any work is done.
struct UnCLIPPriorPlan {
    let sampler: any Sampler
    /// How many are made for each picture.
    let candidates: Int

    /// Throws one sentence where the model cannot do what is asked for.
    init(_ request: GenerationRequest, _ configurations: UnCLIPPriorConfigurations) throws {
        try request.imageEmbedding.requireNumbers(configurations.width)
        try request.requireNoEmbeddingNoise()
        sampler = try configurations.scheduler.sampler(steps: request.priorSteps)
        candidates = request.candidates ?? configurations.usualCandidates
    }
}

/// What a request comes to with a model, before any work is done.
struct UnCLIPPlan {
    /// Of the prior; nil where there is none, because the image embedding is given.
    let prior: UnCLIPPriorPlan?
    let sampler: any Sampler
    /// How many are made for each picture.
    let candidates: Int
    /// Columns of the picture.
    let width: Int
    /// Rows of the picture.
    let height: Int
    /// How much of a given picture changes.
    let strength: Double

    /// How much of a given picture changes when nobody says.
    ///
    /// Source: the default of diffusers' `KandinskyImg2ImgPipeline` and of that of 2.2.
    private static let usualStrength = 0.3

    /// Throws one sentence where the model cannot do what is asked for.
    init(_ request: GenerationRequest, _ configurations: UnCLIPConfigurations) throws {
        prior = try configurations.prior.map { try UnCLIPPriorPlan(request, $0) }
        if prior == nil { try Self.checkPriorless(request, configurations) }
        try Self.checkDecoder(request, configurations)
        let scheduler = try request.scheduler.map {
            try SchedulerConfiguration.read(configurations.schedulerJSON, as: SchedulerChoice($0))
        }
        sampler = try (scheduler ?? configurations.scheduler).sampler(steps: request.steps)
        candidates = prior?.candidates ?? 1
        strength = request.strength ?? Self.usualStrength
        if request.image != nil, request.mask == nil { _ = try sampler.begin(strength: strength) }
        self.width = try Self.side("width", request.width, configurations)
        height = try Self.side("height", request.height, configurations)
    }

    /// Checks that a decoder without its prior is given what that makes.
    private static func checkPriorless(
        _ request: GenerationRequest,
        _ configurations: UnCLIPConfigurations
    ) throws(PipelineError) {
        guard case .given(let embedding) = request.imageEmbedding else {
            throw .invalidRequest(
                reason:
                    "This model is published apart from its prior, which makes image embeddings of words and pictures; "
                    + "name the prior's folder, too, or give an image embedding."
            )
        }
        try request.imageEmbedding.requireNumbers(configurations.embeddingWidth)
        try request.requireNoEmbeddingNoise()
        try request.requireNoChoice()
        try require(
            embedding.negative != nil || !Guidance(scale: request.guidance).isActive,
            "Guidance pushes away from an image embedding, and none was given; give one with a negative, name the prior's "
                + "folder, too, or ask for guidance 1."
        )
    }

    /// Checks what the decoder is given beside the image embedding.
    private static func checkDecoder(
        _ request: GenerationRequest,
        _ configurations: UnCLIPConfigurations
    ) throws(PipelineError) {
        try require(
            !configurations.readsMask || request.mask != nil,
            "This model makes parts of pictures anew and nothing else; give it a picture and a mask."
        )
        if let image = request.image, let mask = request.mask {
            try require(
                image.width == mask.width && image.height == mask.height,
                "The mask has \(mask.width) × \(mask.height) pixels and the picture \(image.width) × "
                    + "\(image.height); give a mask as large as the picture."
            )
        }
        try require(
            request.mask == nil || request.strength == nil,
            "This model makes what a mask shows wholly anew; leave the strength out."
        )
        try require(
            configurations.readsHint || request.hints.isEmpty,
            "This model looks at no hint; leave it out, or use a ControlNet model."
        )
        try require(
            !configurations.readsHint || request.hints.count == 1,
            "This model looks at one hint, such as a depth map; give it one."
        )
        try require(
            request.hints.allSatisfy { $0 == ControlHint($0.image) } && !request.guessMode,
            "This model takes its hint as it is; leave scale, steps and guess mode out."
        )
        if case .given = request.imageEmbedding {
            try require(
                request.negativePrompt == nil,
                "The prior reads the negative prompt, and its image embedding was given; make that of the negative prompt, "
                    + "too, and leave it out here."
            )
        }
    }

    private static func side(
        _ name: String,
        _ asked: Int?,
        _ configurations: UnCLIPConfigurations
    ) throws(PipelineError) -> Int {
        let side = asked ?? configurations.pictureSize
        let (factor, limit) = (configurations.sizeFactor, UnCLIPPipeline.sideLimit)
        try require(
            side.isMultiple(of: factor) && (factor...limit).contains(side),
            "The \(name) is \(side) pixels; it must be a multiple of \(factor), at most \(limit)."
        )
        return side
    }

    private static func require(_ condition: Bool, _ sentence: String) throws(PipelineError) {
        guard condition else { throw .invalidRequest(reason: sentence) }
    }
}
