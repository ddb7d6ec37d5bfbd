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
    private let tokenizer: any TextTokenizer

    package init(clip: OpenCLIP, tokenizer: any TextTokenizer) {
        self.clip = clip
        self.tokenizer = tokenizer
    }

    package func callAsFunction(_ captions: [String]) -> EncodedCaptions {
        let tokens = clip.configuration.contextLength
        let encoded = captions.map { tokenizer.encode($0, length: tokens) }
        let ids = Tensor(encoded.flatMap(\.ids), shape: [captions.count, tokens])
        let mask = Tensor(encoded.flatMap(\.mask), shape: [captions.count, tokens])
        let (embedding, encoding) = clip.encodeTexts(ids, mask: mask)
        return EncodedCaptions(embedding: embedding, encoding: encoding, mask: mask)
    }
}
