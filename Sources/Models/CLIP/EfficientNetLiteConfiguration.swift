/// The shape of an EfficientNet-Lite image tower.
///
/// Lite0 to Lite4 differ only in two multipliers: one scales the channels of every stage, the other its number of
/// blocks. Stem, head, first and last stage keep their size, which is what "Lite" fixes beside dropping
/// squeeze-and-excitation and taking ReLU6.
///
/// Source: Tan and Le, EfficientNet, 2019, https://arxiv.org/abs/1905.11946, section 3.3 and table 1;
/// `timm/models/efficientnet.py`, `_gen_efficientnet_lite`.
package struct EfficientNetLiteConfiguration: Sendable, Equatable {
    /// One block: depthwise separable where `expansion` is 1, inverted residual otherwise.
    package struct Block: Sendable, Equatable {
        package let kernel: Int
        package let stride: Int
        package let expansion: Int
        package let inChannels: Int
        package let outChannels: Int

        /// Channels of the depthwise convolution.
        package var middleChannels: Int {
            expansion == 1 ? inChannels : EfficientNetLiteConfiguration.rounded(Double(inChannels * expansion))
        }
        /// Whether the block's input is added to its output.
        package var hasSkip: Bool { stride == 1 && inChannels == outChannels }
    }

    /// By how much the channels of each stage are scaled.
    package let widthMultiplier: Double
    /// By how much the number of blocks of each stage is scaled.
    package let depthMultiplier: Double
    /// Channels after the stem.
    package let stemChannels: Int
    /// Channels of the pooled features.
    package let featureChannels: Int

    /// A tower by its two multipliers.
    ///
    /// - Parameters:
    ///   - widthMultiplier: Scales channels; they are then rounded to a multiple of 8.
    ///   - depthMultiplier: Scales the number of blocks of a stage, rounded up.
    ///   - stemChannels: Channels after the stem.
    ///   - featureChannels: Channels of the pooled features.
    package init(
        widthMultiplier: Double,
        depthMultiplier: Double,
        stemChannels: Int = 32,
        featureChannels: Int = 1280
    ) {
        precondition(widthMultiplier > 0 && depthMultiplier > 0 && stemChannels > 0 && featureChannels > 0)
        self.widthMultiplier = widthMultiplier
        self.depthMultiplier = depthMultiplier
        self.stemChannels = stemChannels
        self.featureChannels = featureChannels
    }

    /// The tower that timm calls `tf_efficientnet_lite0` … `tf_efficientnet_lite4`, or nil for another name.
    ///
    /// - Parameter name: The model's name, with or without the tag of its weights (`.in1k`).
    package init?(timm name: String) {
        switch name.prefix(while: { $0 != "." }) {
        case "tf_efficientnet_lite0": self.init(widthMultiplier: 1.0, depthMultiplier: 1.0)
        case "tf_efficientnet_lite1": self.init(widthMultiplier: 1.0, depthMultiplier: 1.1)
        case "tf_efficientnet_lite2": self.init(widthMultiplier: 1.1, depthMultiplier: 1.2)
        case "tf_efficientnet_lite3": self.init(widthMultiplier: 1.2, depthMultiplier: 1.4)
        case "tf_efficientnet_lite4": self.init(widthMultiplier: 1.4, depthMultiplier: 1.8)
        default: return nil
        }
    }

    /// The blocks of each of the seven stages.
    package var stages: [[Block]] {
        let base = [
            (repeats: 1, kernel: 3, stride: 1, expansion: 1, channels: 16),
            (repeats: 2, kernel: 3, stride: 2, expansion: 6, channels: 24),
            (repeats: 2, kernel: 5, stride: 2, expansion: 6, channels: 40),
            (repeats: 3, kernel: 3, stride: 2, expansion: 6, channels: 80),
            (repeats: 3, kernel: 5, stride: 1, expansion: 6, channels: 112),
            (repeats: 4, kernel: 5, stride: 2, expansion: 6, channels: 192),
            (repeats: 1, kernel: 3, stride: 1, expansion: 6, channels: 320),
        ]
        var inChannels = stemChannels
        return base.enumerated().map { index, stage in
            let isFixed = index == 0 || index == base.count - 1
            let repeats = isFixed ? stage.repeats : Int((Double(stage.repeats) * depthMultiplier).rounded(.up))
            let outChannels = Self.rounded(Double(stage.channels) * widthMultiplier)
            return (0..<repeats).map { repetition in
                defer { inChannels = outChannels }
                return Block(
                    kernel: stage.kernel,
                    stride: repetition == 0 ? stage.stride : 1,
                    expansion: stage.expansion,
                    inChannels: inChannels,
                    outChannels: outChannels
                )
            }
        }
    }

    /// The nearest multiple of 8, at least 8, that is not more than a tenth below `channels`.
    private static func rounded(_ channels: Double) -> Int {
        let nearest = max(8, Int(channels + 4) / 8 * 8)
        return Double(nearest) < 0.9 * channels ? nearest + 8 : nearest
    }
}
