package import LienzoTorch

/// Words as the networks of unCLIP see them; all of it is the same for every picture and every step of a request.
///
/// The texts are the empty one, the prompt and, where there is one, the negative prompt.
package struct UnCLIPCondition {
    /// `[texts, embeddingDimension]`, float32.
    package let embedding: Tensor
    /// `[texts, tokens, width]`.
    package let encoding: Tensor
    /// Which tokens are not padding, `[texts, tokens]`, boolean.
    package let mask: Tensor
    /// Whether a text had more tokens than fit.
    package let truncated: Bool

    /// The text that guidance pushes away from: the negative prompt, or else the empty one.
    var negative: Int { hasNegative ? 2 : 0 }

    /// Whether there is a negative prompt.
    var hasNegative: Bool { embedding.size(0) > 2 }

    /// What a batch sees: a text for each sample, and with guidance before those the text to push away from.
    func batch(_ texts: [Int], awayFrom negative: Int?) -> UnCLIPCondition {
        let rows = (negative.map { [Int](repeating: $0, count: texts.count) } ?? []) + texts
        let index = Tensor(rows.map(Int64.init), device: embedding.device)
        return UnCLIPCondition(
            embedding: embedding.indexSelect(dim: 0, index),
            encoding: encoding.indexSelect(dim: 0, index),
            mask: mask.indexSelect(dim: 0, index),
            truncated: truncated
        )
    }

    /// The cosine of each embedding `[samples, embeddingDimension]` to that of the prompt.
    func similarities(_ embeddings: Tensor) -> [Float] {
        let text = embedding[1..<2].normalized()
        return embeddings.normalized().matmul(text.transpose(0, 1)).flatten().floats()
    }
}
