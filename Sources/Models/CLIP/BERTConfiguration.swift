package import Foundation

/// The shape of a BERT text tower, as its `config.json` gives it.
///
/// Source: Devlin et al., BERT, 2018, https://arxiv.org/abs/1810.04805;
/// `transformers/models/bert/configuration_bert.py`.
package struct BERTConfiguration: Sendable, Equatable {
    /// The activation between the two linear maps of a layer.
    package enum Activation: String, Sendable, CaseIterable {
        case gelu, relu
    }

    /// Rows of the token table.
    package let vocabularySize: Int
    /// Width of a hidden state.
    package let width: Int
    /// Number of encoder layers.
    package let layers: Int
    /// Attention heads of a layer; they divide the width.
    package let heads: Int
    /// Width between the two linear maps of a layer.
    package let intermediateWidth: Int
    /// The longest text in tokens.
    package let maximumLength: Int
    /// Rows of the segment table; only the first is used here.
    package let tokenTypes: Int
    /// Added to the variance in layer normalisation.
    package let layerNormEpsilon: Double
    /// The token that fills up short texts.
    package let paddingToken: Int
    /// The activation between the two linear maps of a layer.
    package let activation: Activation
    /// Keys of the file that Lienzo does not know, sorted.
    package let unknownKeys: [String]

    /// The longest text in tokens that Lienzo accepts from a file, whatever the file says.
    private static let lengthLimit = 8192

    /// Reads a `config.json` whose `model_type` is `bert`.
    ///
    /// - Parameters:
    ///   - json: The file's bytes.
    ///   - file: The file's name, for messages.
    /// - Throws: `ConfigurationError` when a value is missing, out of range or asks for another kind of model.
    package init(json: Data, file: String = "config.json") throws(ConfigurationError) {
        let json = try ConfigurationReader(json, file: file)
        guard try json.string("model_type") == "bert" else { throw json.invalid("model_type", expected: "\"bert\"") }
        try self.init(json, paddingToken: 0)
    }

    /// Reads the keys that all of BERT's kind have.
    init(_ json: ConfigurationReader, paddingToken padding: Int) throws(ConfigurationError) {
        vocabularySize = try json.integer("vocab_size", default: 30_522, in: 1...2_000_000)
        width = try json.integer("hidden_size", default: 768, in: 1...16_384)
        layers = try json.integer("num_hidden_layers", default: 12, in: 1...256)
        heads = try json.integer("num_attention_heads", default: 12, in: 1...256)
        intermediateWidth = try json.integer("intermediate_size", default: 3072, in: 1...65_536)
        maximumLength = try json.integer("max_position_embeddings", default: 512, in: 2...Self.lengthLimit)
        tokenTypes = try json.integer("type_vocab_size", default: 2, in: 1...1024)
        layerNormEpsilon = try json.number("layer_norm_eps", default: 1e-12, in: 0...1)
        paddingToken = try json.integer("pad_token_id", default: padding, in: 0...(vocabularySize - 1))
        activation = try json.choice("hidden_act", default: .gelu)
        guard width.isMultiple(of: heads) else {
            throw json.invalid("num_attention_heads", expected: "a divisor of hidden_size (\(width))")
        }
        guard try json.string("position_embedding_type", default: "absolute") == "absolute" else {
            throw json.invalid("position_embedding_type", expected: "\"absolute\"")
        }
        guard try !json.boolean("is_decoder", default: false) else {
            throw json.invalid("is_decoder", expected: "false (an encoder)")
        }
        json.ignore(
            "architectures",
            "attention_probs_dropout_prob",
            "hidden_dropout_prob",
            "classifier_dropout",
            "initializer_range",
            "gradient_checkpointing",
            "use_cache",
            "transformers_version",
            "torch_dtype",
            "dtype",
            "bos_token_id",
            "eos_token_id",
            "add_cross_attention",
            "tie_word_embeddings"
        )
        unknownKeys = json.unknownKeys
    }

    /// The same tower with another number of tokens: a vocabulary can lose rows that no text uses.
    ///
    /// - Parameter vocabularySize: Rows of the token table; more than the number of the padding token.
    /// - Returns: The changed shape.
    package func withVocabulary(of vocabularySize: Int) -> BERTConfiguration {
        BERTConfiguration(self, vocabularySize: vocabularySize)
    }

    private init(_ other: BERTConfiguration, vocabularySize: Int) {
        precondition(vocabularySize > other.paddingToken)
        self.vocabularySize = vocabularySize
        width = other.width
        layers = other.layers
        heads = other.heads
        intermediateWidth = other.intermediateWidth
        maximumLength = other.maximumLength
        tokenTypes = other.tokenTypes
        layerNormEpsilon = other.layerNormEpsilon
        paddingToken = other.paddingToken
        activation = other.activation
        unknownKeys = other.unknownKeys
    }
}

extension BERTConfiguration: Encodable {
    /// Writes the reference's configuration file; what this type does not keep is not written.
    ///
    /// - Parameter encoder: Where to.
    /// - Throws: What the encoder throws.
    package func encode(to encoder: any Encoder) throws {
        try json.encode(to: encoder)
    }

    /// The reference's `config.json`.
    private var json: JSONValue {
        [
            "architectures": ["BertModel"],
            "hidden_act": .string(activation.rawValue),
            "hidden_size": .integer(width),
            "intermediate_size": .integer(intermediateWidth),
            "layer_norm_eps": .number(layerNormEpsilon),
            "max_position_embeddings": .integer(maximumLength),
            "model_type": "bert",
            "num_attention_heads": .integer(heads),
            "num_hidden_layers": .integer(layers),
            "pad_token_id": .integer(paddingToken),
            "type_vocab_size": .integer(tokenTypes),
            "vocab_size": .integer(vocabularySize),
        ]
    }
}
