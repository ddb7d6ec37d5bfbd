import LienzoModels
import LienzoTokenizers
package import LienzoTorch

/// A text encoder with its tokenizer.
struct StableDiffusionText {
    private let part: String
    private let learned: LearnedTokens
    private let tokenizer: CLIPTokenizer
    private let network: TextTransformer
    private let device: Device

    /// Reads tokenizer and weights.
    ///
    /// - Throws: one sentence where a file is missing or wrong, or the tokens are more than the encoder knows.
    init(
        _ files: StableDiffusionFiles,
        _ configuration: StableDiffusionConfigurations.Text,
        _ loader: PartLoader,
        _ learned: LearnedTokens = .none
    ) throws {
        device = loader.device
        part = configuration.part
        self.learned = learned
        try learned.requireFit(part: part, width: configuration.tower.transformer.width)
        tokenizer = try files.tokenizer(configuration.tokenizer, adding: learned, part: part)
        let (pieces, known) = (tokenizer.vocabulary.pieces.count, configuration.tower.vocabularySize)
        guard pieces <= known else {
            throw PipelineError.invalidModel(
                path: files.path,
                reason: "its \(configuration.tokenizer) has \(pieces) tokens; expected at most \(known) as the encoder"
            )
        }
        var tower = configuration.tower
        tower.vocabularySize += learned.count(part: part)
        network = try files.load(
            .text(part),
            loader,
            changing: { learned.extending($0, part: configuration.part, pieces: pieces) },
            build: { try TextTransformer($0, tower) }
        )
    }

    /// What texts are to the encoder, and their tokens.
    func encode(_ texts: [String]) -> (encoding: TextTransformer.Encoding, batch: TextBatch) {
        let batch = TextBatch(
            texts.map { learned.expanded($0, part: part) },
            tokenizer,
            length: network.configuration.contextLength,
            on: device
        )
        return (network.encode(batch.ids), batch)
    }
}

/// A prompt as the U-Net sees it, behind the negative one where there is guidance.
package struct StableDiffusionCondition {
    /// `[1 or 2, tokens, width]`.
    package let encoding: Tensor
    /// `[1 or 2, embeddingDimension]`; of XL alone.
    package let embedding: Tensor?
    /// Whether a text had more tokens than fit.
    package let truncated: Bool

    /// A prompt, and before it a negative prompt where `isGuided`.
    ///
    /// - Parameters:
    ///   - prompt: the words.
    ///   - negativePrompt: `nil` for what the model takes when nobody says: the empty text, or zeros.
    ///   - isGuided: whether the negative prompt is needed at all.
    ///   - encoders: one or two, whose states are put side by side.
    ///   - configurations: what the model is.
    init(
        _ prompt: String,
        negativePrompt: String?,
        isGuided: Bool,
        encoders: [StableDiffusionText],
        _ configurations: StableDiffusionConfigurations
    ) {
        let zeros = isGuided && negativePrompt == nil && configurations.zerosEmptyPrompt
        let texts = isGuided && !zeros ? [negativePrompt ?? "", prompt] : [prompt]
        let encoded = encoders.map { $0.encode(texts) }
        // XL reads the states before the last layer, others the normalised ones after it.
        let states = encoded.map { configurations.isXL ? $0.encoding.penultimate : $0.encoding.last }
        func withZeros(_ tensor: Tensor) -> Tensor {
            zeros ? .cat([.zeros(tensor.shape, dtype: tensor.dtype, device: tensor.device), tensor]) : tensor
        }
        encoding = withZeros(.cat(states, dim: -1))
        embedding = configurations.isXL ? encoded.last.map { withZeros($0.encoding.embedding) } : nil
        truncated = encoded.contains(where: \.batch.truncated)
    }
}
