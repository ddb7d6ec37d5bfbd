import LienzoNN
import LienzoTorch

/// Attention of a map's pixels over the condition's tokens and, unless `onlyCrossAttention`, over themselves, in one
/// softmax: the condition has key and value projections of its own, whose results are put before the map's.
///
/// Source: `diffusers/models/attention_processor.py`, `Attention` with `AttnAddedKVProcessor2_0`.
struct AddedKeyValueAttention {
    private let norm: GroupNorm
    private let query: Linear
    private let key: Linear?
    private let value: Linear?
    private let conditionKey: Linear
    private let conditionValue: Linear
    private let output: Linear
    private let heads: Int

    init(
        _ scope: ParameterScope,
        channels: Int,
        headWidth: Int,
        onlyCrossAttention: Bool,
        _ settings: UNetBlockSettings
    ) throws {
        heads = channels / headWidth
        // The reference gives this normalisation its own epsilon, whatever `norm_eps` says.
        norm = try GroupNorm(scope["group_norm"], groups: settings.groups, channels: channels, epsilon: 1e-5)
        query = try Linear(scope["to_q"], from: channels, to: channels)
        key = onlyCrossAttention ? nil : try Linear(scope["to_k"], from: channels, to: channels)
        value = onlyCrossAttention ? nil : try Linear(scope["to_v"], from: channels, to: channels)
        conditionKey = try Linear(scope["add_k_proj"], from: settings.conditionWidth, to: channels)
        conditionValue = try Linear(scope["add_v_proj"], from: settings.conditionWidth, to: channels)
        output = try Linear(scope["to_out"][0], from: channels, to: channels)
    }

    /// The part of keys and values that does not change from step to step.
    ///
    /// - Parameter condition: `[batch, tokens, conditionWidth]`.
    /// - Returns: `[batch, tokens, channels]` each.
    func keyValue(of condition: Tensor) -> KeyValue {
        KeyValue(key: conditionKey(condition), value: conditionValue(condition))
    }

    /// - Parameters:
    ///   - x: `[batch, channels, height, width]`, channels-last.
    ///   - condition: what ``keyValue(of:)`` gave.
    /// - Returns: `x` and what attention adds to it, channels-last.
    func callAsFunction(_ x: Tensor, condition: KeyValue) -> Tensor {
        let shape = x.shape
        guard shape.count == 4 else { return x }
        let (B, C, H, W) = (shape[0], shape[1], shape[2], shape[3])
        // A channels-last map is its pixels' tokens already: a view, [B, HW, C].
        let tokens = { (map: Tensor) in map.permute(0, 2, 3, 1).reshape(B, H * W, C) }

        let pixels = tokens(norm(x))
        var all = condition
        if let key, let value {
            all = condition.followed(by: KeyValue(key: key(pixels), value: value(pixels)))
        }
        let attended = attention(query: query(pixels), all, heads: heads)
        // [B, HW, C] → [B, C, H, W]
        return output(attended, adding: tokens(x)).reshape(B, H, W, C).permute(0, 3, 1, 2)
    }
}
