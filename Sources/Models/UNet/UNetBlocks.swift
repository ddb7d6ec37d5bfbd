import LienzoNN
import LienzoTorch

/// A residual block and the attention that follows it in a block with attention.
struct UNetLayer {
    private let resnet: ResnetBlock2D
    private let attention: UNetAttention?

    init(_ resnet: ResnetBlock2D, _ attention: UNetAttention?) {
        self.resnet = resnet
        self.attention = attention
    }

    /// The condition as this layer's attention sees it, each of its blocks; nothing without attention.
    func keyValues(of condition: Tensor) -> [KeyValue] { attention?.keyValues(of: condition) ?? [] }

    func callAsFunction(_ x: Tensor, time: Tensor, condition: [KeyValue]) -> Tensor {
        let x = resnet(x, time: time)
        return attention?(x, condition: condition) ?? x
    }
}

/// The attention that follows a residual block.
enum UNetAttention {
    case simple(AddedKeyValueAttention)
    case transformer(Transformer2DModel)

    /// The attention of a layer of so many channels, or none where its block has none.
    init?(_ scope: ParameterScope, _ channels: Int, _ shape: UNetBlockAttention?, _ settings: UNetBlockSettings) throws
    {
        guard let shape else { return nil }
        switch shape.kind {
        case .simple:
            self = .simple(
                try AddedKeyValueAttention(
                    scope,
                    channels: channels,
                    headWidth: shape.heads,
                    onlyCrossAttention: shape.onlyCrossAttention,
                    settings
                )
            )
        case .transformer:
            self = .transformer(try Transformer2DModel(scope, channels: channels, shape, settings))
        }
    }

    /// The part of keys and values that does not change from step to step, for each attention over the condition.
    func keyValues(of condition: Tensor) -> [KeyValue] {
        switch self {
        case .simple(let attention): [attention.keyValue(of: condition)]
        case .transformer(let transformer): transformer.keyValues(of: condition)
        }
    }

    /// `[batch, channels, height, width]`, channels-last, and what ``keyValues(of:)`` gave → the map's shape.
    func callAsFunction(_ x: Tensor, condition: [KeyValue]) -> Tensor {
        switch self {
        case .simple(let attention): condition.first.map { attention(x, condition: $0) } ?? x
        case .transformer(let transformer): transformer(x, condition: condition)
        }
    }
}

/// The shape of the attention of a block.
struct UNetBlockAttention {
    var kind: UNet2DConditionConfiguration.Attention
    /// Heads of a transformer; channels of one head of simple attention.
    var heads: Int
    /// Blocks of a transformer.
    var layers: Int
    /// Whether the map's pixels see the condition only, not each other.
    var onlyCrossAttention: Bool
    /// Whether the projections around a transformer's blocks are linear layers.
    var usesLinearProjection: Bool
}

/// What halves the map at the end of a block on the way down.
enum UNetDownsampler {
    case resnet(ResnetBlock2D)
    case convolution(Conv2d)

    init(_ scope: ParameterScope, _ channels: Int, byResnet: Bool, _ settings: UNetBlockSettings) throws {
        self =
            byResnet
            ? .resnet(try ResnetBlock2D(scope, from: channels, to: channels, settings, resampling: .down))
            : .convolution(
                try Conv2d(scope["conv"], from: channels, to: channels, kernel: 3, stride: 2, padding: 1)
            )
    }

    func callAsFunction(_ x: Tensor, time: Tensor) -> Tensor {
        switch self {
        case .resnet(let resnet): resnet(x, time: time)
        case .convolution(let convolution): convolution(x)
        }
    }
}

/// What doubles the map at the end of a block on the way up.
enum UNetUpsampler {
    case resnet(ResnetBlock2D)
    case convolution(DoublingConv2d)

    init(_ scope: ParameterScope, _ channels: Int, byResnet: Bool, _ settings: UNetBlockSettings) throws {
        self =
            byResnet
            ? .resnet(try ResnetBlock2D(scope, from: channels, to: channels, settings, resampling: .up))
            : .convolution(try DoublingConv2d(scope["conv"], from: channels, to: channels))
    }

    /// The map as large as `skip`, which it meets next: a map of an odd side was halved upwards.
    func callAsFunction(_ x: Tensor, to skip: Tensor, time: Tensor) -> Tensor {
        switch self {
        case .resnet(let resnet): resnet(x, time: time)
        case .convolution(let convolution): convolution(x, size: (skip.size(2), skip.size(3)))
        }
    }
}

/// A block on the way down; its last layer halves the map, unless it is the last block.
///
/// Source: `diffusers/models/unets/unet_2d_blocks.py`, `ResnetDownsampleBlock2D`, `SimpleCrossAttnDownBlock2D`,
/// `DownBlock2D`, `CrossAttnDownBlock2D`.
struct UNetDownBlock {
    private let layers: [UNetLayer]
    private let downsampler: UNetDownsampler?

    init(
        _ scope: ParameterScope,
        from input: Int,
        to output: Int,
        layers count: Int,
        attention: UNetBlockAttention?,
        downsamples: Bool,
        byResnet: Bool,
        _ settings: UNetBlockSettings
    ) throws {
        var layers: [UNetLayer] = []
        for index in 0..<count {
            let resnet = try ResnetBlock2D(
                scope["resnets"][index],
                from: index == 0 ? input : output,
                to: output,
                settings
            )
            layers.append(UNetLayer(resnet, try UNetAttention(scope["attentions"][index], output, attention, settings)))
        }
        self.layers = layers
        downsampler =
            downsamples
            ? try UNetDownsampler(scope["downsamplers"][0], output, byResnet: byResnet, settings) : nil
    }

    func keyValues(of condition: Tensor) -> [[KeyValue]] { layers.map { $0.keyValues(of: condition) } }

    /// - Returns: what each layer gives, for the way up; the last goes on down.
    func callAsFunction(_ x: Tensor, time: Tensor, condition: [[KeyValue]]) -> [Tensor] {
        var x = x
        var outputs: [Tensor] = []
        for (layer, condition) in zip(layers, condition) {
            x = layer(x, time: time, condition: condition)
            outputs.append(x)
        }
        if let downsampler { outputs.append(downsampler(x, time: time)) }
        return outputs
    }
}

/// The block at the smallest map: residual block, attention, residual block.
///
/// Source: `diffusers/models/unets/unet_2d_blocks.py`, `UNetMidBlock2DSimpleCrossAttn`, `UNetMidBlock2DCrossAttn`.
struct UNetMidBlock {
    private let first: UNetLayer
    private let last: ResnetBlock2D

    init(
        _ scope: ParameterScope,
        channels: Int,
        attention: UNetBlockAttention,
        _ settings: UNetBlockSettings
    ) throws {
        first = UNetLayer(
            try ResnetBlock2D(scope["resnets"][0], from: channels, to: channels, settings),
            try UNetAttention(scope["attentions"][0], channels, attention, settings)
        )
        last = try ResnetBlock2D(scope["resnets"][1], from: channels, to: channels, settings)
    }

    func keyValues(of condition: Tensor) -> [KeyValue] { first.keyValues(of: condition) }

    func callAsFunction(_ x: Tensor, time: Tensor, condition: [KeyValue]) -> Tensor {
        last(first(x, time: time, condition: condition), time: time)
    }
}

/// A block on the way up: each layer also reads what a layer on the way down gave; the last doubles the map, unless
/// it is the last block.
///
/// Source: `diffusers/models/unets/unet_2d_blocks.py`, `ResnetUpsampleBlock2D`, `SimpleCrossAttnUpBlock2D`, `UpBlock2D`,
/// `CrossAttnUpBlock2D`.
struct UNetUpBlock {
    private let layers: [UNetLayer]
    private let upsampler: UNetUpsampler?

    /// A block whose last layer reads a map of `lastSkip` channels from the way down, and the others of `output`.
    init(
        _ scope: ParameterScope,
        from input: Int,
        to output: Int,
        lastSkip: Int,
        layers count: Int,
        attention: UNetBlockAttention?,
        upsamples: Bool,
        byResnet: Bool,
        _ settings: UNetBlockSettings
    ) throws {
        var layers: [UNetLayer] = []
        for index in 0..<count {
            let channels = (index == 0 ? input : output) + (index == count - 1 ? lastSkip : output)
            let resnet = try ResnetBlock2D(scope["resnets"][index], from: channels, to: output, settings)
            layers.append(UNetLayer(resnet, try UNetAttention(scope["attentions"][index], output, attention, settings)))
        }
        self.layers = layers
        upsampler =
            upsamples ? try UNetUpsampler(scope["upsamplers"][0], output, byResnet: byResnet, settings) : nil
    }

    func keyValues(of condition: Tensor) -> [[KeyValue]] { layers.map { $0.keyValues(of: condition) } }

    /// `skips` is what the way down gave, oldest first; each layer takes the last one away.
    func callAsFunction(_ x: Tensor, skips: inout [Tensor], time: Tensor, condition: [[KeyValue]]) -> Tensor {
        var x = x
        for (layer, condition) in zip(layers, condition) {
            guard let skip = skips.popLast() else { return x }
            x = layer(.cat([x, skip], dim: 1), time: time, condition: condition)
        }
        guard let upsampler, let next = skips.last else { return x }
        return upsampler(x, to: next, time: time)
    }
}
