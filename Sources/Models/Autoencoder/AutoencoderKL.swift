package import LienzoNN
package import LienzoTorch

/// The autoencoder of latent diffusion: pictures to normal distributions of latents, and latents to pictures.
///
/// Source: Rombach et al. 2022, section 3.1; `diffusers/models/autoencoders/autoencoder_kl.py`, `vae.py`.
package struct AutoencoderKL {
    package let configuration: AutoencoderKLConfiguration
    let encoder: AutoencoderKLEncoder
    let decoder: AutoencoderKLDecoder
    /// Before the distribution, and before the decoder; not every model has them.
    private let quantisation: Conv2d?
    private let dequantisation: Conv2d?
    private let computeType: DType
    /// How large latents and pictures go through in tiles, where that is asked for.
    private let latentTiles: TiledMap
    private let pictureTiles: TiledMap

    package init(_ scope: ParameterScope, _ configuration: AutoencoderKLConfiguration) throws {
        let channels = configuration.latentChannels
        let (latentTile, pictureTile) = (
            configuration.tileSize / configuration.downsamplingFactor, configuration.tileSize
        )
        latentTiles = TiledMap(tile: latentTile, outputTile: pictureTile)
        pictureTiles = TiledMap(tile: pictureTile, outputTile: latentTile)
        self.configuration = configuration
        computeType = scope.store.computeType
        encoder = try AutoencoderKLEncoder(scope["encoder"], configuration)
        decoder = try AutoencoderKLDecoder(scope["decoder"], configuration)
        quantisation =
            configuration.hasQuantisation
            ? try Conv2d(scope["quant_conv"], from: 2 * channels, to: 2 * channels, kernel: 1) : nil
        dequantisation =
            configuration.hasDequantisation
            ? try Conv2d(scope["post_quant_conv"], from: channels, to: channels, kernel: 1) : nil
    }

    /// A normal distribution of each latent, all of them independent.
    package struct Distribution {
        /// `[batch, latentChannels, height, width]`, float32.
        package let mean: Tensor
        /// The same shape, float32.
        package let deviation: Tensor

        /// A sample, given standard normal noise in the shape of ``mean``.
        package func sample(_ noise: Tensor) -> Tensor { mean + deviation * noise }
    }

    /// The distributions of raw latents of pictures.
    ///
    /// - Parameters:
    ///   - pixels: `[batch, inChannels, height, width]` in −1…1; both sides multiples of
    ///     `configuration.downsamplingFactor`.
    ///   - inTiles: whether pictures with a side above `configuration.tileSize` go through in tiles with blended seams.
    /// - Returns: latents `[batch, latentChannels, height / factor, width / factor]`.
    package func encode(_ pixels: Tensor, inTiles: Bool = false) -> Distribution {
        func moments(_ pixels: Tensor) -> Tensor {
            let h = encoder(pixels.to(computeType).channelsLast())
            return (quantisation?(h) ?? h).to(.float32).contiguous()
        }
        let isTiled = inTiles && pictureTiles.isExceeded(by: pixels)
        let halves = (isTiled ? pictureTiles(pixels, moments) : moments(pixels)).chunk(2, dim: 1)
        return Distribution(mean: halves[0], deviation: (halves[1].clamp(-30, 20) * 0.5).exp())
    }

    /// Pictures of raw latents.
    ///
    /// - Parameters:
    ///   - latents: `[batch, latentChannels, height, width]`.
    ///   - inTiles: whether pictures with a side above `configuration.tileSize` are made in tiles with blended seams.
    /// - Returns: `[batch, outChannels, height · factor, width · factor]`, float32, about −1…1: clamp before use.
    package func decode(_ latents: Tensor, inTiles: Bool = false) -> Tensor {
        func pixels(_ latents: Tensor) -> Tensor {
            let x = latents.to(computeType).channelsLast()
            return decoder(dequantisation?(x) ?? x).to(.float32).contiguous()
        }
        return inTiles && latentTiles.isExceeded(by: latents) ? latentTiles(latents, pixels) : pixels(latents)
    }

    /// What diffusion sees for raw latents: about zero mean and unit variance.
    package func diffusionLatents(_ latents: Tensor) -> Tensor {
        if let statistics = configuration.statistics {
            let (mean, deviation) = statistics.tensors(on: latents.device)
            return (latents - mean) * configuration.scalingFactor / deviation
        }
        return (latents - configuration.shiftFactor) * configuration.scalingFactor
    }

    /// The raw latents for what diffusion gives; the inverse of `diffusionLatents`.
    package func rawLatents(_ latents: Tensor) -> Tensor {
        if let statistics = configuration.statistics {
            let (mean, deviation) = statistics.tensors(on: latents.device)
            return latents * deviation / configuration.scalingFactor + mean
        }
        return latents / configuration.scalingFactor + configuration.shiftFactor
    }
}

extension AutoencoderKLConfiguration.Statistics {
    /// Mean and standard deviation, `[1, channels, 1, 1]` each.
    fileprivate func tensors(on device: Device) -> (mean: Tensor, deviation: Tensor) {
        func tensor(_ values: [Double]) -> Tensor {
            Tensor(values.map(Float.init), shape: [1, values.count, 1, 1], device: device)
        }
        return (tensor(mean), tensor(deviation))
    }
}

/// The half that makes moments of latents of pictures.
struct AutoencoderKLEncoder {
    let input: Conv2d
    let blocks: [AutoencoderKLDownBlock]
    let middle: AutoencoderKLMiddle
    private let norm: GroupNorm
    private let output: Conv2d

    init(_ scope: ParameterScope, _ configuration: AutoencoderKLConfiguration) throws {
        let widths = configuration.blockOutChannels
        let (settings, last) = (configuration.blockSettings, widths[widths.count - 1])
        input = try Conv2d(scope["conv_in"], from: configuration.inChannels, to: widths[0], kernel: 3, padding: 1)
        blocks = try widths.indices.map {
            try AutoencoderKLDownBlock(
                scope["down_blocks"][$0],
                from: widths[max(0, $0 - 1)],
                to: widths[$0],
                layers: configuration.layersPerBlock,
                downsamples: $0 < widths.count - 1,
                settings
            )
        }
        middle = try AutoencoderKLMiddle(scope["mid_block"], configuration, settings)
        norm = try GroupNorm(
            scope["conv_norm_out"],
            groups: settings.groups,
            channels: last,
            epsilon: settings.epsilon
        )
        output = try Conv2d(
            scope["conv_out"],
            from: last,
            to: 2 * configuration.latentChannels,
            kernel: 3,
            padding: 1
        )
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        output(norm(middle(blocks.reduce(input(x)) { $1($0) }), silu: true))
    }
}

/// The half that makes pictures of latents.
struct AutoencoderKLDecoder {
    let input: Conv2d
    let middle: AutoencoderKLMiddle
    let blocks: [AutoencoderKLUpBlock]
    private let norm: GroupNorm
    private let output: Conv2d

    init(_ scope: ParameterScope, _ configuration: AutoencoderKLConfiguration) throws {
        let widths = Array(configuration.blockOutChannels.reversed())
        let settings = configuration.blockSettings
        input = try Conv2d(
            scope["conv_in"],
            from: configuration.latentChannels,
            to: widths[0],
            kernel: 3,
            padding: 1
        )
        middle = try AutoencoderKLMiddle(scope["mid_block"], configuration, settings)
        blocks = try widths.indices.map {
            try AutoencoderKLUpBlock(
                scope["up_blocks"][$0],
                from: widths[max(0, $0 - 1)],
                to: widths[$0],
                layers: configuration.layersPerBlock + 1,
                upsamples: $0 < widths.count - 1,
                settings
            )
        }
        let last = widths[widths.count - 1]
        norm = try GroupNorm(
            scope["conv_norm_out"],
            groups: settings.groups,
            channels: last,
            epsilon: settings.epsilon
        )
        output = try Conv2d(scope["conv_out"], from: last, to: configuration.outChannels, kernel: 3, padding: 1)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        output(norm(blocks.reduce(middle(input(x))) { $1($0) }, silu: true))
    }
}

extension AutoencoderKLConfiguration {
    /// What the residual blocks share; the reference gives their normalisations its own epsilon.
    fileprivate var blockSettings: UNetBlockSettings {
        UNetBlockSettings(
            timeWidth: nil,
            conditionWidth: 0,
            groups: normNumGroups,
            epsilon: 1e-6,
            timeScaleShift: .shift,
            outputScale: 1
        )
    }
}

/// Residual blocks, then a convolution that halves the map, unless it is the last block.
///
/// Source: `diffusers/models/unets/unet_2d_blocks.py`, `DownEncoderBlock2D`.
struct AutoencoderKLDownBlock {
    private let resnets: [ResnetBlock2D]
    private let downsampler: Conv2d?

    init(
        _ scope: ParameterScope,
        from input: Int,
        to output: Int,
        layers: Int,
        downsamples: Bool,
        _ settings: UNetBlockSettings
    ) throws {
        resnets = try (0..<layers).map {
            try ResnetBlock2D(scope["resnets"][$0], from: $0 == 0 ? input : output, to: output, settings)
        }
        downsampler =
            downsamples
            ? try Conv2d(scope["downsamplers"][0]["conv"], from: output, to: output, kernel: 3, stride: 2) : nil
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let h = resnets.reduce(x) { $1($0) }
        // Zeros at the right and at the bottom only.
        return downsampler.map { $0(h.padded([0, 1, 0, 1])) } ?? h
    }
}

/// Residual blocks, then a convolution of the doubled map, unless it is the last block.
///
/// Source: `diffusers/models/unets/unet_2d_blocks.py`, `UpDecoderBlock2D`.
struct AutoencoderKLUpBlock {
    private let resnets: [ResnetBlock2D]
    private let upsampler: DoublingConv2d?

    init(
        _ scope: ParameterScope,
        from input: Int,
        to output: Int,
        layers: Int,
        upsamples: Bool,
        _ settings: UNetBlockSettings
    ) throws {
        resnets = try (0..<layers).map {
            try ResnetBlock2D(scope["resnets"][$0], from: $0 == 0 ? input : output, to: output, settings)
        }
        upsampler =
            upsamples ? try DoublingConv2d(scope["upsamplers"][0]["conv"], from: output, to: output) : nil
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let h = resnets.reduce(x) { $1($0) }
        return upsampler?.doubledMap(h) ?? h
    }
}

/// The block at the smallest map: residual block, attention of the pixels over themselves, residual block.
///
/// Source: `diffusers/models/unets/unet_2d_blocks.py`, `UNetMidBlock2D`.
struct AutoencoderKLMiddle {
    private let first: ResnetBlock2D
    private let attention: PixelAttention?
    private let last: ResnetBlock2D

    init(
        _ scope: ParameterScope,
        _ configuration: AutoencoderKLConfiguration,
        _ settings: UNetBlockSettings
    ) throws {
        let channels = configuration.blockOutChannels[configuration.blockOutChannels.count - 1]
        first = try ResnetBlock2D(scope["resnets"][0], from: channels, to: channels, settings)
        attention =
            configuration.hasAttention
            ? try PixelAttention(scope["attentions"][0], channels: channels, settings) : nil
        last = try ResnetBlock2D(scope["resnets"][1], from: channels, to: channels, settings)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let h = first(x)
        return last(attention?(h) ?? h)
    }
}

/// Attention of a map's pixels over themselves, with one head, added to the map.
///
/// Source: `diffusers/models/attention_processor.py`, `Attention` with `AttnProcessor2_0` and `residual_connection`.
struct PixelAttention {
    private let norm: GroupNorm
    private let query: Linear
    private let key: Linear
    private let value: Linear
    private let output: Linear

    init(_ scope: ParameterScope, channels: Int, _ settings: UNetBlockSettings) throws {
        // Files of the first versions of the reference have other names.
        let isOld = !scope["to_q"].has("weight") && scope["query"].has("weight")
        func linear(_ scope: ParameterScope) throws -> Linear { try Linear(scope, from: channels, to: channels) }
        norm = try GroupNorm(
            scope["group_norm"],
            groups: settings.groups,
            channels: channels,
            epsilon: settings.epsilon
        )
        query = try linear(isOld ? scope["query"] : scope["to_q"])
        key = try linear(isOld ? scope["key"] : scope["to_k"])
        value = try linear(isOld ? scope["value"] : scope["to_v"])
        output = try linear(isOld ? scope["proj_attn"] : scope["to_out"][0])
    }

    /// `[batch, channels, height, width]`, channels-last, the same after.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let shape = x.shape
        guard shape.count == 4 else { return x }
        let (B, C, H, W) = (shape[0], shape[1], shape[2], shape[3])
        // A channels-last map is its pixels' tokens already: a view, [B, HW, C].
        let tokens = { (map: Tensor) in map.permute(0, 2, 3, 1).reshape(B, H * W, C) }
        let h = tokens(norm(x))
        let attended = attention(query: query(h), KeyValue(key: key(h), value: value(h)), heads: 1)
        // [B, HW, C] → [B, C, H, W]
        return output(attended, adding: tokens(x)).reshape(B, H, W, C).permute(0, 3, 1, 2)
    }
}
