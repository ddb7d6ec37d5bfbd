import LienzoNN
import LienzoTorch

/// A residual block and the attention that follows it in a block with attention.
///
/// The Stable Diffusion blocks differ from these in the kind of attention here and of the resampling layer below.
struct UNetLayer {
    private let resnet: ResnetBlock2D
    private let attention: AddedKeyValueAttention?

    init(_ resnet: ResnetBlock2D, _ attention: AddedKeyValueAttention?) {
        self.resnet = resnet
        self.attention = attention
    }

    /// The condition as this layer's attention sees it, or nil without one.
    func keyValue(of condition: Tensor) -> KeyValue? { attention?.keyValue(of: condition) }

    func callAsFunction(_ x: Tensor, time: Tensor, condition: KeyValue?) -> Tensor {
        let x = resnet(x, time: time)
        guard let attention, let condition else { return x }
        return attention(x, condition: condition)
    }
}

/// The attention of a block: how wide a head is and whether it sees the condition only.
struct UNetBlockAttention {
    var headWidth: Int
    var onlyCrossAttention: Bool
}

/// A block on the way down; its last layer halves the map, unless it is the last block.
///
/// Source: `diffusers/models/unets/unet_2d_blocks.py`, `ResnetDownsampleBlock2D`, `SimpleCrossAttnDownBlock2D`.
struct UNetDownBlock {
    private let layers: [UNetLayer]
    private let downsampler: ResnetBlock2D?

    init(
        _ scope: ParameterScope,
        from input: Int,
        to output: Int,
        layers count: Int,
        attention: UNetBlockAttention?,
        downsamples: Bool,
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
            layers.append(try UNetLayer(resnet, .init(scope["attentions"][index], output, attention, settings)))
        }
        self.layers = layers
        downsampler =
            downsamples
            ? try ResnetBlock2D(scope["downsamplers"][0], from: output, to: output, settings, resampling: .down) : nil
    }

    func keyValues(of condition: Tensor) -> [KeyValue?] { layers.map { $0.keyValue(of: condition) } }

    /// - Returns: what each layer gives, for the way up; the last goes on down.
    func callAsFunction(_ x: Tensor, time: Tensor, condition: [KeyValue?]) -> [Tensor] {
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
/// Source: `diffusers/models/unets/unet_2d_blocks.py`, `UNetMidBlock2DSimpleCrossAttn`.
struct UNetMidBlock {
    private let first: UNetLayer
    private let last: ResnetBlock2D

    init(
        _ scope: ParameterScope,
        channels: Int,
        attention: UNetBlockAttention,
        _ settings: UNetBlockSettings
    ) throws {
        first = try UNetLayer(
            ResnetBlock2D(scope["resnets"][0], from: channels, to: channels, settings),
            .init(scope["attentions"][0], channels, attention, settings)
        )
        last = try ResnetBlock2D(scope["resnets"][1], from: channels, to: channels, settings)
    }

    func keyValue(of condition: Tensor) -> KeyValue? { first.keyValue(of: condition) }

    func callAsFunction(_ x: Tensor, time: Tensor, condition: KeyValue?) -> Tensor {
        last(first(x, time: time, condition: condition), time: time)
    }
}

/// A block on the way up: each layer also reads what a layer on the way down gave; the last doubles the map, unless
/// it is the last block.
///
/// Source: `diffusers/models/unets/unet_2d_blocks.py`, `ResnetUpsampleBlock2D`, `SimpleCrossAttnUpBlock2D`.
struct UNetUpBlock {
    private let layers: [UNetLayer]
    private let upsampler: ResnetBlock2D?

    /// A block whose last layer reads a map of `lastSkip` channels from the way down, and the others of `output`.
    init(
        _ scope: ParameterScope,
        from input: Int,
        to output: Int,
        lastSkip: Int,
        layers count: Int,
        attention: UNetBlockAttention?,
        upsamples: Bool,
        _ settings: UNetBlockSettings
    ) throws {
        var layers: [UNetLayer] = []
        for index in 0..<count {
            let channels = (index == 0 ? input : output) + (index == count - 1 ? lastSkip : output)
            let resnet = try ResnetBlock2D(scope["resnets"][index], from: channels, to: output, settings)
            layers.append(try UNetLayer(resnet, .init(scope["attentions"][index], output, attention, settings)))
        }
        self.layers = layers
        upsampler =
            upsamples
            ? try ResnetBlock2D(scope["upsamplers"][0], from: output, to: output, settings, resampling: .up) : nil
    }

    func keyValues(of condition: Tensor) -> [KeyValue?] { layers.map { $0.keyValue(of: condition) } }

    /// `skips` is what the way down gave, oldest first; each layer takes the last one away.
    func callAsFunction(_ x: Tensor, skips: inout [Tensor], time: Tensor, condition: [KeyValue?]) -> Tensor {
        var x = x
        for (layer, condition) in zip(layers, condition) {
            guard let skip = skips.popLast() else { return x }
            x = layer(.cat([x, skip], dim: 1), time: time, condition: condition)
        }
        return upsampler?(x, time: time) ?? x
    }
}

extension AddedKeyValueAttention? {
    /// The attention of a layer, or none where its block has none.
    fileprivate init(
        _ scope: ParameterScope,
        _ channels: Int,
        _ attention: UNetBlockAttention?,
        _ settings: UNetBlockSettings
    ) throws {
        guard let attention else {
            self = nil
            return
        }
        self = try AddedKeyValueAttention(
            scope,
            channels: channels,
            headWidth: attention.headWidth,
            onlyCrossAttention: attention.onlyCrossAttention,
            settings
        )
    }
}
