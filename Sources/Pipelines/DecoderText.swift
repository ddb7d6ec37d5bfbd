import LienzoModels
import LienzoTokenizers
import LienzoTorch

/// Which text the decoder of an unCLIP model reads beside the image embedding.
enum DecoderTextConfiguration: Sendable {
    /// None: Kandinsky 2.2.
    case none
    /// The prior's, by its dual encoder.
    case shared(any DualEncoderConfiguration)
    /// That of an encoder of its own: Kandinsky 2.1.
    case multilingual(MultilingualCLIPConfiguration)

    /// Width of text encoding and text embedding; nil without text.
    var widths: (encoding: Int, embedding: Int)? {
        switch self {
        case .none: nil
        case .shared(let clip): (clip.textWidth, clip.embeddingDimension)
        case .multilingual(let own): (own.transformer.width, own.embeddingDimension)
        }
    }
}

/// The text encoder of Kandinsky 2.1's decoder with its tokenizer.
final class MultilingualText {
    private let network: MultilingualCLIP
    private let tokenizer: XLMRobertaTokenizer
    private let device: Device

    /// The number of tokens that every text is cut or filled up to.
    ///
    /// Source: diffusers' `KandinskyPipeline._encode_prompt`.
    static let contextLength = 77

    /// Builds network and tokenizer from a model directory's parts `text_encoder` and `tokenizer`.
    init(_ directory: ModelDirectory, _ configuration: MultilingualCLIPConfiguration, _ loader: PartLoader) throws {
        device = loader.device
        tokenizer = try XLMRobertaTokenizer(directory: directory.folder(of: "tokenizer"))
        guard tokenizer.count == configuration.transformer.vocabularySize else {
            throw PipelineError.invalidModel(
                path: directory.path,
                reason: "its tokenizer has \(tokenizer.count) pieces; expected the "
                    + "\(configuration.transformer.vocabularySize) that the text encoder has rows for"
            )
        }
        network = try loader.load(
            part: directory.folder(of: "text_encoder"),
            ignoring: MultilingualCLIP.isIgnorable
        ) { try MultilingualCLIP($0, configuration) }
    }

    /// Texts as the decoder sees them.
    func encode(_ texts: [String]) -> UnCLIPCondition {
        let batch = TextBatch(texts, tokenizer, length: Self.contextLength, on: device)
        let (embedding, encoding) = network(batch.ids, mask: batch.mask)
        return UnCLIPCondition(
            embedding: embedding,
            encoding: encoding,
            mask: batch.mask,
            truncated: batch.truncated
        )
    }
}
