package import LienzoNN
package import LienzoTorch

/// The shape of a ``ModifiedResNet``.
package struct ModifiedResNetConfiguration: Sendable, Equatable {
    /// Blocks in each of the four stages.
    package let layers: [Int]
    /// Channels after the stem; the last stage has 32 times as many.
    package let width: Int
    /// Heads of the pooling attention.
    package let heads: Int
    /// The side of a picture in pixels.
    package let imageSize: Int
    /// The width of the shared space.
    package let embeddingDimension: Int

    package init(layers: [Int], width: Int, heads: Int, imageSize: Int, embeddingDimension: Int) {
        self.layers = layers
        self.width = width
        self.heads = heads
        self.imageSize = imageSize
        self.embeddingDimension = embeddingDimension
    }

    /// Channels of the last map.
    package var featureChannels: Int { 32 * width }
}

/// CLIP's ResNet: three convolutions and a pooling as stem, blurred strides, and attention instead of the last mean.
///
/// Batch normalisation is as ``NormalizedConv2d`` says. A new network starts as torch starts its convolutions, but that the
/// last scale of each block is zero: a block begins as its shortcut.
///
/// Source: He et al. 2016; Radford et al. 2021, section 2.4; `open_clip/modified_resnet.py`, `ModifiedResNet`.
package struct ModifiedResNet {
    package let configuration: ModifiedResNetConfiguration
    private let stem: [NormalizedConv2d]
    private let stages: [[ResNetBlock]]
    private let pooling: AttentionPooling
    private let store: ParameterStore

    package init(_ scope: ParameterScope, _ configuration: ModifiedResNetConfiguration) throws {
        self.configuration = configuration
        store = scope.store
        let width = configuration.width
        func convolution(_ index: Int, from input: Int, to output: Int, stride: Int = 1) throws -> NormalizedConv2d {
            try NormalizedConv2d(
                scope["conv\(index)"],
                norm: scope["bn\(index)"],
                from: input,
                to: output,
                kernel: 3,
                stride: stride,
                padding: .symmetric,
                epsilon: 1e-5,
                activation: .relu,
                start: .init(weight: .uniform(fanIn: 9 * input))
            )
        }
        stem = [
            try convolution(1, from: 3, to: width / 2, stride: 2), try convolution(2, from: width / 2, to: width / 2),
            try convolution(3, from: width / 2, to: width),
        ]
        var stages: [[ResNetBlock]] = []
        var channels = width
        for (index, count) in configuration.layers.enumerated() {
            let planes = width << index
            var blocks: [ResNetBlock] = []
            for block in 0..<count {
                blocks.append(
                    try ResNetBlock(
                        scope["layer\(index + 1)"][block],
                        from: channels,
                        planes: planes,
                        stride: index > 0 && block == 0 ? 2 : 1,
                        striding: .mean
                    )
                )
                channels = planes * ResNetBlock.expansion
            }
            stages.append(blocks)
        }
        self.stages = stages
        pooling = try AttentionPooling(
            scope["attnpool"],
            tokens: (configuration.imageSize / 32) * (configuration.imageSize / 32) + 1,
            width: configuration.featureChannels,
            heads: configuration.heads,
            to: configuration.embeddingDimension
        )
    }

    /// Image embeddings.
    ///
    /// - Parameter pixels: `[batch, 3, imageSize, imageSize]`, normalised.
    /// - Returns: `[batch, embeddingDimension]`, not normalised.
    package func callAsFunction(_ pixels: Tensor) -> Tensor {
        let start = stem.reduce(pixels) { x, convolution in convolution(x) }.averagePool2d(kernel: 2)
        return pooling(stages.joined().reduce(start) { x, block in run(block, x) })
    }

    private func run(_ block: ResNetBlock, _ x: Tensor) -> Tensor {
        guard store.recomputesBlocks else { return block(x) }
        return x.recomputed { [store] x, again in
            // The running statistics have moved already.
            let statistics = store.batchStatistics
            if again { store.batchStatistics = statistics.withoutTrace }
            defer { store.batchStatistics = statistics }
            return block(x)
        }
    }
}

/// One attention whose query is the mean of the map, and whose keys and values are the mean and every place.
///
/// Source: `open_clip/modified_resnet.py`, `AttentionPool2d`.
package struct AttentionPooling {
    private let positions: Parameter
    private let query: Linear
    private let key: Linear
    private let value: Linear
    private let output: Linear
    private let heads: Int

    init(_ scope: ParameterScope, tokens: Int, width: Int, heads: Int, to dimension: Int) throws {
        self.heads = heads
        positions = try scope.exactParameter(
            "positional_embedding",
            [tokens, width],
            initial: .normal(deviation: 1 / Double(width).squareRoot())
        )
        func map(_ name: String, to output: Int) throws -> Linear {
            try Linear(
                scope[name],
                from: width,
                to: output,
                initial: .normal(deviation: 1 / Double(width).squareRoot()),
                initialBias: .uniform(fanIn: width)
            )
        }
        query = try map("q_proj", to: width)
        key = try map("k_proj", to: width)
        value = try map("v_proj", to: width)
        output = try map("c_proj", to: dimension)
    }

    /// `[batch, width, height, width]` → `[batch, dimension]`.
    package func callAsFunction(_ map: Tensor) -> Tensor {
        // [batch, places, width]
        let places = map.permute(0, 2, 3, 1).reshape(map.size(0), -1, map.size(1))
        let mean = places.to(.float32).mean(dims: [1], keepDim: true).cast(to: places.dtype)
        let tokens = Tensor.cat([mean, places], dim: 1) + positions().cast(to: places.dtype)
        let pooled = attention(
            query: query(tokens.narrow(dim: 1, start: 0, length: 1)).splitHeads(heads),
            key: key(tokens).splitHeads(heads),
            value: value(tokens).splitHeads(heads)
        )
        return output(pooled.mergeHeads().select(dim: 1, index: 0))
    }
}
