package import Foundation

/// The shape of an `AutoencoderTiny`, as its `config.json` gives it.
///
/// All stages of one half have the same width: the reference accepts a list of widths, but its layers only fit
/// together when they are equal, so an unequal list is refused here with a sentence instead of failing inside.
///
/// Source: TAESD, https://github.com/madebyollin/taesd; `diffusers/models/autoencoders/autoencoder_tiny.py`.
package struct AutoencoderTinyConfiguration: Sendable, Equatable {
    /// The activation inside a block; the one that ends a block is always ReLU.
    package enum Activation: String, Sendable, CaseIterable {
        case relu, silu, swish, gelu
    }

    /// How the decoder doubles its maps.
    package enum Upsampling: String, Sendable, CaseIterable {
        case nearest
    }

    /// Channels of a picture given to `encode`: 3 for RGB.
    package let inChannels: Int
    /// Channels of a picture that `decode` gives: 3 for RGB.
    package let outChannels: Int
    /// Channels of the latents.
    package let latentChannels: Int
    /// The width of each stage of the encoder; all equal.
    package let encoderBlockOutChannels: [Int]
    /// The width of each stage of the decoder; all equal.
    package let decoderBlockOutChannels: [Int]
    /// Residual blocks in each stage of the encoder; each stage but the first halves the map.
    package let numEncoderBlocks: [Int]
    /// Residual blocks in each stage of the decoder; each stage but the last enlarges the map.
    package let numDecoderBlocks: [Int]
    /// The activation inside a block.
    package let actFn: Activation
    /// How the decoder enlarges its maps.
    package let upsampleFn: Upsampling
    /// By how much each stage of the decoder but the last enlarges its map.
    package let upsamplingScalingFactor: Int
    /// Half the range of raw latents that `scaleLatents` maps to 0…1.
    package let latentMagnitude: Double
    /// Where `scaleLatents` puts raw latents of zero.
    package let latentShift: Double
    /// Diffusion sees `(latents − shiftFactor) × scalingFactor`, which has about unit variance.
    package let scalingFactor: Double
    /// Diffusion sees `(latents − shiftFactor) × scalingFactor`.
    package let shiftFactor: Double
    /// Keys of the file that Lienzo does not know, sorted.
    package let unknownKeys: [String]

    /// By how much the encoder shrinks a picture's width and height; both must be multiples of it.
    package var downsamplingFactor: Int { 1 << (numEncoderBlocks.count - 1) }

    /// By how much the decoder enlarges latents in width and height.
    package var upsamplingFactor: Int {
        numDecoderBlocks.dropLast().reduce(1) { factor, _ in factor * upsamplingScalingFactor }
    }

    /// A new autoencoder's shape: `stages` stages of one width on both sides.
    ///
    /// - Parameters:
    ///   - width: Channels inside, 4…1024.
    ///   - latentChannels: Channels of the latents, 1…64.
    ///   - encoderBlocks: Residual blocks per stage, from the picture inwards; `decoderBlocks` mirrors it.
    ///   - scalingFactor: What the latents are multiplied with before diffusion.
    ///   - shiftFactor: What is subtracted from the latents before diffusion.
    package init(
        width: Int,
        latentChannels: Int,
        encoderBlocks: [Int] = [1, 3, 3, 3],
        scalingFactor: Double = 1,
        shiftFactor: Double = 0
    ) {
        precondition((4...1024).contains(width) && (1...64).contains(latentChannels) && !encoderBlocks.isEmpty)
        inChannels = 3
        outChannels = 3
        self.latentChannels = latentChannels
        encoderBlockOutChannels = encoderBlocks.map { _ in width }
        decoderBlockOutChannels = encoderBlocks.map { _ in width }
        numEncoderBlocks = encoderBlocks
        numDecoderBlocks = encoderBlocks.reversed()
        actFn = .relu
        upsampleFn = .nearest
        upsamplingScalingFactor = 2
        latentMagnitude = 3
        latentShift = 0.5
        self.scalingFactor = scalingFactor
        self.shiftFactor = shiftFactor
        unknownKeys = []
    }

    /// Reads a `config.json`.
    ///
    /// - Parameters:
    ///   - json: The file's bytes.
    ///   - file: The file's name, for messages.
    /// - Throws: `ConfigurationError` when a value is missing, out of range or does not fit the others.
    package init(json: Data, file: String = "config.json") throws(ConfigurationError) {
        let json = try ConfigurationReader(json, file: file)
        inChannels = try json.integer("in_channels", default: 3, in: 1...64)
        outChannels = try json.integer("out_channels", default: 3, in: 1...64)
        latentChannels = try json.integer("latent_channels", default: 4, in: 1...64)
        actFn = try json.choice("act_fn", default: .relu)
        upsampleFn = try json.choice("upsample_fn", default: .nearest)
        upsamplingScalingFactor = try json.integer("upsampling_scaling_factor", default: 2, in: 1...8)
        latentMagnitude = try json.number("latent_magnitude", default: 3, in: 1e-6...1e6)
        latentShift = try json.number("latent_shift", default: 0.5, in: -1e6...1e6)
        scalingFactor = try json.number("scaling_factor", default: 1, in: 1e-6...1e6)
        shiftFactor = try json.number("shift_factor", default: 0, in: -1e6...1e6)

        func stages(_ half: String, default blocks: [Int]) throws(ConfigurationError) -> (widths: [Int], blocks: [Int])
        {
            let widthsKey = "\(half)_block_out_channels"
            let blocksKey = "num_\(half)_blocks"
            let widths = try json.integers(widthsKey, default: [64, 64, 64, 64], count: 1...8, in: 1...4096)
            let blocks = try json.integers(blocksKey, default: blocks, count: 1...8, in: 0...64)
            guard Set(widths).count == 1 else {
                throw json.invalid(widthsKey, expected: "one width for all stages")
            }
            guard widths.count == blocks.count else {
                throw json.invalid(blocksKey, expected: "one number for each of the \(widths.count) stages")
            }
            return (widths, blocks)
        }
        (encoderBlockOutChannels, numEncoderBlocks) = try stages("encoder", default: [1, 3, 3, 3])
        (decoderBlockOutChannels, numDecoderBlocks) = try stages("decoder", default: [3, 3, 3, 1])
        // `block_out_channels` repeats the decoder's list; `force_upcast` tells GPUs to compute in float32.
        json.ignore("block_out_channels", "force_upcast")
        unknownKeys = json.unknownKeys
    }
}

extension AutoencoderTinyConfiguration: Encodable {
    /// Writes the reference's configuration file; what this type does not keep is not written.
    ///
    /// - Parameter encoder: Where to.
    /// - Throws: What the encoder throws.
    package func encode(to encoder: any Encoder) throws {
        try json.encode(to: encoder)
    }

    /// The reference's `config.json`.
    private var json: JSONValue {
        [
            "_class_name": "AutoencoderTiny",
            "act_fn": .string(actFn.rawValue),
            "block_out_channels": .integers(decoderBlockOutChannels),
            "decoder_block_out_channels": .integers(decoderBlockOutChannels),
            "encoder_block_out_channels": .integers(encoderBlockOutChannels),
            "force_upcast": false,
            "in_channels": .integer(inChannels),
            "latent_channels": .integer(latentChannels),
            "latent_magnitude": .number(latentMagnitude),
            "latent_shift": .number(latentShift),
            "num_decoder_blocks": .integers(numDecoderBlocks),
            "num_encoder_blocks": .integers(numEncoderBlocks),
            "out_channels": .integer(outChannels),
            "scaling_factor": .number(scalingFactor),
            "shift_factor": .number(shiftFactor),
            "upsample_fn": .string(upsampleFn.rawValue),
            "upsampling_scaling_factor": .integer(upsamplingScalingFactor),
        ]
    }
}
