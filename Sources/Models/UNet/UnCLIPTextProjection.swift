package import Foundation
package import LienzoNN
package import LienzoTorch

/// The shape of an ``UnCLIPTextProjection``, as its `config.json` gives it.
///
/// Source: `diffusers/pipelines/deprecated/unclip/text_proj.py`, `UnCLIPTextProjModel.__init__`.
package struct UnCLIPTextProjectionConfiguration: Sendable, Equatable {
    /// Tokens that the image embedding becomes.
    package let imageTokens: Int
    /// Width of text embedding, text encoding and image embedding.
    package let embeddingDimension: Int
    /// Width of the decoder's time embedding.
    package let timeEmbeddingDim: Int
    /// Width of the decoder's tokens.
    package let crossAttentionDim: Int
    /// Keys of the file that Lienzo does not know, sorted.
    package let unknownKeys: [String]

    /// Reads a `config.json`.
    ///
    /// - Parameters:
    ///   - json: The file's bytes.
    ///   - file: The file's name, for messages.
    /// - Throws: `ConfigurationError` when a value is missing or out of range.
    package init(json: Data, file: String = "config.json") throws(ConfigurationError) {
        let json = try ConfigurationReader(json, file: file)
        imageTokens = try json.integer("clip_extra_context_tokens", default: 4, in: 1...1024)
        embeddingDimension = try json.integer("clip_embeddings_dim", default: 768, in: 1...16_384)
        timeEmbeddingDim = try json.integer("time_embed_dim", in: 1...65_536)
        crossAttentionDim = try json.integer("cross_attention_dim", in: 1...16_384)
        unknownKeys = json.unknownKeys
    }
}

/// What Karlo's decoder is told: text and image embedding as tokens, and as what is added to the time.
///
/// Source: Ramesh et al. 2022, section 2.1; `diffusers/pipelines/deprecated/unclip/text_proj.py`,
/// `UnCLIPTextProjModel`.
package struct UnCLIPTextProjection {
    /// The projections' shape.
    package let configuration: UnCLIPTextProjectionConfiguration
    /// The image embedding that stands for none, `[1, embeddingDimension]`.
    package let noImage: Tensor
    private let textToTime: Linear
    private let imageToTime: Linear
    private let imageToTokens: Linear
    private let textToTokens: Linear
    private let norm: LayerNorm

    /// Builds the projections from a checkpoint.
    ///
    /// - Parameters:
    ///   - scope: where the parameters are, named as the reference names them.
    ///   - configuration: the projections' shape.
    /// - Throws: `ParameterError` when a parameter is missing or has another shape.
    package init(_ scope: ParameterScope, _ configuration: UnCLIPTextProjectionConfiguration) throws {
        let (width, tokenWidth) = (configuration.embeddingDimension, configuration.crossAttentionDim)
        self.configuration = configuration
        noImage = try scope.exactParameter("learned_classifier_free_guidance_embeddings", [width]).value.unsqueeze(0)
        textToTime = try Linear(scope["embedding_proj"], from: width, to: configuration.timeEmbeddingDim)
        imageToTime = try Linear(
            scope["clip_image_embeddings_project_to_time_embeddings"],
            from: width,
            to: configuration.timeEmbeddingDim
        )
        imageToTokens = try Linear(
            scope["clip_extra_context_tokens_proj"],
            from: width,
            to: configuration.imageTokens * tokenWidth
        )
        textToTokens = try Linear(scope["encoder_hidden_states_proj"], from: width, to: tokenWidth)
        norm = try LayerNorm(scope["text_encoder_hidden_states_norm"], width: tokenWidth)
    }

    /// The condition of a batch; where guidance wants no image, give ``noImage``.
    ///
    /// - Parameters:
    ///   - imageEmbedding: `[batch, embeddingDimension]`.
    ///   - textEmbedding: `[batch, embeddingDimension]`.
    ///   - textEncoding: `[batch, tokens, embeddingDimension]`.
    /// - Returns: what the decoder attends to, `[batch, imageTokens + tokens, crossAttentionDim]`, and what is added to
    ///   its time embedding, `[batch, timeEmbeddingDim]`.
    package func callAsFunction(
        imageEmbedding: Tensor,
        textEmbedding: Tensor,
        textEncoding: Tensor
    ) -> (tokens: Tensor, time: Tensor) {
        // The reference lays the tokens' numbers side by side: [batch, width, tokens] → [batch, tokens, width].
        let image = imageToTokens(imageEmbedding)
            .reshape(-1, configuration.crossAttentionDim, configuration.imageTokens)
            .transpose(1, 2)
        return (
            .cat([image, norm(textToTokens(textEncoding))], dim: 1),
            imageToTime(imageEmbedding) + textToTime(textEmbedding)
        )
    }
}
