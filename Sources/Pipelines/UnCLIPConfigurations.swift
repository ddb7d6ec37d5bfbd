import Foundation
import LienzoDiffusion
package import LienzoModels

/// The configurations of all parts of an unCLIP model, checked against each other.
///
/// The parts lie in one directory (`mini`) or, as Kandinsky was published, in two, of the prior and of the decoder.
package struct UnCLIPConfigurations: Sendable {
    /// What the decoder is told of the picture where guidance wants it to know nothing.
    enum Unconditional: Sendable {
        /// Zeros, as in DALL·E 2.
        case zeros
        /// The embedding of a picture whose normalised pixels are zero, as in Kandinsky.
        case blankPicture
    }

    /// Where the prior and the encoders of texts and pictures lie.
    let priorDirectory: ModelDirectory
    /// Where the decoder and the autoencoder lie.
    let decoderDirectory: ModelDirectory
    let clipCheckpoint: CLIPCheckpoint
    let prior: PriorTransformerConfiguration
    let priorScheduler: SchedulerConfiguration
    let decoder: UNet2DConditionConfiguration
    let decoderText: DecoderTextConfiguration
    let scheduler: SchedulerConfiguration
    /// The bytes of the decoder's scheduler's file, of which another one can be made.
    let schedulerJSON: Data
    let autoencoder: LatentAutoencoderConfiguration
    let autoencoderFolder: String
    let unconditional: Unconditional
    /// One sentence for each file that has keys which Lienzo does not know and passes over.
    let notices: [String]

    /// Reads the configuration files of all parts.
    ///
    /// - Parameters:
    ///   - directory: the model directory, which has all parts.
    ///   - imageTowerNamed: the image towers that there are, by timm's name; tests have narrow ones.
    /// - Throws: one sentence where a file is missing or wrong, or the parts do not fit each other.
    package init(
        _ directory: ModelDirectory,
        imageTowerNamed: (String) -> EfficientNetLiteConfiguration? = { EfficientNetLiteConfiguration(timm: $0) }
    ) throws {
        guard directory.has("clip") || !(directory.has("movq") || directory.has("image_encoder")) else {
            throw PipelineError.invalidModel(
                path: directory.path,
                reason: "it is one half of a Kandinsky; give the directories of its prior and of its decoder"
            )
        }
        try directory.require("clip", "CustomTextCLIP")
        try directory.require("autoencoder", "AutoencoderTiny")
        let autoencoder = try AutoencoderTinyConfiguration(
            json: directory.json("config.json", of: "autoencoder"),
            file: "\(directory.path)/autoencoder/config.json"
        )
        try self.init(
            prior: directory,
            decoder: directory,
            priorScheduler: "prior_scheduler",
            clip: CLIPCheckpoint(directory.folder(of: "clip"), imageTowerNamed: imageTowerNamed),
            decoderText: .shared,
            autoencoder: .tiny(autoencoder),
            autoencoderPart: "autoencoder",
            unconditional: .zeros
        )
    }

    /// Reads the configuration files of a Kandinsky 2.1 or 2.2, as it was published.
    ///
    /// - Parameters:
    ///   - prior: the directory of `KandinskyPriorPipeline` or `KandinskyV22PriorPipeline`, or the prior's parts in one of
    ///     both.
    ///   - decoder: the directory of any pipeline of Kandinsky that makes pictures.
    /// - Throws: one sentence where a file is missing or wrong, or the parts do not fit each other.
    package init(prior: ModelDirectory, decoder: ModelDirectory) throws {
        try decoder.require("movq", "VQModel")
        let autoencoder = try VQModelConfiguration(
            json: decoder.json("config.json", of: "movq"),
            file: "\(decoder.path)/movq/config.json"
        )
        var text = DecoderTextConfiguration.none
        if decoder.has("text_encoder") {
            try decoder.require("text_encoder", "MultilingualCLIP")
            try decoder.require("tokenizer", "XLMRobertaTokenizer", "XLMRobertaTokenizerFast")
            text = .multilingual(
                try MultilingualCLIPConfiguration(
                    json: decoder.json("config.json", of: "text_encoder"),
                    file: "\(decoder.path)/text_encoder/config.json"
                )
            )
        }
        try self.init(
            prior: prior,
            decoder: decoder,
            priorScheduler: "scheduler",
            clip: CLIPCheckpoint(towersOf: prior),
            decoderText: text,
            autoencoder: .vq(autoencoder),
            autoencoderPart: "movq",
            unconditional: .blankPicture
        )
    }

    private init(
        prior priorDirectory: ModelDirectory,
        decoder decoderDirectory: ModelDirectory,
        priorScheduler priorSchedulerPart: String,
        clip: CLIPCheckpoint,
        decoderText: DecoderTextConfiguration,
        autoencoder: LatentAutoencoderConfiguration,
        autoencoderPart: String,
        unconditional: Unconditional
    ) throws {
        try priorDirectory.require("prior", "PriorTransformer")
        try priorDirectory.require(priorSchedulerPart, "UnCLIPScheduler", "DDPMScheduler")
        try decoderDirectory.require("unet", "UNet2DConditionModel")
        prior = try PriorTransformerConfiguration(
            json: priorDirectory.json("config.json", of: "prior"),
            file: "\(priorDirectory.folder(of: "prior"))/config.json"
        )
        decoder = try UNet2DConditionConfiguration(
            json: decoderDirectory.json("config.json", of: "unet"),
            file: "\(decoderDirectory.path)/unet/config.json"
        )
        let priorScheduler = try priorDirectory.scheduler(priorSchedulerPart)
        let scheduler = try decoderDirectory.scheduler("scheduler")
        self.priorScheduler = priorScheduler.configuration
        self.scheduler = scheduler.configuration
        schedulerJSON = scheduler.json
        self.priorDirectory = priorDirectory
        self.decoderDirectory = decoderDirectory
        clipCheckpoint = clip
        self.decoderText = decoderText
        self.autoencoder = autoencoder
        autoencoderFolder = decoderDirectory.folder(of: autoencoderPart)
        self.unconditional = unconditional

        var unknownKeys = [
            ("clip", clip.configuration.unknownKeys), ("prior", prior.unknownKeys), ("unet", decoder.unknownKeys),
            (autoencoderPart, autoencoder.unknownKeys), ("prior_scheduler", priorScheduler.unknownKeys),
            ("scheduler", scheduler.unknownKeys),
        ]
        if case .multilingual(let own) = decoderText { unknownKeys.append(("text_encoder", own.unknownKeys)) }
        notices = unknownKeys.compactMap { ModelDirectory.notice(of: $0, unknownKeys: $1) }
        try check()
    }
}

// MARK: - What the parts come to

extension UnCLIPConfigurations {
    /// Width and height in pixels of the pictures that the decoder was trained on.
    var pictureSize: Int { (decoder.sampleSize ?? 0) * autoencoder.factor }

    /// What width and height of pictures must be multiples of, in pixels.
    var sizeFactor: Int { autoencoder.factor * decoder.downsamplingFactor }

    /// Whether the model is a Kandinsky as it was published.
    var isKandinsky: Bool { unconditional == .blankPicture }

    /// How many are made for each picture when nobody says; Kandinsky's reference makes one.
    var usualCandidates: Int { isKandinsky ? 1 : 4 }

    /// Whether the decoder reads a picture's latents and a mask beside the noisy sample.
    var readsMask: Bool { decoder.inChannels == 2 * autoencoder.channels + 1 }

    /// Whether the decoder looks at a hint.
    var readsHint: Bool { decoder.conditioning == .imageHint }

    /// Whether pictures are changed and painted as Kandinsky 2.1 does it: a changed picture begins with noise of a
    /// schedule of its own, and what a mask keeps is left to a decoder that reads masks.
    var hasFirstKandinskysWays: Bool {
        if case .multilingual = decoderText { true } else { false }
    }

    /// Whether the parts fit each other.
    private func check() throws(PipelineError) {
        func require(
            _ condition: Bool,
            _ reason: String,
            in directory: ModelDirectory? = nil
        ) throws(PipelineError) {
            guard condition else { throw .invalidModel(path: (directory ?? decoderDirectory).path, reason: reason) }
        }
        let clip = clipCheckpoint.configuration
        let embedding = clip.embeddingDimension
        try require(
            prior.clipEmbedDim == embedding && prior.embeddingProjDim == embedding,
            "the prior's embeddings have \(prior.clipEmbedDim) numbers; expected \(embedding) as the dual encoder's",
            in: priorDirectory
        )
        try require(
            prior.embeddingDim == clip.textWidth,
            "the prior takes text of width \(prior.embeddingDim); expected \(clip.textWidth) as the dual encoder's",
            in: priorDirectory
        )
        try require(
            prior.numEmbeddings == clip.contextLength,
            "the prior takes \(prior.numEmbeddings) text tokens; expected \(clip.contextLength) as the dual encoder",
            in: priorDirectory
        )
        try require(
            !priorScheduler.readsVariance,
            "the prior's scheduler reads a variance that no prior makes",
            in: priorDirectory
        )
        if let text = decoderText.widths(clip) {
            try require(
                decoder.conditioning == .textImage && decoder.crossAttentionDim == embedding
                    && text.embedding == embedding && decoder.encoderHidDim == text.encoding,
                "the decoder is not conditioned on text and image embeddings of \(embedding) numbers"
            )
        } else {
            try require(
                decoder.conditioning != .textImage && decoder.encoderHidDim == embedding,
                "the decoder is not conditioned on image embeddings of \(embedding) numbers alone"
            )
        }
        if case .multilingual(let own) = decoderText {
            try require(
                own.maximumLength >= MultilingualText.contextLength,
                "the text encoder reads \(own.maximumLength) tokens; expected \(MultilingualText.contextLength) or more"
            )
        }
        let channels = autoencoder.channels
        let inputs = readsHint ? channels + UNet2DConditionConfiguration.hintChannels : channels
        try require(
            decoder.inChannels == inputs || readsMask && !readsHint,
            "the decoder makes \(decoder.inChannels) latent channels; expected \(inputs) as the autoencoder"
        )
        try require(
            autoencoder.pictureChannels == (3, 3),
            "the autoencoder turns \(autoencoder.pictureChannels.in) channels into \(autoencoder.pictureChannels.out); "
                + "expected 3 and 3, red, green and blue"
        )
        try require(
            autoencoder.enlargement == autoencoder.factor,
            "the autoencoder shrinks pictures by \(autoencoder.factor) and enlarges latents by "
                + "\(autoencoder.enlargement); expected the same"
        )
        try require(
            decoder.outChannels == channels || decoder.outChannels == 2 * channels,
            "the decoder's output has \(decoder.outChannels) channels; expected \(channels) or \(2 * channels)"
        )
        try require(
            !scheduler.readsVariance || decoder.outChannels == 2 * channels,
            "the decoder's scheduler reads a variance that the decoder does not make"
        )
        let limit = UnCLIPPipeline.sideLimit / autoencoder.factor
        try require(
            decoder.sampleSize.map { (1...limit).contains($0) && $0.isMultiple(of: decoder.downsamplingFactor) }
                ?? false,
            "the decoder's sample_size is \(decoder.sampleSize.map(String.init) ?? "missing"); expected 1 to \(limit), "
                + "a multiple of \(decoder.downsamplingFactor)"
        )
    }
}
