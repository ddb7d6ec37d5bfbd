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
    /// Where `clip` is.
    private let device: Device

    package init(clip: OpenCLIP, tokenizer: any TextTokenizer, device: Device = .cpu) {
        self.clip = clip
        self.tokenizer = tokenizer
        self.device = device
    }

    /// - Parameters:
    ///   - captions: one for each sample.
    ///   - paddingIsRead: whether the network looks at the encoding where the mask is false; where it does not, the
    ///     encoding is zero there, which takes a fraction of the time.
    /// - Returns: what the text tower says of them.
    package func callAsFunction(_ captions: [String], paddingIsRead: Bool) -> EncodedCaptions {
        let tokens = clip.configuration.contextLength
        let encoded = captions.map { tokenizer.encode($0, length: tokens) }
        let longest = paddingIsRead ? tokens : encoded.map(\.count).max() ?? tokens
        func rows<Number>(_ numbers: [[Number]], _ length: Int) -> [Number] { numbers.flatMap { $0.prefix(length) } }
        let ids = Tensor(rows(encoded.map(\.ids), longest), shape: [captions.count, longest], device: device)
        let seen = Tensor(rows(encoded.map(\.mask), longest), shape: [captions.count, longest], device: device)
        let mask = Tensor(rows(encoded.map(\.mask), tokens), shape: [captions.count, tokens], device: device)
        let (embedding, encoding) = clip.encodeTexts(ids, mask: seen)
        let padded = longest < tokens ? encoding.padded([0, 0, 0, tokens - longest]) : encoding
        return EncodedCaptions(embedding: embedding, encoding: padded, mask: mask)
    }
}
