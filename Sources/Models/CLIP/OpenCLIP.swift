package import LienzoNN
package import LienzoTorch

/// A dual encoder of image and text into one space, in OpenCLIP's form: `visual.*`, `text.*`, `logit_scale`.
///
/// Source: Radford et al., CLIP, 2021, https://arxiv.org/abs/2103.00020; Zhai et al., LiT, 2022,
/// https://arxiv.org/abs/2111.07991; `open_clip/model.py`, `CustomTextCLIP`, with `TimmModel` and `HFTextEncoder`.
package struct OpenCLIP {
    package let configuration: OpenCLIPConfiguration
    package let imageTower: EfficientNetLite
    package let imageProjection: Linear
    package let textTower: BERT
    package let textProjection: TextProjection
    /// The logarithm of what cosines are multiplied with to become logits; rank 0.
    package let logitScale: Tensor
    /// What is added to logits, where the model was trained with a sigmoid loss; rank 0.
    package let logitBias: Tensor?

    package init(_ scope: ParameterScope, _ configuration: OpenCLIPConfiguration) throws {
        self.configuration = configuration
        let dimension = configuration.embeddingDimension
        imageTower = try EfficientNetLite(scope["visual"]["trunk"], configuration.imageTower)
        imageProjection = try Linear(
            scope["visual"]["head"]["proj"],
            from: configuration.imageTower.featureChannels,
            to: dimension,
            bias: false
        )
        textTower = try BERT(scope["text"]["transformer"], configuration.textTower)
        textProjection = try TextProjection(
            scope["text"]["proj"],
            configuration.textProjection,
            from: configuration.textTower.width,
            to: dimension
        )
        logitScale = try scope.exactParameter("logit_scale", [], initial: .constant(Self.initialLogitScale)).value
        logitBias =
            configuration.hasLogitBias ? try scope.exactParameter("logit_bias", [], initial: .constant(-10)).value : nil
    }

    /// Image embeddings.
    ///
    /// - Parameter pixels: `[batch, 3, size, size]`, normalised as `configuration.preprocessing` says.
    /// - Returns: `[batch, embeddingDimension]`, float32, not normalised.
    package func encodeImages(_ pixels: Tensor) -> Tensor {
        imageProjection(imageTower(pixels)).cast(to: .float32)
    }

    /// Text embeddings and encodings.
    ///
    /// Cut both arguments to the longest text of the batch first: the result is the same and comes sooner.
    ///
    /// - Parameters:
    ///   - ids: Tokens, `[batch, tokens]`, whole numbers.
    ///   - mask: True where a token counts and false where it fills up, `[batch, tokens]`.
    /// - Returns: The embedding `[batch, embeddingDimension]`, float32, not normalised, and the hidden states after
    ///   the last layer `[batch, tokens, width]`.
    package func encodeTexts(_ ids: Tensor, mask: Tensor) -> (embedding: Tensor, hiddenStates: Tensor) {
        let hiddenStates = textTower(ids, mask: mask)
        return (textProjection(pooled(hiddenStates, mask: mask)).cast(to: .float32), hiddenStates)
    }

    /// Whether a tensor of a published file may stay unread, because it says nothing about the model.
    ///
    /// Such are the counters of training steps in normalisations, and the numbers of the positions.
    package static func isIgnorable(_ name: String) -> Bool {
        name.hasSuffix(".num_batches_tracked") || name.hasSuffix(".position_ids")
    }

    /// ln(1 / 0.07), as CLIP starts.
    private static let initialLogitScale = 2.659_260_036_932_778

    /// `[batch, tokens, width]` → `[batch, width]`.
    private func pooled(_ hiddenStates: Tensor, mask: Tensor) -> Tensor {
        switch configuration.textPooling {
        case .mean:
            let counts = mask.cast(to: .float32).unsqueeze(-1)
            return (hiddenStates.cast(to: .float32) * counts).sum(dims: [1]) / counts.sum(dims: [1])
        case .firstToken:
            return hiddenStates.select(dim: 1, index: 0)
        }
    }
}

/// From the pooled text into the shared space.
///
/// Source: `open_clip/hf_model.py`, `HFTextEncoder.proj`.
package struct TextProjection {
    private let first: Linear
    private let second: Linear?

    init(
        _ scope: ParameterScope,
        _ kind: OpenCLIPConfiguration.Projection,
        from input: Int,
        to output: Int
    ) throws {
        switch kind {
        case .linear:
            first = try Linear(scope, from: input, to: output, bias: false)
            second = nil
        case .mlp:
            let middle = (input + output) / 2
            first = try Linear(scope[0], from: input, to: middle, bias: false)
            second = try Linear(scope[2], from: middle, to: output, bias: false)
        }
    }

    /// `[batch, width]` → `[batch, embeddingDimension]`.
    package func callAsFunction(_ x: Tensor) -> Tensor {
        guard let second else { return first(x) }
        return second(first(x, activation: .gelu))
    }
}
