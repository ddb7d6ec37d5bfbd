import LienzoNN
import LienzoTorch

/// How one half of a ``VQModel`` normalises.
struct VQNorms {
    /// Groups of the normalisations that are not spatial.
    var groups: Int
    /// Channels of the latents that normalisations look at; nil for plain ones.
    var latentChannels: Int?

    static let epsilon = 1e-6
}

/// A group normalisation; a spatial one is then scaled and shifted at each place by what the latents are there.
///
/// Source: `diffusers/models/attention_processor.py`, `SpatialNorm`.
struct VQNorm {
    private let norm: GroupNorm
    private let modulation: (scale: Conv2d, shift: Conv2d)?

    init(_ scope: ParameterScope, channels: Int, _ norms: VQNorms) throws {
        guard let latentChannels = norms.latentChannels else {
            norm = try GroupNorm(scope, groups: norms.groups, channels: channels, epsilon: VQNorms.epsilon)
            modulation = nil
            return
        }
        norm = try GroupNorm(
            scope["norm_layer"],
            groups: VQModelConfiguration.spatialGroups,
            channels: channels,
            epsilon: VQNorms.epsilon
        )
        modulation = (
            scale: try Conv2d(scope["conv_y"], from: latentChannels, to: channels, kernel: 1),
            shift: try Conv2d(scope["conv_b"], from: latentChannels, to: channels, kernel: 1)
        )
    }

    /// - Parameters:
    ///   - x: `[batch, channels, height, width]`.
    ///   - latents: `[batch, latentChannels, height / n, width / n]`; not looked at by a plain normalisation.
    /// - Returns: the shape of `x`.
    func callAsFunction(_ x: Tensor, latents: Tensor?) -> Tensor {
        guard let modulation, let latents else { return norm(x) }
        // A convolution of single pixels commutes with their repetition, and is cheaper before it.
        let factor = x.size(2) / latents.size(2)
        func enlarged(_ map: Tensor) -> Tensor { factor == 1 ? map : map.upsampledNearest(factor: factor) }
        return norm(x) * enlarged(modulation.scale(latents)) + enlarged(modulation.shift(latents))
    }

    /// The SiLU of it, in one pass.
    func silu(_ x: Tensor, latents: Tensor?) -> Tensor {
        guard let modulation, let latents else { return norm(x, silu: true) }
        return norm.silu(x, factor: modulation.scale(latents), offset: modulation.shift(latents))
    }
}

/// Two convolutions with a shortcut around them.
///
/// Source: `diffusers/models/resnet.py`, `ResnetBlock2D` without a time, `ResnetBlockCondNorm2D`.
struct VQResidualBlock {
    private let norm1: VQNorm
    private let conv1: Conv2d
    private let norm2: VQNorm
    private let conv2: Conv2d
    private let shortcut: Conv2d?

    init(_ scope: ParameterScope, from input: Int, to output: Int, _ norms: VQNorms) throws {
        norm1 = try VQNorm(scope["norm1"], channels: input, norms)
        conv1 = try Conv2d(scope["conv1"], from: input, to: output, kernel: 3, padding: 1)
        norm2 = try VQNorm(scope["norm2"], channels: output, norms)
        conv2 = try Conv2d(scope["conv2"], from: output, to: output, kernel: 3, padding: 1)
        shortcut = input == output ? nil : try Conv2d(scope["conv_shortcut"], from: input, to: output, kernel: 1)
    }

    func callAsFunction(_ x: Tensor, latents: Tensor?) -> Tensor {
        let h = conv1(norm1.silu(x, latents: latents))
        return conv2(norm2.silu(h, latents: latents), adding: shortcut?(x) ?? x)
    }
}

/// Attention of a map's pixels over each other, in one head.
///
/// Source: `diffusers/models/attention_processor.py`, `Attention` with `residual_connection` and `AttnProcessor2_0`.
struct VQAttention {
    private let norm: VQNorm
    private let query: Linear
    private let key: Linear
    private let value: Linear
    private let output: Linear

    init(_ scope: ParameterScope, channels: Int, _ norms: VQNorms) throws {
        let name = norms.latentChannels == nil ? "group_norm" : "spatial_norm"
        norm = try VQNorm(scope[name], channels: channels, norms)
        query = try Linear(scope["to_q"], from: channels, to: channels)
        key = try Linear(scope["to_k"], from: channels, to: channels)
        value = try Linear(scope["to_v"], from: channels, to: channels)
        output = try Linear(scope["to_out"][0], from: channels, to: channels)
    }

    func callAsFunction(_ x: Tensor, latents: Tensor?) -> Tensor {
        let (B, C, H, W) = (x.size(0), x.size(1), x.size(2), x.size(3))
        // A channels-last map is its pixels' tokens already: a view, [B, HW, C].
        func tokens(_ map: Tensor) -> Tensor { map.permute(0, 2, 3, 1).reshape(B, H * W, C) }
        let pixels = tokens(norm(x, latents: latents))
        let attended = attention(query: query(pixels), KeyValue(key: key(pixels), value: value(pixels)), heads: 1)
        // [B, HW, C] → [B, C, H, W]
        return output(attended, adding: tokens(x)).reshape(B, H, W, C).permute(0, 3, 1, 2)
    }
}

/// Residual blocks, each followed by attention where the stage has it, and what halves or doubles the map after them.
///
/// Source: `diffusers/models/unets/unet_2d_blocks.py`, `DownEncoderBlock2D`, `AttnDownEncoderBlock2D`,
/// `UpDecoderBlock2D`, `AttnUpDecoderBlock2D`; `Downsample2D` with `padding` 0, `Upsample2D`.
struct VQStage {
    /// What happens to width and height at the end.
    enum Resampling {
        case down, up
    }

    private let layers: [(block: VQResidualBlock, attention: VQAttention?)]
    private let resampled: (Tensor) -> Tensor

    init(
        _ scope: ParameterScope,
        from input: Int,
        to output: Int,
        layers count: Int,
        attends: Bool,
        resampling: Resampling?,
        _ norms: VQNorms
    ) throws {
        var layers: [(block: VQResidualBlock, attention: VQAttention?)] = []
        for index in 0..<count {
            let width = index == 0 ? input : output
            let block = try VQResidualBlock(scope["resnets"][index], from: width, to: output, norms)
            let attention = attends ? try VQAttention(scope["attentions"][index], channels: output, norms) : nil
            layers.append((block, attention))
        }
        self.layers = layers
        switch resampling {
        case nil: resampled = { $0 }
        case .down:
            let conv = try Conv2d(scope["downsamplers"][0]["conv"], from: output, to: output, kernel: 3, stride: 2)
            // One row of zeros below and one column of them to the right.
            resampled = { conv($0.padded([0, 1, 0, 1]).channelsLast()) }
        case .up:
            let conv = try DoublingConv2d(scope["upsamplers"][0]["conv"], from: output, to: output)
            resampled = conv.doubledMap
        }
    }

    func callAsFunction(_ x: Tensor, latents: Tensor?) -> Tensor {
        resampled(
            layers.reduce(x) { x, layer in
                let h = layer.block(x, latents: latents)
                return layer.attention?(h, latents: latents) ?? h
            }
        )
    }
}

/// The blocks at the smallest map: residual block, attention, residual block.
///
/// Source: `diffusers/models/unets/unet_2d_blocks.py`, `UNetMidBlock2D`.
struct VQMiddle {
    private let first: VQResidualBlock
    private let attention: VQAttention?
    private let last: VQResidualBlock

    init(_ scope: ParameterScope, channels: Int, attends: Bool, _ norms: VQNorms) throws {
        first = try VQResidualBlock(scope["resnets"][0], from: channels, to: channels, norms)
        attention = attends ? try VQAttention(scope["attentions"][0], channels: channels, norms) : nil
        last = try VQResidualBlock(scope["resnets"][1], from: channels, to: channels, norms)
    }

    func callAsFunction(_ x: Tensor, latents: Tensor?) -> Tensor {
        let h = first(x, latents: latents)
        return last(attention?(h, latents: latents) ?? h, latents: latents)
    }
}
