import Foundation
import LienzoDiffusion
package import LienzoModels

/// The configurations of all parts of an unCLIP model, checked against each other.
///
/// The parts lie in one directory (`mini`) or, as Kandinsky was published, in two, of the prior and of the decoder; the
/// decoder alone makes pictures of image embeddings.
package struct UnCLIPConfigurations: Sendable {
    /// What makes image embeddings; nil where they are given.
    let prior: UnCLIPPriorConfigurations?
    /// Where the decoder and the autoencoder lie.
    let directory: ModelDirectory
    let decoder: UNet2DConditionConfiguration
    let decoderText: DecoderTextConfiguration
    let scheduler: SchedulerConfiguration
    /// The bytes of the decoder's scheduler's file, of which another one can be made.
    let schedulerJSON: Data
    var autoencoder: LatentAutoencoderConfiguration
    let autoencoderFolder: String
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
        let prior = try UnCLIPPriorConfigurations(directory, imageTowerNamed: imageTowerNamed)
        try self.init(
            prior: prior,
            decoder: directory,
            decoderText: .shared(prior.clipCheckpoint.configuration),
            autoencoder: .tiny(autoencoder),
            autoencoderPart: "autoencoder"
        )
    }

    /// Reads the configuration files of a Kandinsky 2.1 or 2.2, as it was published.
    ///
    /// - Parameters:
    ///   - prior: the directory of `KandinskyPriorPipeline` or `KandinskyV22PriorPipeline`, or the prior's parts in one of
    ///     both; nil where requests give image embeddings.
    ///   - decoder: the directory of any pipeline of Kandinsky that makes pictures.
    /// - Throws: one sentence where a file is missing or wrong, or the parts do not fit each other.
    package init(prior: ModelDirectory?, decoder: ModelDirectory) throws {
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
            prior: prior.map { try UnCLIPPriorConfigurations($0) },
            decoder: decoder,
            decoderText: text,
            autoencoder: .vq(autoencoder),
            autoencoderPart: "movq"
        )
    }

    private init(
        prior: UnCLIPPriorConfigurations?,
        decoder directory: ModelDirectory,
        decoderText: DecoderTextConfiguration,
        autoencoder: LatentAutoencoderConfiguration,
        autoencoderPart: String
    ) throws {
        try directory.require("unet", "UNet2DConditionModel")
        let decoder = try UNet2DConditionConfiguration(
            json: directory.json("config.json", of: "unet"),
            file: "\(directory.path)/unet/config.json"
        )
        let scheduler = try directory.scheduler("scheduler")
        self.prior = prior
        self.directory = directory
        self.decoder = decoder
        self.scheduler = scheduler.configuration
        schedulerJSON = scheduler.json
        self.decoderText = decoderText
        self.autoencoder = autoencoder
        autoencoderFolder = directory.folder(of: autoencoderPart)

        var unknownKeys =
            (prior?.unknownKeys ?? []) + [
                ("unet", decoder.unknownKeys), (autoencoderPart, autoencoder.unknownKeys),
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
    var isKandinsky: Bool {
        if case .shared = decoderText { false } else { true }
    }

    /// The numbers of the image embeddings that the decoder takes.
    var embeddingWidth: Int {
        decoder.conditioning == .textImage ? decoder.crossAttentionDim : decoder.encoderHidDim
    }

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
        func require(_ condition: Bool, _ reason: String) throws(PipelineError) {
            guard condition else { throw .invalidModel(path: directory.path, reason: reason) }
        }
        let embedding = prior?.width ?? embeddingWidth
        if let text = decoderText.widths {
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
