package import Foundation

/// The shape of a ``VQModel``, as its `config.json` gives it.
///
/// Lienzo builds what encodes pictures into latents and decodes latents that were not quantised, as Kandinsky does.
///
/// Source: `diffusers/models/autoencoders/vq_model.py`, `VQModel.__init__`.
package struct VQModelConfiguration: Sendable, Equatable {
    /// What the decoder normalises with.
    package enum NormType: String, Sendable, CaseIterable {
        /// Groups of channels.
        case group
        /// Groups of channels, scaled and shifted at each place by what the latents are there (MoVQ).
        case spatial
    }

    /// Channels of a picture given to `encode`.
    package let inChannels: Int
    /// Channels of a picture that `decode` gives.
    package let outChannels: Int
    /// Channels of the latents inside encoder and decoder.
    package let latentChannels: Int
    /// Channels of the latents outside: of the codebook's vectors.
    package let codeChannels: Int
    /// Vectors of the codebook.
    package let codes: Int
    /// Channels of each stage, from the picture inwards.
    package let blockOutChannels: [Int]
    /// For each stage of the encoder, whether attention follows its residual blocks.
    package let attendsDown: [Bool]
    /// For each stage of the decoder, from the latents outwards, whether attention follows its residual blocks.
    package let attendsUp: [Bool]
    /// Residual blocks of each stage of the encoder; the decoder has one more.
    package let layersPerBlock: Int
    /// Groups of the normalisations that are not spatial; those have 32.
    package let normNumGroups: Int
    /// What the decoder normalises with.
    package let normType: NormType
    /// Whether both halves attend at the smallest map.
    package let midBlockAddAttention: Bool
    /// Keys of the file that Lienzo does not know, sorted.
    package let unknownKeys: [String]
    /// About how many pixels a side have the tiles in which large pictures may go through; the file does not say what the
    /// network was trained on, and Kandinsky makes pictures from 512 pixels a side on.
    package var largestTile = 512

    /// Groups of every spatial normalisation, whatever the file says.
    static let spatialGroups = 32

    /// By how much the encoder shrinks a picture's width and height; both must be multiples of it.
    package var downsamplingFactor: Int { 1 << (blockOutChannels.count - 1) }

    /// Width and height in pixels of the tiles in which large pictures may go through, a multiple of 4 latents.
    package var tileSize: Int {
        let step = 4 * downsamplingFactor
        return max(step, largestTile / step * step)
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
        latentChannels = try json.integer("latent_channels", default: 3, in: 1...1024)
        codeChannels = try json.integer("vq_embed_dim", default: latentChannels, in: 1...1024)
        codes = try json.integer("num_vq_embeddings", default: 256, in: 1...10_000_000)
        blockOutChannels = try json.integers("block_out_channels", default: [64], count: 1...8, in: 1...16_384)
        layersPerBlock = try json.integer("layers_per_block", default: 1, in: 1...32)
        normNumGroups = try json.integer("norm_num_groups", default: 32, in: 1...1024)
        normType = try json.choice("norm_type", default: .group)
        midBlockAddAttention = try json.boolean("mid_block_add_attention", default: true)

        let count = blockOutChannels.count
        func attends(_ key: String, plain: String, attending: String) throws(ConfigurationError) -> [Bool] {
            let types = try json.strings(key, count: count...count)
            guard types.allSatisfy({ $0 == plain || $0 == attending }) else {
                throw json.invalid(key, expected: "a list of \(plain) or \(attending)")
            }
            return types.map { $0 == attending }
        }
        attendsDown = try attends("down_block_types", plain: "DownEncoderBlock2D", attending: "AttnDownEncoderBlock2D")
        attendsUp = try attends("up_block_types", plain: "UpDecoderBlock2D", attending: "AttnUpDecoderBlock2D")

        let groups = normType == .spatial ? [normNumGroups, Self.spatialGroups] : [normNumGroups]
        guard blockOutChannels.allSatisfy({ width in groups.allSatisfy { width.isMultiple(of: $0) } }) else {
            throw json.invalid(
                "block_out_channels",
                expected: "multiples of " + groups.map(String.init).joined(separator: " and of ") + ", the groups"
            )
        }
        guard normType == .group || codeChannels == latentChannels else {
            throw json.invalid("vq_embed_dim", expected: "latent_channels, \(latentChannels), as norm_type is spatial")
        }
        guard try ["silu", "swish"].contains(json.string("act_fn", default: "silu")) else {
            throw json.invalid("act_fn", expected: "\"silu\"")
        }
        guard try !json.boolean("lookup_from_codebook", default: false) else {
            throw json.invalid("lookup_from_codebook", expected: "false")
        }
        // Kandinsky's latents are not scaled, whatever the factor says; the rest tells of training and of GPUs.
        json.ignore("scaling_factor", "sample_size", "force_upcast")
        unknownKeys = json.unknownKeys
    }
}
