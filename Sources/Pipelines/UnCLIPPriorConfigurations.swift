import LienzoDiffusion
package import LienzoModels

/// The configurations of the parts of an unCLIP model that make image embeddings, checked against each other: the
/// encoders of texts and pictures, and the prior.
///
/// They lie beside the decoder (`mini`) or, as Kandinsky was published, in a directory of their own.
package struct UnCLIPPriorConfigurations: Sendable {
    /// What the decoder is told of the picture where guidance wants it to know nothing.
    enum Unconditional: Sendable {
        /// Zeros, as in DALL·E 2.
        case zeros
        /// The embedding of a picture whose normalised pixels are zero, as in Kandinsky.
        case blankPicture
    }

    let directory: ModelDirectory
    let clipCheckpoint: CLIPCheckpoint
    let network: PriorTransformerConfiguration
    let scheduler: SchedulerConfiguration
    let unconditional: Unconditional
    /// Keys of the parts' files that are not known.
    let unknownKeys: [(part: String, keys: [String])]

    /// Reads the configuration files of the parts.
    ///
    /// - Parameters:
    ///   - directory: that of `mini`, of `KandinskyPriorPipeline` or of `KandinskyV22PriorPipeline`.
    ///   - imageTowerNamed: the image towers that there are, by timm's name; tests have narrow ones.
    /// - Throws: one sentence where a file is missing or wrong, or the parts do not fit each other.
    package init(
        _ directory: ModelDirectory,
        imageTowerNamed: (String) -> EfficientNetLiteConfiguration? = { EfficientNetLiteConfiguration(timm: $0) }
    ) throws {
        let isShared = directory.has("clip")
        if isShared {
            try directory.require("clip", "CustomTextCLIP")
            clipCheckpoint = try CLIPCheckpoint(directory.folder(of: "clip"), imageTowerNamed: imageTowerNamed)
        } else {
            clipCheckpoint = try CLIPCheckpoint(towersOf: directory)
        }
        let schedulerPart = isShared ? "prior_scheduler" : "scheduler"
        try directory.require("prior", "PriorTransformer")
        try directory.require(schedulerPart, "UnCLIPScheduler", "DDPMScheduler")
        let scheduler = try directory.scheduler(schedulerPart)
        self.directory = directory
        self.scheduler = scheduler.configuration
        unconditional = isShared ? .zeros : .blankPicture
        network = try PriorTransformerConfiguration(
            json: directory.json("config.json", of: "prior"),
            file: "\(directory.folder(of: "prior"))/config.json"
        )
        unknownKeys = [
            ("clip", clipCheckpoint.configuration.unknownKeys), ("prior", network.unknownKeys),
            ("prior_scheduler", scheduler.unknownKeys),
        ]
        try check()
    }

    /// The numbers of an embedding.
    var width: Int { clipCheckpoint.configuration.embeddingDimension }

    /// How many are made for each picture when nobody says; Kandinsky's reference makes one.
    var usualCandidates: Int { unconditional == .zeros ? 4 : 1 }

    /// Whether the parts fit each other.
    private func check() throws(PipelineError) {
        func require(_ condition: Bool, _ reason: String) throws(PipelineError) {
            guard condition else { throw .invalidModel(path: directory.path, reason: reason) }
        }
        let clip = clipCheckpoint.configuration
        try require(
            network.clipEmbedDim == width && network.embeddingProjDim == width,
            "the prior's embeddings have \(network.clipEmbedDim) numbers; expected \(width) as the dual encoder's"
        )
        try require(
            network.embeddingDim == clip.textWidth,
            "the prior takes text of width \(network.embeddingDim); expected \(clip.textWidth) as the dual encoder's"
        )
        try require(
            network.numEmbeddings == clip.contextLength,
            "the prior takes \(network.numEmbeddings) text tokens; expected \(clip.contextLength) as the dual encoder"
        )
        try require(!scheduler.readsVariance, "the prior's scheduler reads a variance that no prior makes")
    }
}
