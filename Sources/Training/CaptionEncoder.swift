package import LienzoModels
import LienzoNN
package import LienzoTokenizers
package import LienzoTorch

/// Words as the prior and the decoder are conditioned on them.
package struct EncodedCaptions {
    /// `[batch, embeddingDimension]`, float32.
    package let embedding: Tensor
    /// `[batch, tokens, width]`, zero where the text has ended.
    package let encoding: Tensor
    /// `[batch, tokens]`, true where the text has not ended.
    package let mask: Tensor
}

/// Turns captions into what the text tower of a dual encoder says of them, at a fixed number of tokens.
package struct CaptionEncoder {
    package let clip: OpenCLIP
    private let tokenizer: any TextTokenizer
    private let tokens: Int

    package init(clip: OpenCLIP, tokenizer: any TextTokenizer, tokens: Int) {
        self.clip = clip
        self.tokenizer = tokenizer
        self.tokens = tokens
    }

    package func callAsFunction(_ captions: [String]) -> EncodedCaptions {
        let encoded = captions.map { tokenizer.encode($0, length: tokens) }
        let ids = Tensor(encoded.flatMap(\.ids), shape: [captions.count, tokens])
        let mask = Tensor(encoded.flatMap(\.mask), shape: [captions.count, tokens])
        // The tower runs over the longest text only; the rest is padding whatever it would say.
        let longest = encoded.map { $0.mask.count { $0 } }.max() ?? tokens
        let (embedding, states) = clip.encodeTexts(
            ids.narrow(dim: 1, start: 0, length: longest),
            mask: mask.narrow(dim: 1, start: 0, length: longest)
        )
        let shown = mask.narrow(dim: 1, start: 0, length: longest).to(states.dtype).unsqueeze(-1)
        return EncodedCaptions(
            embedding: embedding,
            encoding: (states * shown).padded([0, 0, 0, tokens - longest]),
            mask: mask
        )
    }
}
