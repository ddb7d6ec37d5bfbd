import Foundation
import LienzoDiffusion
import LienzoModels

/// The configurations of all parts of a Karlo, checked against each other.
struct KarloConfigurations: Sendable {
    let directory: ModelDirectory
    let text: StableDiffusionConfigurations.Text
    let embedder: ImageEmbedderConfiguration
    let projection: UnCLIPTextProjectionConfiguration
    let decoder: UNet2DConditionConfiguration
    let scheduler: SchedulerConfiguration
    /// The bytes of the decoder's scheduler's file, of which another one can be made.
    let schedulerJSON: Data
    /// What enlarges the picture in all steps but the last.
    let enlarger: UNet2DModelConfiguration
    /// What enlarges it in the last step.
    let lastEnlarger: UNet2DModelConfiguration
    let enlargingScheduler: SchedulerConfiguration
    /// Width and height of the decoder's pictures.
    let smallSize: Int
    /// Width and height of the pictures.
    let pictureSize: Int
    /// One sentence for each file that has keys which Lienzo does not know and passes over.
    let notices: [String]

    /// Whether a directory's index names the parts that Karlo has and others whose class has the same name do not.
    static func isKarlo(_ directory: ModelDirectory) -> Bool {
        directory.has("text_proj") && directory.has("super_res_first")
    }

    /// Reads the configuration files of all parts.
    ///
    /// - Throws: one sentence where a file is missing or wrong, or the parts do not fit each other.
    init(_ directory: ModelDirectory) throws {
        try directory.require("text_encoder", "CLIPTextModelWithProjection")
        try directory.require("tokenizer", "CLIPTokenizer", "CLIPTokenizerFast")
        try directory.require("text_proj", "UnCLIPTextProjModel")
        try directory.require("decoder", "UNet2DConditionModel")
        try directory.require("super_res_first", "UNet2DModel")
        try directory.require("super_res_last", "UNet2DModel")
        func file(_ part: String) -> String { "\(directory.path)/\(part)/config.json" }
        func json(_ part: String) throws -> Data { try directory.json("config.json", of: part) }

        let text = try CLIPTextConfiguration(
            json: json("text_encoder"),
            hasProjection: true,
            file: file("text_encoder")
        )
        let (scheduler, enlarging) =
            (try directory.scheduler("decoder_scheduler"), try directory.scheduler("super_res_scheduler"))
        self.directory = directory
        self.text = .init(part: "text_encoder", tokenizer: "tokenizer", tower: text.tower)
        embedder = try ImageEmbedderConfiguration(directory, priorPrefix: "")
        projection = try UnCLIPTextProjectionConfiguration(json: json("text_proj"), file: file("text_proj"))
        decoder = try UNet2DConditionConfiguration(json: json("decoder"), file: file("decoder"))
        enlarger = try UNet2DModelConfiguration(json: json("super_res_first"), file: file("super_res_first"))
        lastEnlarger = try UNet2DModelConfiguration(json: json("super_res_last"), file: file("super_res_last"))
        self.scheduler = scheduler.configuration
        schedulerJSON = scheduler.json
        enlargingScheduler = enlarging.configuration
        smallSize = decoder.sampleSize ?? 0
        pictureSize = enlarger.sampleSize ?? 0
        let unknownKeys =
            [
                ("text_encoder", text.unknownKeys), ("text_proj", projection.unknownKeys),
                ("decoder", decoder.unknownKeys), ("super_res_first", enlarger.unknownKeys),
                ("super_res_last", lastEnlarger.unknownKeys), ("decoder_scheduler", scheduler.unknownKeys),
                ("super_res_scheduler", enlarging.unknownKeys),
            ] + embedder.unknownKeys.filter { $0.part != "text_encoder" }
        notices = unknownKeys.compactMap { ModelDirectory.notice(of: $0, unknownKeys: $1) }
        try check()
    }

    /// Whether the parts fit each other.
    private func check() throws(PipelineError) {
        func require(_ condition: Bool, _ reason: String) throws(PipelineError) {
            guard condition else { throw .invalidModel(path: directory.path, reason: reason) }
        }
        let width = projection.embeddingDimension
        try require(
            text.tower.embeddingDimension == width && text.tower.transformer.width == width && embedder.width == width,
            "its text_proj takes embeddings and tokens of \(width) numbers; expected those of its encoders: "
                + "\(text.tower.embeddingDimension), \(text.tower.transformer.width) and \(embedder.width)"
        )
        try require(
            decoder.conditioning == .text && decoder.classEmbedding == .identity
                && decoder.crossAttentionDim == projection.crossAttentionDim
                && decoder.timeEmbeddingDim == projection.timeEmbeddingDim,
            "its decoder is not conditioned on what its text_proj makes: tokens of \(projection.crossAttentionDim) "
                + "numbers, and \(projection.timeEmbeddingDim) that are added to the time"
        )
        try require(
            decoder.inChannels == 3 && [3, 6].contains(decoder.outChannels)
                && (decoder.outChannels == 6 || !scheduler.readsVariance),
            "its decoder turns \(decoder.inChannels) channels into \(decoder.outChannels); expected 3 and 6, red, "
                + "green and blue and their variances"
        )
        for own in [enlarger, lastEnlarger] {
            try require(
                own.inChannels == 6 && own.outChannels == (enlargingScheduler.readsVariance ? 6 : 3),
                "its super-resolution turns \(own.inChannels) channels into \(own.outChannels); expected 6 and "
                    + "\(enlargingScheduler.readsVariance ? 6 : 3)"
            )
            try require(
                (1...StableDiffusionPipeline.sideLimit).contains(pictureSize)
                    && pictureSize.isMultiple(of: own.downsamplingFactor),
                "its super-resolution's sample_size is \(pictureSize); expected 1 to "
                    + "\(StableDiffusionPipeline.sideLimit), a multiple of \(own.downsamplingFactor)"
            )
        }
        try require(
            (1...pictureSize).contains(smallSize) && smallSize.isMultiple(of: decoder.downsamplingFactor),
            "its decoder's sample_size is \(smallSize); expected 1 to \(pictureSize), a multiple of "
                + "\(decoder.downsamplingFactor)"
        )
    }
}

/// What a request comes to with a Karlo, before any work is done.
struct KarloPlan {
    let images: ImageEmbeddingPlan
    let sampler: any Sampler
    let enlargingSampler: any Sampler

    /// Steps of super-resolution.
    ///
    /// Source: the default of diffusers' `UnCLIPPipeline`.
    private static let enlargingSteps = 7

    /// Throws one sentence where the model cannot do what is asked for.
    init(_ request: GenerationRequest, _ configurations: KarloConfigurations) throws {
        func require(_ condition: Bool, _ sentence: String) throws(PipelineError) {
            guard condition else { throw .invalidRequest(reason: sentence) }
        }
        try request.requireNoChoice()
        let size = configurations.pictureSize
        for (name, side) in [("width", request.width), ("height", request.height)] {
            let side = side ?? size
            try require(side == size, "The \(name) is \(side) pixels; this model's pictures have \(size).")
        }
        try require(
            request.negativePrompt == nil,
            "This model reads no negative prompt; leave it out."
        )
        try request.requireNoEmbeddingNoise()
        images = try ImageEmbeddingPlan(request, configurations.embedder)
        let scheduler = try request.scheduler.map {
            try SchedulerConfiguration.read(configurations.schedulerJSON, as: SchedulerChoice($0))
        }
        sampler = try (scheduler ?? configurations.scheduler).sampler(steps: request.steps)
        enlargingSampler = try configurations.enlargingScheduler.sampler(steps: Self.enlargingSteps)
    }
}
