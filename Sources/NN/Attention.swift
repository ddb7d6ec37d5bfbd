package import LienzoTorch

/// softmax(query · keyᵀ · scale + mask) · value: the one place that computes attention.
///
/// - Parameters:
///   - query: `[batch, heads, queries, width]`.
///   - key: `[batch, heads, keys, width]`.
///   - value: `[batch, heads, keys, width]`.
///   - mask: broadcastable to `[batch, heads, queries, keys]`; added to the scores, or boolean with true for keys
///     that take part.
///   - causal: whether a query sees only the keys up to its own position; excludes `mask`.
///   - scale: 1/√width where `nil`.
/// - Returns: `[batch, heads, queries, width]`.
///
/// Source: Vaswani et al. 2017, equation 1; torch.nn.functional.scaled_dot_product_attention.
package func attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor? = nil,
    causal: Bool = false,
    scale: Double? = nil
) -> Tensor {
    let mask = mask.map { $0.dtype == .bool ? $0 : $0.cast(to: query.dtype) }
    return .scaledDotProductAttention(
        query: query,
        key: key,
        value: value,
        mask: mask,
        causal: causal,
        scale: scale ?? 1 / Double(query.size(-1)).squareRoot()
    )
}

extension Tensor {
    /// `[batch, tokens, heads · width]` → `[batch, heads, tokens, width]`.
    package func splitHeads(_ heads: Int) -> Tensor {
        let shape = shape
        guard shape.count == 3 else { return reshape(0, 0, heads, -1) }
        return reshape(shape[0], shape[1], heads, shape[2] / heads).permute(0, 2, 1, 3)
    }

    /// `[batch, heads, tokens, width]` → `[batch, tokens, heads · width]`.
    package func mergeHeads() -> Tensor {
        let shape = shape
        guard shape.count == 4 else { return reshape(0, 0, -1) }
        return permute(0, 2, 1, 3).reshape(shape[0], shape[2], shape[1] * shape[3])
    }
}
