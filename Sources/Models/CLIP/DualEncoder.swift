import LienzoNN
package import LienzoTorch

/// The shape of a dual encoder, as far as pipelines need it.
package protocol DualEncoderConfiguration: Sendable {
    /// The width of the shared space.
    var embeddingDimension: Int { get }
    /// The width of the text tower's hidden states.
    var textWidth: Int { get }
    /// The number of rows of the token embedding.
    var vocabularySize: Int { get }
    /// The number of tokens to which texts are cut or filled up.
    var contextLength: Int { get }
    /// What is done to a picture before the image tower sees it.
    var preprocessing: OpenCLIPConfiguration.Preprocessing { get }
    /// Keys of the configuration files that Lienzo does not know, sorted.
    var unknownKeys: [String] { get }
}

extension OpenCLIPConfiguration: DualEncoderConfiguration {
    package var textWidth: Int { textTower.width }
    package var vocabularySize: Int { textTower.vocabularySize }
}

extension CLIPConfiguration: DualEncoderConfiguration {
    package var textWidth: Int { textTower.transformer.width }
    package var vocabularySize: Int { textTower.vocabularySize }
    package var contextLength: Int { textTower.contextLength }
}

/// The half of a dual encoder that reads texts.
package protocol TextEncoder {
    /// Text embeddings and encodings.
    ///
    /// - Parameters:
    ///   - ids: Tokens, `[batch, tokens]`; both may be cut behind the longest text of the batch.
    ///   - mask: True where a token counts and false where it fills up, `[batch, tokens]`.
    /// - Returns: The embedding `[batch, embeddingDimension]`, float32, not normalised, and the hidden states after
    ///   the last layer `[batch, tokens, width]`.
    func encodeTexts(_ ids: Tensor, mask: Tensor) -> (embedding: Tensor, hiddenStates: Tensor)
}

/// The half of a dual encoder that sees pictures.
package protocol ImageEncoder {
    /// Image embeddings of `[batch, 3, size, size]`: `[batch, embeddingDimension]`, float32, not normalised.
    func encodeImages(_ pixels: Tensor) -> Tensor
}

/// Two towers into one space, as pipelines use them, however they are made and were published.
package protocol DualEncoder: TextEncoder, ImageEncoder {
    /// The logarithm of what cosines are multiplied with to become logits; rank 0.
    var logitScale: Tensor { get }
    /// What is added to logits, where the model was trained with a sigmoid loss; rank 0.
    var logitBias: Tensor? { get }
}

extension OpenCLIP: DualEncoder {}

extension CLIP: DualEncoder {
    package func encodeTexts(_ ids: Tensor, mask: Tensor) -> (embedding: Tensor, hiddenStates: Tensor) {
        textTower.encodeTexts(ids, mask: mask)
    }
}

extension TextTransformer: TextEncoder {
    /// A token sees only those before it, so what fills up changes nothing and needs no mask.
    package func encodeTexts(_ ids: Tensor, mask: Tensor) -> (embedding: Tensor, hiddenStates: Tensor) {
        let (embedding, hiddenStates) = self(ids)
        return (embedding.cast(to: .float32), hiddenStates)
    }
}

extension VisionTransformer: ImageEncoder {
    package func encodeImages(_ pixels: Tensor) -> Tensor { self(pixels).cast(to: .float32) }
}

extension ModifiedResNet: ImageEncoder {
    package func encodeImages(_ pixels: Tensor) -> Tensor { self(pixels).cast(to: .float32) }
}
