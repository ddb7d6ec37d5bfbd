import LienzoNN
import LienzoTorch

/// Keys and values of one attention for some of its tokens, `[batch, tokens, width]` each, heads side by side.
///
/// Kept where they do not change from step to step, and joined to those that do.
struct KeyValue {
    let key: Tensor
    let value: Tensor
    /// What is added to the scores of these tokens, `[batch, 1, 1, tokens]`, where some of them are padding.
    var mask: Tensor?

    /// These tokens first, then the others, none of which is padding.
    func followed(by later: KeyValue) -> KeyValue {
        KeyValue(
            key: .cat([key, later.key], dim: 1),
            value: .cat([value, later.value], dim: 1),
            mask: mask?.padded([0, later.key.size(1)])
        )
    }

    /// The same with padding among the tokens.
    func masked(by mask: Tensor?) -> KeyValue { KeyValue(key: key, value: value, mask: mask) }
}

/// Attention with keys and values whose heads stand side by side.
///
/// - Parameters:
///   - query: `[batch, queries, width]`.
///   - all: keys and values of what the queries attend to.
///   - heads: how many heads the width holds.
///   - mask: added to the scores, broadcasts to `[batch, heads, queries, keys]`; that of the keys where `nil`.
/// - Returns: `[batch, queries, width]`.
func attention(query: Tensor, _ all: KeyValue, heads: Int, mask: Tensor? = nil) -> Tensor {
    attention(
        query: query.splitHeads(heads),
        key: all.key.splitHeads(heads),
        value: all.value.splitHeads(heads),
        mask: mask ?? all.mask
    ).mergeHeads()
}
