import LienzoDiffusion
package import LienzoModels

/// The configurations of all parts of an unCLIP model directory, checked against each other.
package struct UnCLIPConfigurations: Sendable {
    let clipCheckpoint: CLIPCheckpoint
    let prior: PriorTransformerConfiguration
    let priorScheduler: SchedulerConfiguration
    let decoder: UNet2DConditionConfiguration
    let scheduler: SchedulerConfiguration
    let autoencoder: AutoencoderTinyConfiguration
    /// One sentence for each file that has keys which Lienzo does not know and passes over.
    let notices: [String]

    /// Reads the configuration files of all parts.
    ///
    /// - Parameters:
    ///   - directory: the model directory.
    ///   - imageTowerNamed: the image towers that there are, by timm's name; tests have narrow ones.
    /// - Throws: one sentence where a file is missing or wrong, or the parts do not fit each other.
    package init(
        _ directory: ModelDirectory,
        imageTowerNamed: (String) -> EfficientNetLiteConfiguration? = { EfficientNetLiteConfiguration(timm: $0) }
    ) throws {
        try directory.require("clip", "CustomTextCLIP")
        try directory.require("prior", "PriorTransformer")
        try directory.require("prior_scheduler", "UnCLIPScheduler", "DDPMScheduler")
        try directory.require("unet", "UNet2DConditionModel")
        try directory.require("scheduler", "DDIMScheduler", "DDPMScheduler")
        try directory.require("autoencoder", "AutoencoderTiny")

        clipCheckpoint = try CLIPCheckpoint(directory.folder(of: "clip"), imageTowerNamed: imageTowerNamed)
        prior = try PriorTransformerConfiguration(
            json: directory.json("config.json", of: "prior"),
            file: "\(directory.path)/prior/config.json"
        )
        decoder = try UNet2DConditionConfiguration(
            json: directory.json("config.json", of: "unet"),
            file: "\(directory.path)/unet/config.json"
        )
        autoencoder = try AutoencoderTinyConfiguration(
            json: directory.json("config.json", of: "autoencoder"),
            file: "\(directory.path)/autoencoder/config.json"
        )
        let priorScheduler = try directory.scheduler("prior_scheduler")
        let scheduler = try directory.scheduler("scheduler")
        self.priorScheduler = priorScheduler.configuration
        self.scheduler = scheduler.configuration
        notices = [
            ("clip", clipCheckpoint.configuration.unknownKeys), ("prior", prior.unknownKeys),
            ("unet", decoder.unknownKeys),
            ("autoencoder", autoencoder.unknownKeys), ("prior_scheduler", priorScheduler.unknownKeys),
            ("scheduler", scheduler.unknownKeys),
        ]
        .compactMap { ModelDirectory.notice(of: $0, unknownKeys: $1) }
        try check(directory.path)
    }

    /// Width and height of the pictures in pixels.
    var pictureSize: Int { (decoder.sampleSize ?? 0) * autoencoder.downsamplingFactor }

    /// Whether the parts fit each other.
    private func check(_ path: String) throws(PipelineError) {
        func require(_ condition: Bool, _ reason: String) throws(PipelineError) {
            guard condition else { throw .invalidModel(path: path, reason: reason) }
        }
        let clip = clipCheckpoint.configuration
        let embedding = clip.embeddingDimension
        try require(
            prior.clipEmbedDim == embedding && prior.embeddingProjDim == embedding,
            "the prior's embeddings have \(prior.clipEmbedDim) numbers; expected \(embedding) as the dual encoder's"
        )
        try require(
            prior.embeddingDim == clip.textWidth,
            "the prior takes text of width \(prior.embeddingDim); expected \(clip.textWidth) as the dual encoder's"
        )
        try require(
            prior.numEmbeddings == clip.contextLength,
            "the prior takes \(prior.numEmbeddings) text tokens; expected \(clip.contextLength) as the dual encoder"
        )
        try require(
            decoder.conditioning == .textImage && decoder.crossAttentionDim == embedding
                && decoder.encoderHidDim == clip.textWidth,
            "the decoder is not conditioned on text and image embeddings of \(embedding) numbers"
        )
        let channels = decoder.inChannels
        try require(
            channels == autoencoder.latentChannels,
            "the decoder makes \(channels) latent channels; expected \(autoencoder.latentChannels) as the autoencoder"
        )
        try require(
            autoencoder.inChannels == 3 && autoencoder.outChannels == 3,
            "the autoencoder turns \(autoencoder.inChannels) channels into \(autoencoder.outChannels); "
                + "expected 3 and 3, red, green and blue"
        )
        try require(
            autoencoder.upsamplingFactor == autoencoder.downsamplingFactor,
            "the autoencoder shrinks pictures by \(autoencoder.downsamplingFactor) and enlarges latents by "
                + "\(autoencoder.upsamplingFactor); expected the same"
        )
        try require(
            decoder.outChannels == channels || decoder.outChannels == 2 * channels,
            "the decoder's output has \(decoder.outChannels) channels; expected \(channels) or \(2 * channels)"
        )
        try require(
            !scheduler.readsVariance || decoder.outChannels == 2 * channels,
            "the decoder's scheduler reads a variance that the decoder does not make"
        )
        try require(!priorScheduler.readsVariance, "the prior's scheduler reads a variance that no prior makes")
        let limit = 4096 / autoencoder.downsamplingFactor
        try require(
            decoder.sampleSize.map { (1...limit).contains($0) && $0.isMultiple(of: decoder.downsamplingFactor) }
                ?? false,
            "the decoder's sample_size is \(decoder.sampleSize.map(String.init) ?? "missing"); expected 1 to \(limit), "
                + "a multiple of \(decoder.downsamplingFactor)"
        )
    }
}
