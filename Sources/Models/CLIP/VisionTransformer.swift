package import LienzoNN
package import LienzoTorch

/// The shape of a ``VisionTransformer``.
package struct VisionTransformerConfiguration: Sendable, Equatable {
    /// How the hidden states become one vector.
    package enum Pooling: String, Sendable, CaseIterable {
        /// The state of the class token.
        case token = "tok"
        /// The mean over the patches.
        case average = "avg"
    }

    package let transformer: CLIPTransformer.Configuration
    /// The side of a picture in pixels.
    package let imageSize: Int
    /// The side of a patch in pixels.
    package let patchSize: Int
    /// The width of the shared space.
    package let embeddingDimension: Int
    package let pooling: Pooling
    /// Whether the hidden states are normalised before the first layer, as CLIP does.
    package let hasPreNorm: Bool
    /// Whether the last normalisation comes after pooling.
    package let normalisesPooled: Bool

    package init(
        transformer: CLIPTransformer.Configuration,
        imageSize: Int,
        patchSize: Int,
        embeddingDimension: Int,
        pooling: Pooling = .token,
        hasPreNorm: Bool = true,
        normalisesPooled: Bool = false
    ) {
        self.transformer = transformer
        self.imageSize = imageSize
        self.patchSize = patchSize
        self.embeddingDimension = embeddingDimension
        self.pooling = pooling
        self.hasPreNorm = hasPreNorm
        self.normalisesPooled = normalisesPooled
    }

    /// Patches along a side.
    package var grid: Int { imageSize / patchSize }
}

/// A transformer over the patches of a picture: pixels to an image embedding.
///
/// Names are OpenCLIP's and OpenAI's: `conv1`, `class_embedding`, `positional_embedding`, `ln_pre`, `transformer`,
/// `ln_post`, `proj`.
///
/// Source: Dosovitskiy et al. 2021, https://arxiv.org/abs/2010.11929; Radford et al. 2021, section 2.4;
/// `open_clip/transformer.py`, `VisionTransformer`.
package struct VisionTransformer {
    package let configuration: VisionTransformerConfiguration
    private let patches: Conv2d
    private let classToken: Parameter
    private let positions: Parameter
    private let preNorm: LayerNorm?
    package let transformer: CLIPTransformer
    private let postNorm: LayerNorm
    private let projection: Linear

    package init(_ scope: ParameterScope, _ configuration: VisionTransformerConfiguration) throws {
        self.configuration = configuration
        let (width, epsilon) = (configuration.transformer.width, configuration.transformer.layerNormEpsilon)
        let deviation = 1 / Double(width).squareRoot()
        let tokens = configuration.grid * configuration.grid + 1
        patches = try Conv2d(
            scope["conv1"],
            from: 3,
            to: width,
            kernel: configuration.patchSize,
            stride: configuration.patchSize,
            bias: false
        )
        classToken = try scope.exactParameter("class_embedding", [width], initial: .normal(deviation: deviation))
        positions = try scope.exactParameter(
            "positional_embedding",
            [tokens, width],
            initial: .normal(deviation: deviation)
        )
        preNorm = configuration.hasPreNorm ? try LayerNorm(scope["ln_pre"], width: width, epsilon: epsilon) : nil
        transformer = try CLIPTransformer(scope["transformer"], configuration.transformer, start: .standard)
        postNorm = try LayerNorm(scope["ln_post"], width: width, epsilon: epsilon)
        projection = try Linear(
            transposed: scope,
            "proj",
            from: width,
            to: configuration.embeddingDimension,
            initial: .normal(deviation: deviation)
        )
    }

    /// Image embeddings.
    ///
    /// - Parameter pixels: `[batch, 3, imageSize, imageSize]`, normalised.
    /// - Returns: `[batch, embeddingDimension]`, not normalised.
    package func callAsFunction(_ pixels: Tensor) -> Tensor {
        let pooled = pooled(transformer(embedded(pixels), causal: false))
        return projection(pooled)
    }

    /// What the first layer sees: `[batch, 1 + patches, width]`, the class token first.
    package func embedded(_ pixels: Tensor) -> Tensor {
        // [batch, width, grid, grid], channels last → [batch, patches, width]
        let map = patches(pixels)
        let tokens = map.permute(0, 2, 3, 1).reshape(map.size(0), -1, map.size(1))
        let first = classToken().cast(to: tokens.dtype).expand(map.size(0), 1, map.size(1))
        let x = Tensor.cat([first, tokens], dim: 1) + positions().cast(to: tokens.dtype)
        return preNorm.map { $0(x) } ?? x
    }

    private func pooled(_ x: Tensor) -> Tensor {
        func one(_ x: Tensor) -> Tensor {
            switch configuration.pooling {
            case .token: x.select(dim: 1, index: 0)
            case .average: x.narrow(dim: 1, start: 1, length: x.size(1) - 1).mean(dims: [1])
            }
        }
        if configuration.normalisesPooled { return postNorm(one(x)) }
        // The normalisation of one token needs no others.
        return configuration.pooling == .token ? postNorm(one(x)) : one(postNorm(x))
    }
}
