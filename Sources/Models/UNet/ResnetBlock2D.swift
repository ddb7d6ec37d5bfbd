import LienzoNN
import LienzoTorch

/// Two convolutions with the time between them and a shortcut around them; may halve or double the map on its way.
///
/// Autoencoders have it without a time.
///
/// Source: `diffusers/models/resnet.py`, `ResnetBlock2D`.
struct ResnetBlock2D {
    /// What happens to width and height.
    enum Resampling {
        case none, up, down

        func callAsFunction(_ x: Tensor) -> Tensor {
            switch self {
            case .none: x
            case .up: x.upsampledNearest()
            case .down: x.averagePool2d(kernel: 2)
            }
        }
    }

    private let norm1: GroupNorm
    /// The first convolution, of the resampled map.
    private let conv1: (Tensor) -> Tensor
    private let timeProjection: Linear?
    private let norm2: GroupNorm
    private let conv2: Conv2d
    private let shortcut: Conv2d?
    private let settings: UNetBlockSettings
    private let resampling: Resampling

    init(
        _ scope: ParameterScope,
        from input: Int,
        to output: Int,
        _ settings: UNetBlockSettings,
        resampling: Resampling = .none
    ) throws {
        self.settings = settings
        self.resampling = resampling
        let timeChannels = settings.timeScaleShift == .scaleShift ? 2 * output : output
        norm1 = try GroupNorm(scope["norm1"], groups: settings.groups, channels: input, epsilon: settings.epsilon)
        if resampling == .up {
            let conv = try DoublingConv2d(scope["conv1"], from: input, to: output)
            conv1 = { conv($0) }
        } else {
            let conv = try Conv2d(scope["conv1"], from: input, to: output, kernel: 3, padding: 1)
            conv1 = { conv(resampling($0)) }
        }
        timeProjection = try settings.timeWidth.map {
            try Linear(scope["time_emb_proj"], from: $0, to: timeChannels)
        }
        norm2 = try GroupNorm(scope["norm2"], groups: settings.groups, channels: output, epsilon: settings.epsilon)
        conv2 = try Conv2d(scope["conv2"], from: output, to: output, kernel: 3, padding: 1)
        shortcut = input == output ? nil : try Conv2d(scope["conv_shortcut"], from: input, to: output, kernel: 1)
    }

    /// - Parameters:
    ///   - x: `[batch, input, height, width]`.
    ///   - time: `[batch, timeWidth]`, activated; where the block has none, `nil`.
    /// - Returns: `[batch, output, height′, width′]`.
    func callAsFunction(_ x: Tensor, time: Tensor? = nil) -> Tensor {
        let residual = resampling(x)
        var h = conv1(norm1(x, silu: true))
        // [batch, channels] → [batch, channels, 1, 1]
        let time = time.flatMap { timeProjection?($0).unsqueeze(-1).unsqueeze(-1) }
        switch (settings.timeScaleShift, time) {
        case (_, nil):
            h = norm2(h, silu: true)
        case (.shift, let time?):
            h = norm2(h + time, silu: true)
        case (.scaleShift, let time?):
            let scaleAndShift = time.chunk(2, dim: 1)
            h = (norm2(h) * (scaleAndShift[0] + 1) + scaleAndShift[1]).silu()
        }
        h = conv2(h, adding: shortcut?(residual) ?? residual)
        return settings.outputScale == 1 ? h : h / settings.outputScale
    }
}

/// What all blocks of one half of a U-Net or of an autoencoder share.
struct UNetBlockSettings {
    /// Width of the time embedding; `nil` where there is no time.
    var timeWidth: Int?
    /// Width of the condition's tokens.
    var conditionWidth: Int
    /// Groups of the group normalisations.
    var groups: Int
    /// Epsilon of the residual blocks' normalisations.
    var epsilon: Double
    /// How the time acts.
    var timeScaleShift: UNet2DConditionConfiguration.TimeScaleShift
    /// What residual sums are divided by.
    var outputScale: Double
}
