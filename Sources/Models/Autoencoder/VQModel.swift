package import LienzoNN
package import LienzoTorch

/// The autoencoder of Kandinsky, MoVQ: its decoder looks at the latents again in each of its normalisations.
///
/// Latents are neither quantised nor scaled: `decode` is the reference's `decode(force_not_quantize=True)`. The codebook
/// is read, since the file has it, and not kept.
///
/// Source: Zheng et al. 2022 (MoVQ), https://arxiv.org/abs/2209.09002; `diffusers/models/autoencoders/vq_model.py`.
package struct VQModel {
    /// The network's shape.
    package let configuration: VQModelConfiguration
    let encoder: VQEncoder
    let decoder: VQDecoder
    private let toCodes: Conv2d
    private let fromCodes: Conv2d
    private let computeType: DType
    /// How large latents and pictures go through in tiles, where that is asked for.
    private let latentTiles: TiledMap
    private let pictureTiles: TiledMap

    /// Builds the network from a checkpoint.
    ///
    /// - Parameters:
    ///   - scope: where the parameters are, named as the reference names them.
    ///   - configuration: the network's shape.
    /// - Throws: `ParameterError` when a parameter is missing or has another shape.
    package init(_ scope: ParameterScope, _ configuration: VQModelConfiguration) throws {
        let (inner, outer) = (configuration.latentChannels, configuration.codeChannels)
        let (latentTile, pictureTile) = (
            configuration.tileSize / configuration.downsamplingFactor, configuration.tileSize
        )
        latentTiles = TiledMap(tile: latentTile, outputTile: pictureTile)
        pictureTiles = TiledMap(tile: pictureTile, outputTile: latentTile)
        self.configuration = configuration
        computeType = scope.store.computeType
        encoder = try VQEncoder(scope["encoder"], configuration)
        toCodes = try Conv2d(scope["quant_conv"], from: inner, to: outer, kernel: 1)
        _ = try scope["quantize"]["embedding"].exactParameter("weight", [configuration.codes, outer])
        fromCodes = try Conv2d(scope["post_quant_conv"], from: outer, to: inner, kernel: 1)
        decoder = try VQDecoder(scope["decoder"], configuration)
    }

    /// Latents of pictures.
    ///
    /// - Parameters:
    ///   - pixels: `[batch, inChannels, height, width]` in −1…1; both sides multiples of
    ///     `configuration.downsamplingFactor`.
    ///   - inTiles: whether pictures with a side above `configuration.tileSize` go through in tiles with blended seams.
    /// - Returns: `[batch, codeChannels, height / factor, width / factor]`, float32.
    package func encode(_ pixels: Tensor, inTiles: Bool = false) -> Tensor {
        func latents(_ pixels: Tensor) -> Tensor {
            toCodes(encoder(pixels.to(computeType).channelsLast())).to(.float32)
        }
        return inTiles && pictureTiles.isExceeded(by: pixels) ? pictureTiles(pixels, latents) : latents(pixels)
    }

    /// Pictures of latents.
    ///
    /// - Parameters:
    ///   - latents: `[batch, codeChannels, height, width]`.
    ///   - inTiles: whether pictures with a side above `configuration.tileSize` are made in tiles with blended seams; the
    ///     normalisations look at the latents of the tile.
    /// - Returns: `[batch, outChannels, height · factor, width · factor]`, float32, about −1…1: clamp before use.
    package func decode(_ latents: Tensor, inTiles: Bool = false) -> Tensor {
        func pixels(_ latents: Tensor) -> Tensor {
            let latents = latents.to(computeType).channelsLast()
            return decoder(fromCodes(latents), latents: latents).to(.float32)
        }
        return inTiles && latentTiles.isExceeded(by: latents) ? latentTiles(latents, pixels) : pixels(latents)
    }
}

/// The half that makes latents of pictures.
///
/// Source: `diffusers/models/autoencoders/vae.py`, `Encoder` with `double_z` false.
struct VQEncoder {
    let input: Conv2d
    let down: [VQStage]
    let middle: VQMiddle
    private let outputNorm: VQNorm
    private let output: Conv2d

    init(_ scope: ParameterScope, _ configuration: VQModelConfiguration) throws {
        let widths = configuration.blockOutChannels
        let last = widths[widths.count - 1]
        let norms = VQNorms(groups: configuration.normNumGroups, latentChannels: nil)
        input = try Conv2d(scope["conv_in"], from: configuration.inChannels, to: widths[0], kernel: 3, padding: 1)
        var down: [VQStage] = []
        for index in widths.indices {
            down.append(
                try VQStage(
                    scope["down_blocks"][index],
                    from: widths[max(0, index - 1)],
                    to: widths[index],
                    layers: configuration.layersPerBlock,
                    attends: configuration.attendsDown[index],
                    resampling: index < widths.count - 1 ? .down : nil,
                    norms
                )
            )
        }
        self.down = down
        middle = try VQMiddle(
            scope["mid_block"],
            channels: last,
            attends: configuration.midBlockAddAttention,
            norms
        )
        outputNorm = try VQNorm(scope["conv_norm_out"], channels: last, norms)
        output = try Conv2d(scope["conv_out"], from: last, to: configuration.latentChannels, kernel: 3, padding: 1)
    }

    func callAsFunction(_ pixels: Tensor) -> Tensor {
        let x = down.reduce(input(pixels)) { x, stage in stage(x, latents: nil) }
        return output(outputNorm.silu(middle(x, latents: nil), latents: nil))
    }
}

/// The half that makes pictures of latents.
///
/// Source: `diffusers/models/autoencoders/vae.py`, `Decoder`.
struct VQDecoder {
    let input: Conv2d
    let middle: VQMiddle
    let up: [VQStage]
    private let outputNorm: VQNorm
    private let output: Conv2d

    init(_ scope: ParameterScope, _ configuration: VQModelConfiguration) throws {
        let widths = Array(configuration.blockOutChannels.reversed())
        let norms = VQNorms(
            groups: configuration.normNumGroups,
            latentChannels: configuration.normType == .spatial ? configuration.latentChannels : nil
        )
        input = try Conv2d(scope["conv_in"], from: configuration.latentChannels, to: widths[0], kernel: 3, padding: 1)
        middle = try VQMiddle(
            scope["mid_block"],
            channels: widths[0],
            attends: configuration.midBlockAddAttention,
            norms
        )
        var up: [VQStage] = []
        for index in widths.indices {
            up.append(
                try VQStage(
                    scope["up_blocks"][index],
                    from: widths[max(0, index - 1)],
                    to: widths[index],
                    layers: configuration.layersPerBlock + 1,
                    attends: configuration.attendsUp[index],
                    resampling: index < widths.count - 1 ? .up : nil,
                    norms
                )
            )
        }
        self.up = up
        let last = widths[widths.count - 1]
        outputNorm = try VQNorm(scope["conv_norm_out"], channels: last, norms)
        output = try Conv2d(scope["conv_out"], from: last, to: configuration.outChannels, kernel: 3, padding: 1)
    }

    func callAsFunction(_ x: Tensor, latents: Tensor) -> Tensor {
        let x = up.reduce(middle(input(x), latents: latents)) { x, stage in stage(x, latents: latents) }
        return output(outputNorm.silu(x, latents: latents))
    }
}
