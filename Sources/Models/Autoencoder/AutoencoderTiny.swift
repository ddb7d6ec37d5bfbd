package import LienzoNN
package import LienzoTorch

/// A small deterministic autoencoder between pictures and latents: plain convolutions and ReLU, no attention.
///
/// Its decoder is fast enough for a preview at every step, and at `mini`'s size it is the autoencoder.
///
/// Source: TAESD, https://github.com/madebyollin/taesd; `diffusers/models/autoencoders/autoencoder_tiny.py`.
package struct AutoencoderTiny {
    package let configuration: AutoencoderTinyConfiguration
    package let encoder: AutoencoderTinyEncoder
    package let decoder: AutoencoderTinyDecoder

    package init(_ scope: ParameterScope, _ configuration: AutoencoderTinyConfiguration) throws {
        self.configuration = configuration
        encoder = try AutoencoderTinyEncoder(scope["encoder"], configuration)
        decoder = try AutoencoderTinyDecoder(scope["decoder"], configuration)
    }

    /// Raw latents of pictures.
    ///
    /// - Parameter pixels: `[batch, inChannels, height, width]` in −1…1; both sides multiples of
    ///   `configuration.downsamplingFactor`.
    /// - Returns: `[batch, latentChannels, height / factor, width / factor]`, float32, unbounded, about −3…3 when trained.
    package func encode(_ pixels: Tensor) -> Tensor {
        encoder((pixels + 1) / 2).cast(to: .float32)
    }

    /// Pictures of raw latents.
    ///
    /// - Parameter latents: `[batch, latentChannels, height, width]`; squashed smoothly into −3…3 first.
    /// - Returns: `[batch, outChannels, height · factor, width · factor]`, float32, about −1…1: clamp before use.
    package func decode(_ latents: Tensor) -> Tensor {
        decoder((latents / 3).tanh() * 3).cast(to: .float32) * 2 - 1
    }

    /// What diffusion sees for raw latents: about zero mean and unit variance.
    package func diffusionLatents(_ latents: Tensor) -> Tensor {
        (latents - configuration.shiftFactor) * configuration.scalingFactor
    }

    /// The raw latents for what diffusion gives; the inverse of `diffusionLatents`.
    package func rawLatents(_ latents: Tensor) -> Tensor {
        latents / configuration.scalingFactor + configuration.shiftFactor
    }

    /// Raw latents brought into 0…1, as a picture of them is stored; beyond ±`latentMagnitude` they are cut.
    package func scaleLatents(_ latents: Tensor) -> Tensor {
        (latents / (2 * configuration.latentMagnitude) + configuration.latentShift).clamp(0, 1)
    }

    /// The raw latents for values in 0…1; the inverse of `scaleLatents`.
    package func unscaleLatents(_ latents: Tensor) -> Tensor {
        (latents - configuration.latentShift) * (2 * configuration.latentMagnitude)
    }
}

/// The half that makes latents of pictures in 0…1.
package struct AutoencoderTinyEncoder {
    /// The entries of the reference's sequence `layers`, in its order.
    package let layers: [AutoencoderTinyLayer]

    init(_ scope: ParameterScope, _ configuration: AutoencoderTinyConfiguration) throws {
        let layer = scope["layers"]
        let activation = configuration.actFn.activation
        var layers: [AutoencoderTinyLayer] = []
        for (index, (width, blocks)) in zip(configuration.encoderBlockOutChannels, configuration.numEncoderBlocks)
            .enumerated()
        {
            layers.append(
                .convolution(
                    index == 0
                        ? try Conv2d(
                            layer[layers.count],
                            from: configuration.inChannels,
                            to: width,
                            kernel: 3,
                            padding: 1
                        )
                        : try Conv2d(
                            layer[layers.count],
                            from: width,
                            to: width,
                            kernel: 3,
                            stride: 2,
                            padding: 1,
                            bias: false
                        )
                )
            )
            for _ in 0..<blocks {
                layers.append(
                    .block(try AutoencoderTinyBlock(layer[layers.count], width: width, activation: activation))
                )
            }
        }
        let width = configuration.encoderBlockOutChannels.last ?? configuration.inChannels
        layers.append(
            .convolution(
                try Conv2d(layer[layers.count], from: width, to: configuration.latentChannels, kernel: 3, padding: 1)
            )
        )
        self.layers = layers
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        layers.reduce(x) { x, layer in layer(x) }
    }
}

/// The half that makes pictures in 0…1 of latents in −3…3.
package struct AutoencoderTinyDecoder {
    /// The entries of the reference's sequence `layers`, in its order.
    package let layers: [AutoencoderTinyLayer]

    init(_ scope: ParameterScope, _ configuration: AutoencoderTinyConfiguration) throws {
        let layer = scope["layers"]
        let activation = configuration.actFn.activation
        let widths = configuration.decoderBlockOutChannels
        var layers: [AutoencoderTinyLayer] = [
            .convolution(
                try Conv2d(layer[0], from: configuration.latentChannels, to: widths[0], kernel: 3, padding: 1)
            ),
            .activation(activation),
        ]
        for (index, (width, blocks)) in zip(widths, configuration.numDecoderBlocks).enumerated() {
            let isLast = index == widths.count - 1
            for _ in 0..<blocks {
                layers.append(
                    .block(try AutoencoderTinyBlock(layer[layers.count], width: width, activation: activation))
                )
            }
            if !isLast {
                layers.append(.upsampling(configuration.upsamplingScalingFactor))
            }
            layers.append(
                .convolution(
                    try Conv2d(
                        layer[layers.count],
                        from: width,
                        to: isLast ? configuration.outChannels : width,
                        kernel: 3,
                        padding: 1,
                        bias: isLast
                    )
                )
            )
        }
        self.layers = layers
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        layers.reduce(x) { x, layer in layer(x) }
    }
}

/// One entry of the sequence that an encoder or decoder is.
package enum AutoencoderTinyLayer {
    case convolution(Conv2d)
    case activation(Activation)
    case block(AutoencoderTinyBlock)
    /// Each pixel so many times in both directions.
    case upsampling(Int)

    package func callAsFunction(_ x: Tensor) -> Tensor {
        switch self {
        case .convolution(let convolution): convolution(x)
        case .activation(let activation): activation(x)
        case .block(let block): block(x)
        case .upsampling(let factor): x.upsampledNearest(factor: factor)
        }
    }
}

/// Three convolutions with a shortcut around them.
///
/// Source: `diffusers/models/unets/unet_2d_blocks.py`, `AutoencoderTinyBlock`.
package struct AutoencoderTinyBlock {
    private let first: Conv2d
    private let second: Conv2d
    private let third: Conv2d
    private let activation: Activation

    init(_ scope: ParameterScope, width: Int, activation: Activation) throws {
        self.activation = activation
        first = try Conv2d(scope["conv"][0], from: width, to: width, kernel: 3, padding: 1)
        second = try Conv2d(scope["conv"][2], from: width, to: width, kernel: 3, padding: 1)
        third = try Conv2d(scope["conv"][4], from: width, to: width, kernel: 3, padding: 1)
    }

    /// `[batch, width, height, width]`, the same after.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let h = second(first(x, activation: activation), activation: activation)
        return third(h, activation: .relu, adding: x)
    }
}

extension AutoencoderTinyConfiguration.Activation {
    var activation: Activation {
        switch self {
        case .relu: .relu
        case .silu, .swish: .silu
        case .gelu: .gelu
        }
    }
}
