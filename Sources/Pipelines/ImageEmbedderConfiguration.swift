import LienzoDiffusion
import LienzoModels

/// Where the image embeddings of a model come from that has either an image encoder or a prior.
enum ImageEmbedderConfiguration: Sendable {
    /// Pictures, by an image encoder.
    case pictures(CLIPImageConfiguration)
    /// Words, by a prior.
    case words(TextPriorConfiguration)

    /// Reads the configuration files of `image_encoder` and `feature_extractor`, or of the prior where there is none.
    ///
    /// - Parameters:
    ///   - directory: the model directory.
    ///   - priorPrefix: what stands before the names of the prior's text encoder and tokenizer.
    /// - Throws: one sentence where a file is missing or wrong, or the parts do not fit each other.
    init(_ directory: ModelDirectory, priorPrefix: String) throws {
        guard directory.has("image_encoder") else {
            self = .words(try TextPriorConfiguration(directory, prefix: priorPrefix))
            return
        }
        try directory.require("image_encoder", "CLIPVisionModelWithProjection")
        try directory.requireImageProcessor("feature_extractor")
        self = .pictures(
            try CLIPImageConfiguration(
                json: directory.json("config.json", of: "image_encoder"),
                preprocessor: directory.json("preprocessor_config.json", of: "feature_extractor"),
                file: "\(directory.path)/image_encoder/config.json",
                preprocessorFile: "\(directory.path)/feature_extractor/preprocessor_config.json"
            )
        )
    }

    /// The numbers of an image embedding.
    var width: Int {
        switch self {
        case .pictures(let own): own.tower.embeddingDimension
        case .words(let own): own.prior.clipEmbedDim
        }
    }

    /// Keys of the parts' files that are not known.
    var unknownKeys: [(part: String, keys: [String])] {
        switch self {
        case .pictures(let own): [("image_encoder", own.unknownKeys)]
        case .words(let own): own.unknownKeys
        }
    }
}

/// A prior with its text encoder.
struct TextPriorConfiguration: Sendable {
    let text: StableDiffusionConfigurations.Text
    let prior: PriorTransformerConfiguration
    let scheduler: SchedulerConfiguration
    /// Keys of the parts' files that are not known.
    let unknownKeys: [(part: String, keys: [String])]

    /// Reads the configuration files of the parts.
    ///
    /// - Parameters:
    ///   - directory: the model directory.
    ///   - prefix: what stands before the names of the text encoder and the tokenizer.
    /// - Throws: one sentence where a file is missing or wrong, or the parts do not fit each other.
    init(_ directory: ModelDirectory, prefix: String) throws {
        let (part, tokenizer) = ("\(prefix)text_encoder", "\(prefix)tokenizer")
        try directory.require("prior", "PriorTransformer")
        try directory.require(part, "CLIPTextModelWithProjection")
        try directory.require(tokenizer, "CLIPTokenizer", "CLIPTokenizerFast")
        let text = try CLIPTextConfiguration(
            json: directory.json("config.json", of: part),
            hasProjection: true,
            file: "\(directory.path)/\(part)/config.json"
        )
        prior = try PriorTransformerConfiguration(
            json: directory.json("config.json", of: "prior"),
            file: "\(directory.path)/prior/config.json"
        )
        let scheduler = try directory.scheduler("prior_scheduler")
        self.text = StableDiffusionConfigurations.Text(part: part, tokenizer: tokenizer, tower: text.tower)
        self.scheduler = scheduler.configuration
        unknownKeys = [
            (part, text.unknownKeys), ("prior", prior.unknownKeys), ("prior_scheduler", scheduler.unknownKeys),
        ]
        let tower = text.tower
        guard
            prior.embeddingProjDim == tower.embeddingDimension, prior.embeddingDim == tower.transformer.width,
            prior.clipEmbedDim == prior.embeddingDim, prior.numEmbeddings == tower.contextLength
        else {
            throw PipelineError.invalidModel(
                path: directory.path,
                reason:
                    "its prior takes \(prior.numEmbeddings) tokens of width \(prior.embeddingDim) and embeddings of "
                    + "\(prior.embeddingProjDim) numbers; expected \(tower.contextLength) of "
                    + "\(tower.transformer.width) and \(tower.embeddingDimension) as its text encoder"
            )
        }
        guard !self.scheduler.readsVariance else {
            throw PipelineError.invalidModel(
                path: directory.path,
                reason: "the prior's scheduler reads a variance that no prior makes"
            )
        }
    }
}

/// What a request's image embedding is made of, for a model that has either an image encoder or a prior.
struct ImageEmbeddingPlan {
    let ingredients: [ImageEmbeddingSource.Ingredient]
    let blending: ImageEmbeddingSource.Blending
    /// The prior's sampler; nil where there is no prior.
    let priorSampler: (any Sampler)?

    /// Throws one sentence where the model cannot do what is asked for.
    init(_ request: GenerationRequest, _ configuration: ImageEmbedderConfiguration) throws {
        func require(_ condition: Bool, _ sentence: String) throws(PipelineError) {
            guard condition else { throw .invalidRequest(reason: sentence) }
        }
        try require(
            request.image == nil && request.hints.isEmpty && !request.guessMode,
            "This model begins with no picture and looks at no hint; leave them out, or vary the picture."
        )
        try request.imageEmbedding.requireNumbers(configuration.width)
        switch request.imageEmbedding {
        case .prompt: (ingredients, blending) = ([.init(.text(request.prompt))], .sum)
        case .blend(let ingredients, let blending): (self.ingredients, self.blending) = (ingredients, blending)
        case .given(let embedding):
            try require(
                embedding.negative == nil,
                "This model pushes away from no image embedding; give one without a negative."
            )
            (ingredients, blending) = ([.init(.embedding(embedding.values))], .sum)
        case .shift:
            throw PipelineError.invalidRequest(
                reason:
                    "This model has not both encoders that it takes to move a picture along texts; use one that has, "
                    + "such as Kandinsky or mini."
            )
        }
        switch configuration {
        case .pictures:
            try require(
                ingredients.allSatisfy { if case .text = $0.content { false } else { true } },
                "This model has no prior, which makes image embeddings of words; give it pictures to vary or to blend."
            )
            priorSampler = nil
        case .words(let prior):
            try require(
                ingredients.allSatisfy { if case .picture = $0.content { false } else { true } },
                "This model has no image encoder, which makes image embeddings of pictures; give it words."
            )
            priorSampler = try prior.scheduler.sampler(steps: request.priorSteps)
        }
    }
}
