import LienzoDiffusion
import LienzoImages
import LienzoModels

/// What a request comes to with a model, before any work is done.
struct UnCLIPPlan {
    let priorSampler: any Sampler
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

    /// - Parameters:
    ///   - request: what is asked for.
    ///   - configurations: what the model is.
    ///   - drawsPictures: whether pictures are made, and not image embeddings alone.
    /// - Throws: one sentence where the model cannot do what is asked for.
    init(
        _ request: GenerationRequest,
        _ configurations: UnCLIPConfigurations,
        drawsPictures: Bool = true
    ) throws {
        try request.imageEmbedding.requireNumbers(configurations.prior.clipEmbedDim)
        try request.requireNoEmbeddingNoise()
        if drawsPictures { try Self.checkDecoder(request, configurations) }
        let scheduler = try request.scheduler.map {
            try SchedulerConfiguration.read(configurations.schedulerJSON, as: SchedulerChoice($0))
        }
        priorSampler = try configurations.priorScheduler.sampler(steps: request.priorSteps)
        sampler = try (scheduler ?? configurations.scheduler).sampler(steps: request.steps)
        candidates = request.candidates ?? configurations.usualCandidates
        strength = request.strength ?? Self.usualStrength
        if request.image != nil, request.mask == nil { _ = try sampler.begin(strength: strength) }
        self.width = try Self.side("width", request.width, configurations)
        height = try Self.side("height", request.height, configurations)
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
