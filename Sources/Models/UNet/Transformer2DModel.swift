import LienzoNN
import LienzoTorch

/// Transformer blocks over the pixels of a map, between two projections and with the map added at the end.
///
/// Source: Rombach et al. 2022, section 3.3; `diffusers/models/transformers/transformer_2d.py`, `Transformer2DModel`.
struct Transformer2DModel {
    private let norm: GroupNorm
    private let input: Linear
    private let blocks: [CrossAttentionBlock]
    private let output: Linear

    init(
        _ scope: ParameterScope,
        channels: Int,
        _ shape: UNetBlockAttention,
        _ settings: UNetBlockSettings
    ) throws {
        // A 1 × 1 convolution is the linear layer of each pixel, which a channels-last map has side by side.
        func projection(_ scope: ParameterScope) throws -> Linear {
            guard !shape.usesLinearProjection else { return try Linear(scope, from: channels, to: channels) }
            return try Linear(pointwise: scope, from: channels, to: channels)
        }
        // The reference gives this normalisation its own epsilon, whatever `norm_eps` says.
        norm = try GroupNorm(scope["norm"], groups: settings.groups, channels: channels, epsilon: 1e-6)
        input = try projection(scope["proj_in"])
        blocks = try (0..<shape.layers).map {
            try CrossAttentionBlock(
                scope["transformer_blocks"][$0],
                width: channels,
                conditionWidth: settings.conditionWidth,
                heads: shape.heads,
                onlyCrossAttention: shape.onlyCrossAttention
            )
        }
        output = try projection(scope["proj_out"])
    }

    /// The part of keys and values that does not change from step to step, for each attention over the condition.
    ///
    /// - Parameter condition: `[batch, tokens, conditionWidth]`.
    /// - Returns: one or two of each block, in order.
    func keyValues(of condition: Tensor) -> [KeyValue] { blocks.flatMap { $0.keyValues(of: condition) } }

    /// - Parameters:
    ///   - x: `[batch, channels, height, width]`, channels-last.
    ///   - condition: what ``keyValues(of:)`` gave.
    /// - Returns: the shape of `x`, channels-last.
    func callAsFunction(_ x: Tensor, condition: [KeyValue]) -> Tensor {
        let shape = x.shape
        guard shape.count == 4 else { return x }
        let (B, C, H, W) = (shape[0], shape[1], shape[2], shape[3])
        // A channels-last map is its pixels' tokens already: a view, [B, HW, C].
        let tokens = { (map: Tensor) in map.permute(0, 2, 3, 1).reshape(B, H * W, C) }

        var rest = condition[...]
        let h = blocks.reduce(input(tokens(norm(x)))) { h, block in
            let own = rest.prefix(block.conditions)
            rest = rest.dropFirst(block.conditions)
            return block(h, condition: Array(own))
        }
        // [B, HW, C] → [B, C, H, W]
        return output(h, adding: tokens(x)).reshape(B, H, W, C).permute(0, 3, 1, 2)
    }
}

/// Self-attention, attention over a condition and a feed-forward network, each after a layer normalisation and with a
/// residual connection.
///
/// Source: `diffusers/models/attention.py`, `BasicTransformerBlock` with cross-attention.
struct CrossAttentionBlock {
    private let norms: [LayerNorm]
    private let first: MultiHeadAttention
    private let second: MultiHeadAttention
    private let feedForward: FeedForward
    private let onlyCrossAttention: Bool

    init(
        _ scope: ParameterScope,
        width: Int,
        conditionWidth: Int,
        heads: Int,
        onlyCrossAttention: Bool
    ) throws {
        self.onlyCrossAttention = onlyCrossAttention
        norms = try (1...3).map { try LayerNorm(scope["norm\($0)"], width: width) }
        first = try MultiHeadAttention(
            scope["attn1"],
            width: width,
            sourceWidth: onlyCrossAttention ? conditionWidth : width,
            heads: heads
        )
        second = try MultiHeadAttention(scope["attn2"], width: width, sourceWidth: conditionWidth, heads: heads)
        feedForward = try FeedForward(scope["ff"], width: width, activation: .geglu)
    }

    /// How many of its attentions see the condition.
    var conditions: Int { onlyCrossAttention ? 2 : 1 }

    func keyValues(of condition: Tensor) -> [KeyValue] {
        (onlyCrossAttention ? [first, second] : [second]).map { $0.keyValue(of: condition) }
    }

    /// `[batch, tokens, width]` and what ``keyValues(of:)`` gave → the tokens.
    func callAsFunction(_ x: Tensor, condition: [KeyValue]) -> Tensor {
        guard let last = condition.last, let other = condition.first else { return x }
        var h = norms[0](x)
        var x = first(h, over: onlyCrossAttention ? other : first.keyValue(of: h), adding: x)
        h = norms[1](x)
        x = second(h, over: last, adding: x)
        return feedForward(norms[2](x), residual: x)
    }
}

/// Attention with projections of its own for queries, keys, values and the result; only the last has a bias.
///
/// Source: `diffusers/models/attention_processor.py`, `Attention` with `AttnProcessor2_0`.
struct MultiHeadAttention {
    private let query: Linear
    private let key: Linear
    private let value: Linear
    private let output: Linear
    private let heads: Int

    init(_ scope: ParameterScope, width: Int, sourceWidth: Int, heads: Int) throws {
        self.heads = heads
        query = try Linear(scope["to_q"], from: width, to: width, bias: false)
        key = try Linear(scope["to_k"], from: sourceWidth, to: width, bias: false)
        value = try Linear(scope["to_v"], from: sourceWidth, to: width, bias: false)
        output = try Linear(scope["to_out"][0], from: width, to: width)
    }

    /// Keys and values of what is attended to, `[batch, tokens, sourceWidth]`.
    func keyValue(of source: Tensor) -> KeyValue { KeyValue(key: key(source), value: value(source)) }

    /// `[batch, queries, width]` → the same, with `residual` added.
    func callAsFunction(_ x: Tensor, over source: KeyValue, adding residual: Tensor) -> Tensor {
        output(attention(query: query(x), source, heads: heads), adding: residual)
    }
}
