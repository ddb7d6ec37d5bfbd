package import Foundation

/// The shape of a ``PriorTransformer``, as its `config.json` gives it.
///
/// Lienzo builds the priors of unCLIP (Karlo, Kandinsky): text tokens first, then text embedding, time, noisy image
/// embedding and the token that becomes the prediction. A value of the reference outside that is refused.
///
/// Source: `diffusers/models/transformers/prior_transformer.py`, `PriorTransformer.__init__`.
package struct PriorTransformerConfiguration: Sendable, Equatable {
    /// The activation between the two maps of the time embedding.
    package enum Activation: String, Sendable, CaseIterable, Codable {
        case silu, gelu
    }

    /// A normalisation that may be there or not.
    package enum Norm: String, Sendable, CaseIterable, Codable {
        case layer
    }

    /// Heads of each attention.
    package let numAttentionHeads: Int
    /// Channels of one head.
    package let attentionHeadDim: Int
    /// Transformer blocks.
    package let numLayers: Int
    /// Width of the noisy image embedding and of the text encoding.
    package let embeddingDim: Int
    /// Text tokens.
    package let numEmbeddings: Int
    /// The activation inside the time embedding.
    package let timeEmbedActFn: Activation
    /// The normalisation of all tokens before the first block.
    package let normInType: Norm?
    /// The normalisation of the text embedding before its projection.
    package let embeddingProjNormType: Norm?
    /// Width inside the time embedding; `width` where the file does not say.
    package let timeEmbedDim: Int
    /// Width of the text embedding; `embeddingDim` where the file does not say.
    package let embeddingProjDim: Int
    /// Width of the predicted image embedding; `embeddingDim` where the file does not say.
    package let clipEmbedDim: Int
    /// Keys of the file that Lienzo does not know, sorted.
    package let unknownKeys: [String]

    /// Tokens after the text: text embedding, time, noisy image embedding, prediction.
    package static let additionalEmbeddings = 4

    /// Width of the transformer.
    package var width: Int { numAttentionHeads * attentionHeadDim }

    /// A new prior's shape: one embedding width throughout, no input normalisation.
    ///
    /// - Parameters:
    ///   - numAttentionHeads: Heads of each attention, 1…256.
    ///   - attentionHeadDim: Channels of one head, 1…1024.
    ///   - numLayers: Transformer blocks, 1…256.
    ///   - embeddingDim: Width of text embedding, text encoding and image embedding.
    ///   - numEmbeddings: Text tokens.
    /// - Throws: `ConfigurationError` when a value is out of range.
    package init(
        numAttentionHeads: Int,
        attentionHeadDim: Int,
        numLayers: Int,
        embeddingDim: Int,
        numEmbeddings: Int
    ) throws(ConfigurationError) {
        self.numAttentionHeads = numAttentionHeads
        self.attentionHeadDim = attentionHeadDim
        self.numLayers = numLayers
        self.embeddingDim = embeddingDim
        self.numEmbeddings = numEmbeddings
        timeEmbedActFn = .silu
        normInType = nil
        embeddingProjNormType = nil
        timeEmbedDim = numAttentionHeads * attentionHeadDim
        embeddingProjDim = embeddingDim
        clipEmbedDim = embeddingDim
        unknownKeys = []
        try checkFit(file: "a new prior")
    }

    /// Reads a `config.json`.
    ///
    /// - Parameters:
    ///   - json: The file's bytes.
    ///   - file: The file's name, for messages.
    /// - Throws: `ConfigurationError` when a value is out of range, not supported or does not fit the others.
    package init(json: Data, file: String = "config.json") throws(ConfigurationError) {
        let json = try ConfigurationReader(json, file: file)
        numAttentionHeads = try json.integer("num_attention_heads", default: 32, in: 1...256)
        attentionHeadDim = try json.integer("attention_head_dim", default: 64, in: 1...1024)
        numLayers = try json.integer("num_layers", default: 20, in: 1...256)
        embeddingDim = try json.integer("embedding_dim", default: 768, in: 1...65_536)
        numEmbeddings = try json.integer("num_embeddings", default: 77, in: 1...4096)
        timeEmbedActFn = try json.choice("time_embed_act_fn", default: .silu)
        normInType = json.has("norm_in_type") ? try json.choice("norm_in_type") : nil
        embeddingProjNormType = json.has("embedding_proj_norm_type") ? try json.choice("embedding_proj_norm_type") : nil
        let width = numAttentionHeads * attentionHeadDim
        timeEmbedDim = try json.integer("time_embed_dim", default: min(width, 65_536), in: 1...65_536)
        embeddingProjDim = try json.integer("embedding_proj_dim", default: embeddingDim, in: 1...65_536)
        clipEmbedDim = try json.integer("clip_embed_dim", default: embeddingDim, in: 1...65_536)

        guard try json.integer("additional_embeddings", default: 4, in: 0...4096) == Self.additionalEmbeddings else {
            throw json.invalid("additional_embeddings", expected: "\(Self.additionalEmbeddings)")
        }
        for (key, only) in [("encoder_hid_proj_type", "linear"), ("added_emb_type", "prd")]
        where try json.string(key, default: only) != only {
            throw json.invalid(key, expected: "\"\(only)\"")
        }
        guard try json.number("dropout", default: 0, in: 0...1) == 0 else {
            throw json.invalid("dropout", expected: "0")
        }
        unknownKeys = json.unknownKeys
        try checkFit(file: file)
    }

    private func checkFit(file: String) throws(ConfigurationError) {
        for (key, value, limit) in [
            ("num_attention_heads", numAttentionHeads, 256), ("attention_head_dim", attentionHeadDim, 1024),
            ("num_layers", numLayers, 256), ("embedding_dim", embeddingDim, 65_536),
            ("num_embeddings", numEmbeddings, 4096),
        ] where !(1...limit).contains(value) {
            throw ConfigurationError(
                file: file,
                key: key,
                expected: "an integer from 1 to \(limit)",
                found: "\(value)"
            )
        }
        guard width % 2 == 0, width <= 65_536 else {
            throw ConfigurationError(
                file: file,
                key: "num_attention_heads × attention_head_dim",
                expected: "an even width up to 65536",
                found: "\(width)"
            )
        }
    }
}

extension PriorTransformerConfiguration: Encodable {
    private enum CodingKeys: String, CodingKey {
        case className = "_class_name"
        case numAttentionHeads = "num_attention_heads"
        case attentionHeadDim = "attention_head_dim"
        case numLayers = "num_layers"
        case embeddingDim = "embedding_dim"
        case numEmbeddings = "num_embeddings"
        case additionalEmbeddings = "additional_embeddings"
        case timeEmbedActFn = "time_embed_act_fn"
        case normInType = "norm_in_type"
        case embeddingProjNormType = "embedding_proj_norm_type"
        case encoderHidProjType = "encoder_hid_proj_type"
        case addedEmbType = "added_emb_type"
        case timeEmbedDim = "time_embed_dim"
        case embeddingProjDim = "embedding_proj_dim"
        case clipEmbedDim = "clip_embed_dim"
    }

    /// Writes the keys of the reference's `config.json`.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode("PriorTransformer", forKey: .className)
        try container.encode(numAttentionHeads, forKey: .numAttentionHeads)
        try container.encode(attentionHeadDim, forKey: .attentionHeadDim)
        try container.encode(numLayers, forKey: .numLayers)
        try container.encode(embeddingDim, forKey: .embeddingDim)
        try container.encode(numEmbeddings, forKey: .numEmbeddings)
        try container.encode(Self.additionalEmbeddings, forKey: .additionalEmbeddings)
        try container.encode(timeEmbedActFn, forKey: .timeEmbedActFn)
        try container.encode(normInType, forKey: .normInType)
        try container.encode(embeddingProjNormType, forKey: .embeddingProjNormType)
        try container.encode("linear", forKey: .encoderHidProjType)
        try container.encode("prd", forKey: .addedEmbType)
        try container.encode(timeEmbedDim, forKey: .timeEmbedDim)
        try container.encode(embeddingProjDim, forKey: .embeddingProjDim)
        try container.encode(clipEmbedDim, forKey: .clipEmbedDim)
    }
}
