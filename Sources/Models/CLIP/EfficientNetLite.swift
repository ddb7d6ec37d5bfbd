package import LienzoNN
package import LienzoTorch

/// A convolutional image tower without squeeze-and-excitation: pixels to pooled features.
///
/// Names and order are timm's (`tf_efficientnet_lite0`); maps that do not divide are padded as TensorFlow does.
/// Batch normalisation uses the stored statistics, in training too: they are folded into the convolutions, once for
/// inference and at every step for training, where the gradient flows on to weight, scale and shift.
///
/// Source: Tan and Le, EfficientNet, 2019, https://arxiv.org/abs/1905.11946, and TensorFlow's EfficientNet-Lite;
/// `timm/models/efficientnet.py`, `timm/models/_efficientnet_blocks.py`.
package struct EfficientNetLite {
    package let configuration: EfficientNetLiteConfiguration
    package let stem: NormalizedConv2d
    package let stages: [[EfficientNetBlock]]
    package let head: NormalizedConv2d

    package init(_ scope: ParameterScope, _ configuration: EfficientNetLiteConfiguration) throws {
        self.configuration = configuration
        stem = try NormalizedConv2d(
            scope["conv_stem"],
            norm: scope["bn1"],
            from: 3,
            to: configuration.stemChannels,
            kernel: 3,
            stride: 2,
            activation: .relu6
        )
        let blocks = configuration.stages
        var stages: [[EfficientNetBlock]] = []
        for (s, stage) in blocks.enumerated() {
            var built: [EfficientNetBlock] = []
            for (b, block) in stage.enumerated() {
                built.append(try EfficientNetBlock(scope["blocks"][s][b], block))
            }
            stages.append(built)
        }
        self.stages = stages
        head = try NormalizedConv2d(
            scope["conv_head"],
            norm: scope["bn2"],
            from: blocks.last?.last?.outChannels ?? 0,
            to: configuration.featureChannels,
            kernel: 1,
            activation: .relu6
        )
    }

    /// Pooled features.
    ///
    /// - Parameter pixels: `[batch, 3, height, width]`, normalised.
    /// - Returns: `[batch, featureChannels]`, not negative.
    package func callAsFunction(_ pixels: Tensor) -> Tensor {
        let map = stages.joined().reduce(stem(pixels)) { x, block in block(x) }
        return head(map).mean(dims: [2, 3])
    }
}

/// Expansion, depthwise convolution and projection, with a shortcut where the shape allows one.
///
/// Source: Sandler et al., MobileNetV2, 2018, https://arxiv.org/abs/1801.04381, figure 4;
/// `timm/models/_efficientnet_blocks.py`, `InvertedResidual`, `DepthwiseSeparableConv`.
package struct EfficientNetBlock {
    private let expansion: NormalizedConv2d?
    private let depthwise: NormalizedConv2d
    private let projection: NormalizedConv2d
    private let hasSkip: Bool

    init(_ scope: ParameterScope, _ block: EfficientNetLiteConfiguration.Block) throws {
        let middle = block.middleChannels
        let expands = block.expansion > 1
        hasSkip = block.hasSkip
        expansion =
            expands
            ? try NormalizedConv2d(
                scope["conv_pw"],
                norm: scope["bn1"],
                from: block.inChannels,
                to: middle,
                kernel: 1,
                activation: .relu6
            ) : nil
        depthwise = try NormalizedConv2d(
            scope["conv_dw"],
            norm: scope[expands ? "bn2" : "bn1"],
            from: middle,
            to: middle,
            kernel: block.kernel,
            stride: block.stride,
            groups: middle,
            activation: .relu6
        )
        projection = try NormalizedConv2d(
            scope[expands ? "conv_pwl" : "conv_pw"],
            norm: scope[expands ? "bn3" : "bn2"],
            from: middle,
            to: block.outChannels,
            kernel: 1,
            activation: .none
        )
    }

    /// `[batch, inChannels, height, width]` → `[batch, outChannels, ⌈height / stride⌉, ⌈width / stride⌉]`.
    package func callAsFunction(_ x: Tensor) -> Tensor {
        projection(depthwise(expansion?(x) ?? x), adding: hasSkip ? x : nil)
    }
}
