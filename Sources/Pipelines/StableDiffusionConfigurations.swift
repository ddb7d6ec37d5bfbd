import Foundation
import LienzoCheckpoints
import LienzoDiffusion
package import LienzoModels

/// The configurations of all parts of a model directory of Stable Diffusion, checked against each other.
package struct StableDiffusionConfigurations: Sendable {
    /// A text encoder, and where its tokenizer is.
    struct Text: Sendable {
        /// The folder of the encoder; of a single file its only one.
        let part: String
        /// The folder of the tokenizer.
        let tokenizer: String
        let tower: TextTransformerConfiguration
    }

    /// Where weights and tokenizers are.
    let files: StableDiffusionFiles
    /// One for Stable Diffusion 1 and 2 and for the refiner, two for XL.
    let texts: [Text]
    let unet: UNet2DConditionConfiguration
    let autoencoder: AutoencoderKLConfiguration
    /// Where the image embedding comes from that the U-Net is told beside the text; of Stable unCLIP alone.
    let unCLIP: StableUnCLIPConfiguration?
    let scheduler: SchedulerConfiguration
    /// The bytes of `scheduler_config.json`.
    let schedulerJSON: Data
    /// Whether the model is told the size of the picture beside the text: XL and its refiner.
    let isXL: Bool
    /// Whether it is told how beautiful the picture shall be in place of its size: the refiner of XL.
    let isRefiner: Bool
    /// Whether the condition is zero where no negative prompt is given, in place of that of the empty text.
    let zerosEmptyPrompt: Bool
    /// Networks beside the U-Net, each of which looks at a hint.
    private(set) var controls: [ControlNetwork] = []
    /// One sentence for each thing in the files that is passed over.
    private(set) var notices: [String]

    /// Reads the configuration files of all parts.
    ///
    /// - Throws: one sentence where a file is missing or wrong, or the parts do not fit each other.
    package init(_ directory: ModelDirectory) throws {
        try directory.require("unet", "UNet2DConditionModel")
        try directory.require("vae", "AutoencoderKL")
        func file(_ part: String) -> String { "\(directory.path)/\(part)/config.json" }
        func json(_ part: String) throws -> Data { try directory.json("config.json", of: part) }

        var unknownKeys: [(part: String, keys: [String])] = []
        unet = try UNet2DConditionConfiguration(json: json("unet"), file: file("unet"))
        autoencoder = try AutoencoderKLConfiguration(json: json("vae"), file: file("vae"))
        if case .textTime = unet.conditioning { isXL = true } else { isXL = false }

        var texts: [Text] = []
        for suffix in isXL ? ["", "_2"] : [""] {
            let (part, tokenizer) = ("text_encoder\(suffix)", "tokenizer\(suffix)")
            // The refiner of XL has the second encoder alone.
            if isXL, suffix.isEmpty, !directory.has(part) { continue }
            let hasProjection = suffix == "_2"
            try directory.require(part, hasProjection ? "CLIPTextModelWithProjection" : "CLIPTextModel")
            try directory.require(tokenizer, "CLIPTokenizer", "CLIPTokenizerFast")
            let text = try CLIPTextConfiguration(json: json(part), hasProjection: hasProjection, file: file(part))
            unknownKeys.append((part, text.unknownKeys))
            texts.append(Text(part: part, tokenizer: tokenizer, tower: text.tower))
        }
        self.texts = texts

        unCLIP = try directory.has("image_normalizer") ? StableUnCLIPConfiguration(directory) : nil
        unknownKeys += unCLIP?.unknownKeys ?? []

        let scheduler = try directory.scheduler("scheduler")
        self.scheduler = scheduler.configuration
        schedulerJSON = scheduler.json
        isRefiner = directory.flags.contains("requires_aesthetics_score")
        zerosEmptyPrompt = isXL && directory.flags.contains("force_zeros_for_empty_prompt")
        unknownKeys += [
            ("unet", unet.unknownKeys), ("vae", autoencoder.unknownKeys), ("scheduler", scheduler.unknownKeys),
        ]
        notices = unknownKeys.compactMap { ModelDirectory.notice(of: $0, unknownKeys: $1) }
        files = .directory(directory)
        try check(directory.path)
    }

    /// Reads the shapes in a single file, which has no configuration; what they do not tell is as published.
    ///
    /// - Throws: one sentence where the file is no Stable Diffusion, or its parts do not fit each other.
    ///
    /// Source: `scheduler/scheduler_config.json` and `model_index.json` of the published Stable Diffusion 1.5, 2.1, XL and
    /// its refiner.
    package init(file path: String) throws {
        let shape = try LatentDiffusionShape(shapesOf: openCheckpoint(path))
        files = .file(path, shape)
        unet = shape.unet
        autoencoder = shape.autoencoder
        unCLIP = nil
        texts = shape.texts.map { text in
            Text(
                part: text.folder,
                tokenizer: text.folder.replacing("text_encoder", with: "tokenizer"),
                tower: text.tower
            )
        }
        let predictsVelocity = shape.version == .two && unet.inChannels == autoencoder.latentChannels
        let schedulerClass =
            switch shape.version {
            case .one: "PNDMScheduler"
            case .two: "DDIMScheduler"
            case .xl, .refiner: "EulerDiscreteScheduler"
            }
        schedulerJSON = Data(
            """
            {
                "_class_name": "\(schedulerClass)",\(shape.version.isXL ? #" "timestep_spacing": "leading","# : "")
                "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1,
                "set_alpha_to_one": false, "skip_prk_steps": true, "clip_sample": false,
                "prediction_type": "\(predictsVelocity ? "v_prediction" : "epsilon")"
            }
            """.utf8
        )
        scheduler = try SchedulerConfiguration.read(schedulerJSON).configuration
        (isXL, isRefiner, zerosEmptyPrompt) = (shape.version.isXL, shape.version == .refiner, shape.version == .xl)
        notices =
            predictsVelocity
            ? [
                "A file of Stable Diffusion 2 does not tell whether it predicts velocity, as the models for 768 pixels do "
                    + "and as is taken here; for one of 512 pixels give the model's directory."
            ] : []
        try check(path)
    }

    /// The same with control networks beside the U-Net.
    ///
    /// - Parameter paths: their folders or files.
    /// - Returns: the configurations with those of the networks.
    /// - Throws: one sentence where one of them is missing, wrong, or made for another model.
    func controlled(by paths: [String]) throws -> StableDiffusionConfigurations {
        guard paths.isEmpty || unCLIP == nil else {
            throw PipelineError.invalidModel(path: files.path, reason: "no control networks work beside Stable unCLIP")
        }
        var controlled = self
        controlled.controls = try paths.map { try ControlNetwork($0, beside: self) }
        controlled.notices += controlled.controls.compactMap {
            ModelDirectory.notice(of: $0.path, unknownKeys: $0.configuration.unknownKeys)
        }
        return controlled
    }

    /// By how much pictures are larger than latents in width and height, which must be multiples of it.
    var factor: Int { autoencoder.downsamplingFactor }

    /// Width and height of the pictures that the model was trained on.
    var pictureSize: Int { (unet.sampleSize ?? 64) * factor }

    /// Whether the U-Net reads mask and masked picture beside the latents.
    var readsMask: Bool { unet.inChannels == 2 * autoencoder.latentChannels + 1 }

    /// What the safety checker of the model is, if it has one; no weights are read.
    ///
    /// - Throws: one sentence where the model names a checker and a file of it is missing or wrong.
    func safetyChecker() throws -> SafetyCheckerConfiguration? {
        guard case .directory(let directory) = files, directory.has(Self.safetyChecker) else { return nil }
        try directory.require(Self.safetyChecker, "StableDiffusionSafetyChecker")
        try directory.requireImageProcessor("feature_extractor")
        _ = try openCheckpoint(PartLoader.file(of: directory.folder(of: Self.safetyChecker)))
        return try SafetyCheckerConfiguration(
            json: directory.json("config.json", of: Self.safetyChecker),
            preprocessor: directory.json("preprocessor_config.json", of: "feature_extractor"),
            folder: directory.path
        )
    }

    /// The folder of the safety checker.
    static let safetyChecker = "safety_checker"

    /// Whether the parts fit each other.
    private func check(_ path: String) throws(PipelineError) {
        func require(_ condition: Bool, _ reason: String) throws(PipelineError) {
            guard condition else { throw .invalidModel(path: path, reason: reason) }
        }
        let latents = autoencoder.latentChannels
        let width = texts.reduce(0) { $0 + $1.tower.transformer.width }
        if let unCLIP {
            try require(
                unet.classEmbedding == .projection(width: 2 * unCLIP.embedder.width) && !isXL,
                "its U-Net is not told an image embedding of \(unCLIP.embedder.width) numbers and as many of the noise on it"
            )
        } else {
            try require(unet.classEmbedding == nil, "its U-Net has a class embedding, which no Stable Diffusion has")
        }
        try require(
            unet.conditioning.readsText,
            "its U-Net is conditioned on an image embedding; expected one that is conditioned on text"
        )
        try require(
            unet.crossAttentionDim == width,
            "the U-Net takes text of width \(unet.crossAttentionDim); expected \(width) as the text encoders'"
        )
        try require(
            Set(texts.map(\.tower.contextLength)).count == 1,
            "its text encoders read texts of different lengths"
        )
        if case .textTime(let numberWidth, let timeWidth) = unet.conditioning {
            let embedding = texts.last?.tower.embeddingDimension ?? 0
            let numbers = isRefiner ? 5 : 6
            try require(
                embedding + numbers * numberWidth == timeWidth,
                "the U-Net's addition to the time is \(timeWidth) wide; expected a text embedding of \(embedding) and "
                    + "\(numbers) numbers of \(numberWidth)"
            )
        }
        try require(
            unet.inChannels == latents || readsMask,
            "the U-Net takes \(unet.inChannels) channels; expected \(latents) as the autoencoder's latents, or "
                + "\(2 * latents + 1) with mask and masked picture"
        )
        try require(
            unet.outChannels == latents,
            "the U-Net's output has \(unet.outChannels) channels; expected \(latents) as the autoencoder's latents"
        )
        try require(
            autoencoder.inChannels == 3 && autoencoder.outChannels == 3,
            "the autoencoder turns \(autoencoder.inChannels) channels into \(autoencoder.outChannels); "
                + "expected 3 and 3, red, green and blue"
        )
        try require(!scheduler.readsVariance, "its scheduler reads a variance that the U-Net does not make")
        try require(
            pictureSize <= StableDiffusionPipeline.sideLimit,
            "its pictures have \(pictureSize) pixels a side; expected at most \(StableDiffusionPipeline.sideLimit)"
        )
    }
}

extension UNet2DConditionConfiguration.Conditioning {
    fileprivate var readsText: Bool {
        switch self {
        case .text, .textTime: true
        case .textImage, .image, .imageHint: false
        }
    }
}
