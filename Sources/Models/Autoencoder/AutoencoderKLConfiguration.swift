package import Foundation

/// The shape of an ``AutoencoderKL``, as its `config.json` gives it.
///
/// Source: `diffusers/models/autoencoders/autoencoder_kl.py`, `AutoencoderKL.__init__`.
package struct AutoencoderKLConfiguration: Sendable, Equatable {
    /// Mean and standard deviation of each latent channel.
    package struct Statistics: Sendable, Equatable {
        package let mean: [Double]
        package let deviation: [Double]
    }

    /// Channels of a picture given to `encode`: 3 for RGB.
    package let inChannels: Int
    /// Channels of a picture that `decode` gives: 3 for RGB.
    package let outChannels: Int
    /// Channels of the latents.
    package let latentChannels: Int
    /// Channels of each block of the encoder, each but the last of which halves the map; the decoder mirrors it.
    package let blockOutChannels: [Int]
    /// Residual blocks of each block of the encoder; the decoder's have one more.
    package let layersPerBlock: Int
    /// Groups of every group normalisation.
    package let normNumGroups: Int
    /// Width and height of the pictures it was trained on.
    package let sampleSize: Int?
    /// Diffusion sees `(latents − shiftFactor) × scalingFactor`, which has about unit variance.
    package let scalingFactor: Double
    /// Diffusion sees `(latents − shiftFactor) × scalingFactor`.
    package let shiftFactor: Double
    /// Where there are any, diffusion sees `(latents − mean) × scalingFactor / deviation` in place of that.
    package let statistics: Statistics?
    /// Whether its numbers leave the range of float16.
    ///
    /// Nothing follows from it here: float32 and bfloat16 hold them.
    package let forceUpcast: Bool
    /// Whether a convolution stands between the encoder and the distribution.
    package let hasQuantisation: Bool
    /// Whether a convolution stands before the decoder.
    package let hasDequantisation: Bool
    /// Whether the middle blocks have attention.
    package let hasAttention: Bool
    /// Keys of the file that Lienzo does not know, sorted.
    package let unknownKeys: [String]

    /// By how much pictures are larger than latents; their width and height must be multiples of it.
    package var downsamplingFactor: Int { 1 << (blockOutChannels.count - 1) }

    /// Width and height in pixels of the tiles in which large pictures may go through: those that it was trained on, 512
    /// where the file does not say, as a multiple of 4 latents.
    package var tileSize: Int {
        let step = 4 * downsamplingFactor
        return max(step, (sampleSize ?? 512) / step * step)
    }

    /// Reads a `config.json`.
    ///
    /// - Parameters:
    ///   - json: The file's bytes.
    ///   - file: The file's name, for messages.
    /// - Throws: `ConfigurationError` when a value is missing, out of range, not supported or does not fit the others.
    package init(json: Data, file: String = "config.json") throws(ConfigurationError) {
        let json = try ConfigurationReader(json, file: file)
        inChannels = try json.integer("in_channels", default: 3, in: 1...64)
        outChannels = try json.integer("out_channels", default: 3, in: 1...64)
        latentChannels = try json.integer("latent_channels", default: 4, in: 1...256)
        blockOutChannels = try json.integers("block_out_channels", default: [64], count: 1...8, in: 1...16_384)
        layersPerBlock = try json.integer("layers_per_block", default: 1, in: 1...32)
        normNumGroups = try json.integer("norm_num_groups", default: 32, in: 1...1024)
        sampleSize = try json.optionalInteger("sample_size", in: 1...65_536)
        scalingFactor = try json.number("scaling_factor", default: 0.18215, in: 1e-6...1e6)
        shiftFactor = try json.number("shift_factor", default: 0, in: -1e6...1e6)
        forceUpcast = try json.boolean("force_upcast", default: true)
        hasQuantisation = try json.boolean("use_quant_conv", default: true)
        hasDequantisation = try json.boolean("use_post_quant_conv", default: true)
        hasAttention = try json.boolean("mid_block_add_attention", default: true)

        let (channels, blocks) = (latentChannels, blockOutChannels.count)
        func list(_ key: String, in range: ClosedRange<Double>) throws(ConfigurationError) -> [Double]? {
            json.has(key) ? try json.numbers(key, count: channels...channels, in: range) : nil
        }
        let mean = try list("latents_mean", in: -1e6...1e6)
        let deviation = try list("latents_std", in: 1e-6...1e6)
        // The reference takes them into account only where both are given.
        if let mean, let deviation {
            statistics = Statistics(mean: mean, deviation: deviation)
        } else {
            statistics = nil
        }
        for (key, only) in [("down_block_types", "DownEncoderBlock2D"), ("up_block_types", "UpDecoderBlock2D")] {
            let types = try json.strings(key, default: Array(repeating: only, count: blocks), count: 1...8)
            guard types == Array(repeating: only, count: blocks) else {
                throw json.invalid(key, expected: "\"\(only)\" for each of \(blocks) blocks")
            }
        }
        guard try ["silu", "swish"].contains(json.string("act_fn", default: "silu")) else {
            throw json.invalid("act_fn", expected: "\"silu\"")
        }
        let groups = normNumGroups
        guard blockOutChannels.allSatisfy({ $0.isMultiple(of: groups) }) else {
            throw json.invalid("block_out_channels", expected: "multiples of norm_num_groups, \(groups)")
        }
        unknownKeys = json.unknownKeys
    }
}
