import LienzoNN
import LienzoTorch

/// Self-attention and a feed-forward network, each after a layer normalisation and with a residual connection.
///
/// Source: `diffusers/models/attention.py`, `BasicTransformerBlock` without cross-attention.
struct BasicTransformerBlock {
    private let norm1: LayerNorm
    private let query: Linear
    private let key: Linear
    private let value: Linear
    private let output: Linear
    private let norm3: LayerNorm
    private let feedForward: FeedForward
    private let heads: Int

    init(
        _ scope: ParameterScope,
        width: Int,
        heads: Int,
        activation: FeedForward.Activation
    ) throws {
        self.heads = heads
        let attention = scope["attn1"]
        norm1 = try LayerNorm(scope["norm1"], width: width)
        query = try Linear(attention["to_q"], from: width, to: width)
        key = try Linear(attention["to_k"], from: width, to: width)
        value = try Linear(attention["to_v"], from: width, to: width)
        output = try Linear(attention["to_out"][0], from: width, to: width)
        norm3 = try LayerNorm(scope["norm3"], width: width)
        feedForward = try FeedForward(scope["ff"], width: width, activation: activation)
    }

    /// - Parameters:
    ///   - x: `[batch, tokens, width]`.
    ///   - mask: added to the scores, broadcasts to `[batch, heads, tokens, past + tokens]`.
    ///   - past: keys and values of earlier tokens, which these attend to as well.
    /// - Returns: the tokens, `[batch, tokens, width]`.
    func callAsFunction(_ x: Tensor, mask: Tensor?, past: KeyValue? = nil) -> Tensor {
        let h = norm1(x)
        let own = keyValue(ofNormalised: h)
        return finish(x, h, past?.followed(by: own) ?? own, mask)
    }

    /// The same for the first tokens of a sequence, whose keys and values are kept for later tokens.
    func begin(_ x: Tensor, mask: Tensor) -> (tokens: Tensor, keyValue: KeyValue) {
        let h = norm1(x)
        let own = keyValue(ofNormalised: h)
        return (finish(x, h, own, mask), own)
    }

    /// Only the keys and values of `x`, for the last block, of whose first tokens nobody asks more.
    func keyValue(of x: Tensor) -> KeyValue { keyValue(ofNormalised: norm1(x)) }

    private func keyValue(ofNormalised h: Tensor) -> KeyValue { KeyValue(key: key(h), value: value(h)) }

    private func finish(_ x: Tensor, _ h: Tensor, _ all: KeyValue, _ mask: Tensor?) -> Tensor {
        let x = output(attention(query: query(h), all, heads: heads, mask: mask), adding: x)
        return feedForward(norm3(x), residual: x)
    }
}

/// Two linear maps with an activation between them, four times as wide inside.
///
/// Source: `diffusers/models/attention.py`, `FeedForward`.
struct FeedForward {
    /// What happens between the two maps.
    enum Activation {
        case gelu
        /// One half of the inner channels, times GELU of the other.
        case geglu
    }

    private let input: Linear
    private let output: Linear
    private let activation: Activation

    init(_ scope: ParameterScope, width: Int, activation: Activation) throws {
        self.activation = activation
        let inner = 4 * width
        input = try Linear(scope["net"][0]["proj"], from: width, to: activation == .geglu ? 2 * inner : inner)
        output = try Linear(scope["net"][2], from: inner, to: width)
    }

    /// - Returns: `residual` and what the network makes of `x`, `[…, width]`.
    func callAsFunction(_ x: Tensor, residual: Tensor? = nil) -> Tensor {
        switch activation {
        case .gelu:
            return output(input(x, activation: .gelu), adding: residual)
        case .geglu:
            let halves = input(x).chunk(2, dim: -1)
            return output(halves[0] * halves[1].gelu(), adding: residual)
        }
    }
}
