package import LienzoNN
package import LienzoTorch

/// Two towers into one space, as OpenAI published them: `visual.*`, the text tower at the root or, as OpenCLIP has some,
/// under `text`, `logit_scale`.
///
/// Source: Radford et al. 2021; `open_clip/model.py`, `CLIP`; `clip/model.py`.
package struct CLIP {
    /// The tower of the pictures.
    package enum ImageTower {
        case visionTransformer(VisionTransformer)
        case resNet(ModifiedResNet)
    }

    package let configuration: CLIPConfiguration
    package let imageTower: ImageTower
    package let textTower: TextTransformer
    /// The logarithm of what cosines are multiplied with to become logits; rank 0.
    package let logitScale: Tensor
    /// What is added to logits, where the model was trained with a sigmoid loss; rank 0.
    package let logitBias: Tensor?

    /// - Throws: ``ParameterError`` where a tensor is missing or has another shape; else what the source throws.
    package init(_ scope: ParameterScope, _ configuration: CLIPConfiguration) throws {
        self.configuration = configuration
        imageTower =
            switch configuration.imageTower {
            case .visionTransformer(let tower): .visionTransformer(try VisionTransformer(scope["visual"], tower))
            case .resNet(let tower): .resNet(try ModifiedResNet(scope["visual"], tower))
            }
        // Where a model's text tower is a class of its own, it has a name of its own, too.
        let isNested = !scope.has("token_embedding.weight") && scope.has("text.token_embedding.weight")
        textTower = try TextTransformer(isNested ? scope["text"] : scope, configuration.textTower)
        logitScale = try scope.exactParameter("logit_scale", [], initial: .constant(2.659_260_036_932_778)).value
        logitBias =
            configuration.hasLogitBias ? try scope.exactParameter("logit_bias", [], initial: .constant(-10)).value : nil
    }

    /// Image embeddings.
    ///
    /// - Parameter pixels: `[batch, 3, size, size]`, normalised as `configuration.preprocessing` says.
    /// - Returns: `[batch, embeddingDimension]`, float32, not normalised.
    package func encodeImages(_ pixels: Tensor) -> Tensor {
        let embedding =
            switch imageTower {
            case .visionTransformer(let tower): tower(pixels)
            case .resNet(let tower): tower(pixels)
            }
        return embedding.cast(to: .float32)
    }

    /// Text embeddings and encodings.
    ///
    /// - Parameter ids: Tokens, `[batch, tokens]`, whole numbers; may be cut behind the end token of the longest text.
    /// - Returns: The embedding `[batch, embeddingDimension]`, float32, not normalised, and the hidden states after
    ///   the last layer `[batch, tokens, width]`.
    package func encodeTexts(_ ids: Tensor) -> (embedding: Tensor, hiddenStates: Tensor) {
        let (embedding, hiddenStates) = textTower(ids)
        return (embedding.cast(to: .float32), hiddenStates)
    }

    /// Whether a tensor of a published file may stay unread, because it says nothing that the model does not know:
    /// counters of training steps, numbers of positions, sizes, and the causal mask.
    package static func isIgnorable(_ name: String) -> Bool {
        name.hasSuffix(".num_batches_tracked") || name.hasSuffix(".position_ids")
            || ["input_resolution", "context_length", "vocab_size", "attn_mask"].contains(name)
    }
}
