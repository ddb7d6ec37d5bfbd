package import LienzoNN
package import LienzoTorch

/// The shape of a ``TextTransformer``.
package struct TextTransformerConfiguration: Sendable, Equatable {
    /// Which token stands for the text.
    package enum Pooling: Sendable, Equatable {
        /// The one with the largest number, which the end token has in CLIP's vocabulary.
        case largestNumber
        /// The first one with this number.
        case first(Int)
    }

    package let transformer: CLIPTransformer.Configuration
    package var vocabularySize: Int
    /// The number of tokens of a text.
    package let contextLength: Int
    /// The width of the shared space, or that of the hidden states where they are not projected into it.
    package let embeddingDimension: Int
    package let pooling: Pooling
    /// Whether what stands for the text is projected into a shared space.
    package let hasProjection: Bool

    package init(
        transformer: CLIPTransformer.Configuration,
        vocabularySize: Int = 49_408,
        contextLength: Int = 77,
        embeddingDimension: Int,
        pooling: Pooling = .largestNumber,
        hasProjection: Bool = true
    ) {
        self.transformer = transformer
        self.vocabularySize = vocabularySize
        self.contextLength = contextLength
        self.embeddingDimension = embeddingDimension
        self.pooling = pooling
        self.hasProjection = hasProjection
    }
}

/// A causal transformer over tokens: a text to a text embedding.
///
/// Names are OpenCLIP's and OpenAI's: `token_embedding`, `positional_embedding`, `transformer`, `ln_final`,
/// `text_projection`.
///
/// Source: Radford et al. 2021, section 2.4; `open_clip/transformer.py`, `TextTransformer`; `open_clip/model.py`, `CLIP`.
package struct TextTransformer {
    package let configuration: TextTransformerConfiguration
    private let tokens: Embedding
    private let positions: Parameter
    package let transformer: CLIPTransformer
    private let finalNorm: LayerNorm
    private let projection: Linear?

    package init(_ scope: ParameterScope, _ configuration: TextTransformerConfiguration) throws {
        self.configuration = configuration
        let width = configuration.transformer.width
        tokens = try Embedding(
            scope["token_embedding"],
            count: configuration.vocabularySize,
            width: width,
            initial: .normal(deviation: 0.02)
        )
        positions = try scope.exactParameter(
            "positional_embedding",
            [configuration.contextLength, width],
            initial: .normal(deviation: 0.01)
        )
        transformer = try CLIPTransformer(scope["transformer"], configuration.transformer, start: .scaled)
        finalNorm = try LayerNorm(
            scope["ln_final"],
            width: width,
            epsilon: configuration.transformer.layerNormEpsilon
        )
        projection =
            configuration.hasProjection
            ? try Linear(
                transposed: scope,
                "text_projection",
                from: width,
                to: configuration.embeddingDimension,
                initial: .normal(deviation: 1 / Double(width).squareRoot())
            ) : nil
    }

    /// Text embeddings and encodings.
    ///
    /// A token sees only those before it, so texts may be cut behind the end token of the longest: the embeddings are
    /// the same and come sooner.
    ///
    /// - Parameter ids: Tokens, `[batch, tokens]`, at most `contextLength` of them.
    /// - Returns: The embedding `[batch, embeddingDimension]`, not normalised, and the normalised hidden states after
    ///   the last layer `[batch, tokens, width]`.
    package func callAsFunction(_ ids: Tensor) -> (embedding: Tensor, hiddenStates: Tensor) {
        let states = finalNorm(transformer(embedded(ids), causal: true))
        return (embedding(of: states, ids), states)
    }

    /// What a text is to a network that draws.
    package struct Encoding {
        /// The embedding `[batch, embeddingDimension]`, not normalised; not projected where there is no projection.
        package let embedding: Tensor
        /// The hidden states before the last layer, not normalised, `[batch, tokens, width]`.
        package let penultimate: Tensor
        /// The normalised hidden states after the last layer, `[batch, tokens, width]`.
        package let last: Tensor
    }

    /// Text embeddings, and the states of the two last layers.
    ///
    /// - Parameter ids: Tokens, `[batch, tokens]`, at most `contextLength` of them.
    /// - Returns: what each text is.
    package func encode(_ ids: Tensor) -> Encoding {
        let (penultimate, last) = transformer.lastTwo(embedded(ids), causal: true)
        let states = finalNorm(last)
        return Encoding(embedding: embedding(of: states, ids), penultimate: penultimate, last: states)
    }

    /// Tokens with their places, `[batch, tokens, width]`.
    private func embedded(_ ids: Tensor) -> Tensor {
        let places = positions().narrow(dim: 0, start: 0, length: ids.size(1))
        let embedded = tokens(ids)
        return embedded + places.cast(to: embedded.dtype)
    }

    private func embedding(of states: Tensor, _ ids: Tensor) -> Tensor {
        let pooled = pooled(states, ids)
        return projection?(pooled) ?? pooled
    }

    /// `[batch, tokens, width]` → `[batch, width]`.
    private func pooled(_ states: Tensor, _ ids: Tensor) -> Tensor {
        let place =
            switch configuration.pooling {
            case .largestNumber: ids.argmax(dim: 1)
            case .first(let number): ids.isEqual(to: Double(number)).to(.int64).argmax(dim: 1)
            }
        // [batch] → [batch, 1, width], one row of each text.
        let rows = place.reshape(-1, 1, 1).expand(states.size(0), 1, states.size(2))
        return states.gather(dim: 1, rows).select(dim: 1, index: 0)
    }
}
