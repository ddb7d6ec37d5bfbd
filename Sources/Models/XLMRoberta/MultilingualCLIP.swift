package import Foundation
package import LienzoNN
package import LienzoTorch

/// The shape of a ``MultilingualCLIP``, as its `config.json` gives it.
///
/// Source: `diffusers/pipelines/kandinsky/text_encoder.py`, `MCLIPConfig`.
package struct MultilingualCLIPConfiguration: Sendable, Equatable {
    /// XLM-RoBERTa's layers, which are BERT's.
    package let transformer: BERTConfiguration
    /// Width of the text embedding.
    package let embeddingDimension: Int
    /// Keys of the file that Lienzo does not know, sorted.
    package let unknownKeys: [String]

    /// Reads a `config.json`.
    ///
    /// - Parameters:
    ///   - json: The file's bytes.
    ///   - file: The file's name, for messages.
    /// - Throws: `ConfigurationError` when a value is missing, out of range or does not fit the others.
    package init(json: Data, file: String = "config.json") throws(ConfigurationError) {
        let json = try ConfigurationReader(json, file: file)
        guard try json.string("model_type", default: "M-CLIP") == "M-CLIP" else {
            throw json.invalid("model_type", expected: "\"M-CLIP\"")
        }
        json.ignore("modelBase", "output_past")
        embeddingDimension = try json.integer("numDims", default: 768, in: 1...16_384)
        transformer = try BERTConfiguration(json, paddingToken: 1)
        guard try json.integer("transformerDimensions", default: 1024, in: 1...16_384) == transformer.width else {
            throw json.invalid("transformerDimensions", expected: "hidden_size, \(transformer.width)")
        }
        unknownKeys = json.unknownKeys
    }

    /// The most tokens that a text may have: places are counted from the one behind the padding's.
    package var maximumLength: Int { transformer.maximumLength - transformer.paddingToken - 1 }
}

/// The text encoder of Kandinsky 2.1's decoder: XLM-RoBERTa, the mean of its states, and a map into CLIP's space.
///
/// Source: Conneau et al. 2020, https://arxiv.org/abs/1911.02116; Carlsson et al. 2022 (M-CLIP);
/// `diffusers/pipelines/kandinsky/text_encoder.py`, `MultilingualCLIP`.
package struct MultilingualCLIP {
    /// The network's shape.
    package let configuration: MultilingualCLIPConfiguration
    private let embeddings: BERTEmbeddings
    private let layers: [BERTLayer]
    private let projection: Linear

    /// Builds the network from a checkpoint.
    ///
    /// - Parameters:
    ///   - scope: where the parameters are, named as the reference names them.
    ///   - configuration: the network's shape.
    /// - Throws: `ParameterError` when a parameter is missing or has another shape.
    package init(_ scope: ParameterScope, _ configuration: MultilingualCLIPConfiguration) throws {
        self.configuration = configuration
        let transformer = scope["transformer"]
        embeddings = try BERTEmbeddings(transformer["embeddings"], configuration.transformer)
        var layers: [BERTLayer] = []
        for index in 0..<configuration.transformer.layers {
            layers.append(try BERTLayer(transformer["encoder"]["layer"][index], configuration.transformer))
        }
        self.layers = layers
        projection = try Linear(
            scope["LinearTransformation"],
            from: configuration.transformer.width,
            to: configuration.embeddingDimension
        )
    }

    /// Text embeddings and encodings.
    ///
    /// The states of padding are those of the reference too, because the U-Net attends to them.
    ///
    /// - Parameters:
    ///   - ids: Tokens, `[batch, tokens]`, at most `configuration.maximumLength` of them.
    ///   - mask: True where a token counts and false where it fills up at the end, `[batch, tokens]`.
    /// - Returns: The embedding `[batch, embeddingDimension]`, float32, not normalised, and the hidden states after
    ///   the last layer `[batch, tokens, width]`.
    package func callAsFunction(_ ids: Tensor, mask: Tensor) -> (embedding: Tensor, hiddenStates: Tensor) {
        let padding = Double(configuration.transformer.paddingToken)
        let counted = ids.isNotEqual(to: padding).to(.int64)
        // Places are counted over what is not padding, from the one behind the padding's own.
        let places = counted.cumulativeSum(dim: 1) * counted + padding
        // [batch, tokens] → [batch, 1, 1, tokens]
        let visible = mask.unsqueeze(1).unsqueeze(1)
        let states = layers.reduce(embeddings(ids, places: places.to(.int64))) { x, layer in
            layer(x, visible: visible)
        }
        let weights = mask.to(.float32)
        let sum = (states.to(.float32) * weights.unsqueeze(-1)).sum(dims: [1])
        return (projection(sum / weights.sum(dims: [1], keepDim: true)).to(.float32), states)
    }

    /// Whether a tensor of a published file may stay unread: numbers of positions, and the pooling layer of the
    /// reference's class, which nothing asks.
    package static func isIgnorable(_ name: String) -> Bool {
        name.hasPrefix("transformer.pooler.") || name.hasSuffix(".position_ids")
    }
}
