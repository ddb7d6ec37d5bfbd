package import LienzoNN
package import LienzoTorch

/// A bidirectional transformer over word pieces: the text tower of the dual encoder.
///
/// Post-normalised, learned absolute positions, one segment. There is no pooler: the dual encoder pools itself.
///
/// Source: Devlin et al., BERT, 2018, https://arxiv.org/abs/1810.04805;
/// `transformers/models/bert/modeling_bert.py`, `BertModel(add_pooling_layer=False)`.
package struct BERT {
    package let configuration: BERTConfiguration
    package let embeddings: BERTEmbeddings
    package let layers: [BERTLayer]

    package init(_ scope: ParameterScope, _ configuration: BERTConfiguration) throws {
        self.configuration = configuration
        embeddings = try BERTEmbeddings(scope["embeddings"], configuration)
        var layers: [BERTLayer] = []
        for index in 0..<configuration.layers {
            layers.append(try BERTLayer(scope["encoder"]["layer"][index], configuration))
        }
        self.layers = layers
    }

    /// The hidden states after the last layer.
    ///
    /// - Parameters:
    ///   - ids: Tokens, `[batch, tokens]`, whole numbers below the vocabulary's size; at most `maximumLength` tokens.
    ///   - mask: True where a token counts and false where it fills up, `[batch, tokens]`; the first one counts.
    /// - Returns: `[batch, tokens, width]`; the states of tokens that fill up mean nothing.
    package func callAsFunction(_ ids: Tensor, mask: Tensor) -> Tensor {
        // [batch, tokens] → [batch, 1, 1, tokens]: all heads and queries see the same keys.
        let visible = mask.unsqueeze(1).unsqueeze(1)
        return layers.reduce(embeddings(ids)) { x, layer in layer(x, visible: visible) }
    }
}

/// The sum of what a token, its position and its segment say, normalised.
package struct BERTEmbeddings {
    private let words: Embedding
    private let positions: Embedding
    private let tokenTypes: Embedding
    private let norm: LayerNorm

    init(_ scope: ParameterScope, _ configuration: BERTConfiguration) throws {
        let width = configuration.width
        words = try Embedding(scope["word_embeddings"], count: configuration.vocabularySize, width: width)
        positions = try Embedding(scope["position_embeddings"], count: configuration.maximumLength, width: width)
        tokenTypes = try Embedding(scope["token_type_embeddings"], count: configuration.tokenTypes, width: width)
        norm = try LayerNorm(scope["LayerNorm"], width: width, epsilon: configuration.layerNormEpsilon)
    }

    /// `[batch, tokens]` → `[batch, tokens, width]`; places are 0, 1, 2, … where none are given.
    package func callAsFunction(_ ids: Tensor, places: Tensor? = nil) -> Tensor {
        let order = places ?? Tensor.arange(0, Double(ids.size(1)), dtype: .int64, device: ids.device)
        let segment = Tensor.zeros([1], dtype: .int64, device: ids.device)
        return norm(words(ids) + tokenTypes(segment) + positions(order))
    }
}

/// Self-attention and two linear maps, each followed by a residual sum and a layer normalisation.
package struct BERTLayer {
    private let query: Linear
    private let key: Linear
    private let value: Linear
    private let output: Linear
    private let attentionNorm: LayerNorm
    private let up: Linear
    private let down: Linear
    private let outputNorm: LayerNorm
    private let heads: Int
    private let activation: Activation

    init(_ scope: ParameterScope, _ configuration: BERTConfiguration) throws {
        let width = configuration.width
        let attention = scope["attention"]
        heads = configuration.heads
        activation = configuration.activation == .gelu ? .gelu : .relu
        query = try Linear(attention["self"]["query"], from: width, to: width)
        key = try Linear(attention["self"]["key"], from: width, to: width)
        value = try Linear(attention["self"]["value"], from: width, to: width)
        output = try Linear(attention["output"]["dense"], from: width, to: width)
        attentionNorm = try LayerNorm(
            attention["output"]["LayerNorm"],
            width: width,
            epsilon: configuration.layerNormEpsilon
        )
        up = try Linear(scope["intermediate"]["dense"], from: width, to: configuration.intermediateWidth)
        down = try Linear(scope["output"]["dense"], from: configuration.intermediateWidth, to: width)
        outputNorm = try LayerNorm(scope["output"]["LayerNorm"], width: width, epsilon: configuration.layerNormEpsilon)
    }

    /// - Parameters:
    ///   - x: `[batch, tokens, width]`.
    ///   - visible: True where a key may be attended, `[batch, 1, 1, tokens]`.
    /// - Returns: `[batch, tokens, width]`.
    package func callAsFunction(_ x: Tensor, visible: Tensor) -> Tensor {
        let attended = attention(
            query: query(x).splitHeads(heads),
            key: key(x).splitHeads(heads),
            value: value(x).splitHeads(heads),
            mask: visible
        ).mergeHeads()
        let h = attentionNorm(output(attended, adding: x))
        return outputNorm(down(up(h, activation: activation), adding: h))
    }
}
