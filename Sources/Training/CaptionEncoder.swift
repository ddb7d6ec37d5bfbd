package import LienzoModels
import LienzoNN
package import LienzoTokenizers
package import LienzoTorch

/// Words as the prior and the decoder are conditioned on them.
package struct EncodedCaptions {
    /// `[batch, embeddingDimension]`, float32.
    package let embedding: Tensor
    /// `[batch, tokens, width]`, padding included.
    package let encoding: Tensor
    /// `[batch, tokens]`, true where the text has not ended.
    package let mask: Tensor
}

/// Turns captions into what the text tower of a dual encoder says of them, all at its context length as pipelines do.
package struct CaptionEncoder {
    package let clip: OpenCLIP
    private let batcher: TextBatcher

    package init(clip: OpenCLIP, tokenizer: any TextTokenizer, device: Device = .cpu) {
        self.clip = clip
        batcher = TextBatcher(tokenizer: tokenizer, length: clip.configuration.contextLength, device: device)
    }

    /// - Parameters:
    ///   - captions: one for each sample.
    ///   - paddingIsRead: whether the network looks at the encoding where the mask is false; where it does not, the
    ///     encoding is zero there, which takes a fraction of the time.
    /// - Returns: what the text tower says of them.
    package func callAsFunction(_ captions: [String], paddingIsRead: Bool) -> EncodedCaptions {
        let (ids, mask) = batcher(captions, cutsPadding: !paddingIsRead)
        let (embedding, encoding) = clip.encodeTexts(ids, mask: mask)
        let missing = batcher.length - ids.size(1)
        guard missing > 0 else { return EncodedCaptions(embedding: embedding, encoding: encoding, mask: mask) }
        return EncodedCaptions(
            embedding: embedding,
            encoding: encoding.padded([0, 0, 0, missing]),
            mask: Tensor.cat([mask, .full([ids.size(0), missing], 0, dtype: .bool, device: mask.device)], dim: 1)
        )
    }
}
