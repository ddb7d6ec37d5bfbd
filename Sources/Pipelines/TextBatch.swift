import LienzoTokenizers
package import LienzoTorch

/// Texts as a text encoder takes them.
package struct TextBatch {
    /// Tokens, `[texts, tokens]`, whole numbers.
    package let ids: Tensor
    /// Which of them are not padding, `[texts, tokens]`, boolean.
    package let mask: Tensor
    /// Whether a text had more tokens than fit, so that its end is missing.
    package let truncated: Bool

    /// Texts, each cut or filled up to the same number of tokens.
    ///
    /// - Parameters:
    ///   - texts: any texts, at least one.
    ///   - tokenizer: that of the encoder.
    ///   - length: how many tokens each text gets.
    ///   - device: where the encoder computes.
    init(_ texts: [String], _ tokenizer: any TextTokenizer, length: Int, on device: Device) {
        let tokens = texts.map { tokenizer.encode($0, length: length) }
        let shape = [texts.count, length]
        ids = Tensor(tokens.flatMap { $0.ids.map(Int64.init) }, shape: shape).to(device)
        mask = Tensor(tokens.flatMap(\.mask), shape: shape).to(device)
        truncated = tokens.contains(where: \.truncated)
    }

    private init(ids: Tensor, mask: Tensor, truncated: Bool) {
        (self.ids, self.mask, self.truncated) = (ids, mask, truncated)
    }

    /// The same without what fills up behind the longest text: it changes no embedding, and takes time.
    var trimmed: TextBatch {
        let used = max(1, Int(mask.to(.int64).sum(dims: [1]).max().item))
        return TextBatch(
            ids: ids.narrow(dim: 1, start: 0, length: used),
            mask: mask.narrow(dim: 1, start: 0, length: used),
            truncated: truncated
        )
    }
}
