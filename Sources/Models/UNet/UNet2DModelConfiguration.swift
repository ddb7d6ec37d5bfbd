package import Foundation

/// The shape of a ``UNet2DModel``, as its `config.json` gives it.
///
/// Lienzo builds what Karlo's super-resolution uses; a value of the reference outside that is refused with a sentence.
///
/// Source: `diffusers/models/unets/unet_2d.py`, `UNet2DModel.__init__`.
package struct UNet2DModelConfiguration: Sendable, Equatable {
    /// Width and height of the samples the network was trained on, in pixels.
    package let sampleSize: Int?
    /// Channels of the sample and of what stands beside it.
    package let inChannels: Int
    /// Channels of the prediction.
    package let outChannels: Int
    /// Whether the sinusoids of the time are cosines first, then sines.
    package let flipSinToCos: Bool
    /// Subtracted from the number of frequencies where their spacing is computed.
    package let freqShift: Int
    /// Channels of each down block; the up blocks mirror them.
    package let blockOutChannels: [Int]
    /// Residual blocks of each down block; an up block has one more.
    package let layersPerBlock: Int
    /// Groups of every group normalisation.
    package let normNumGroups: Int
    /// Epsilon of the normalisations.
    package let normEps: Double
    /// How the time acts inside a residual block.
    package let resnetTimeScaleShift: UNet2DConditionConfiguration.TimeScaleShift
    /// The residual sums of the middle are divided by this.
    package let midBlockScaleFactor: Double
    /// Width of the time embedding; 4 × the first block's channels where the file does not say.
    package let timeEmbeddingDim: Int
    /// Keys of the file that Lienzo does not know, sorted.
    package let unknownKeys: [String]

    /// By how much the blocks shrink the map; width and height of a sample must be multiples of it.
    package var downsamplingFactor: Int { 1 << (blockOutChannels.count - 1) }

    /// Reads a `config.json`.
    ///
    /// - Parameters:
    ///   - json: The file's bytes.
    ///   - file: The file's name, for messages.
    /// - Throws: `ConfigurationError` when a value is missing, out of range, not supported or does not fit the others.
    package init(json: Data, file: String = "config.json") throws(ConfigurationError) {
        let json = try ConfigurationReader(json, file: file)
        sampleSize = try json.optionalInteger("sample_size", in: 1...65_536)
        inChannels = try json.integer("in_channels", default: 3, in: 1...1024)
        outChannels = try json.integer("out_channels", default: 3, in: 1...1024)
        flipSinToCos = try json.boolean("flip_sin_to_cos", default: true)
        freqShift = try json.integer("freq_shift", default: 0, in: -1...1)
        blockOutChannels = try json.integers(
            "block_out_channels",
            default: [224, 448, 672, 896],
            count: 1...8,
            in: 1...16_384
        )
        layersPerBlock = try json.integer("layers_per_block", default: 2, in: 1...32)
        normNumGroups = try json.integer("norm_num_groups", default: 32, in: 1...1024)
        normEps = try json.number("norm_eps", default: 1e-5, in: 0...1)
        resnetTimeScaleShift = try json.choice("resnet_time_scale_shift", default: .shift)
        midBlockScaleFactor = try json.number("mid_block_scale_factor", default: 1, in: 1e-3...1e3)
        timeEmbeddingDim = try json.integer(
            "time_embedding_dim",
            default: min(4 * blockOutChannels[0], 65_536),
            in: 1...65_536
        )
        guard blockOutChannels.allSatisfy({ [normNumGroups] in $0.isMultiple(of: normNumGroups) }) else {
            throw json.invalid("block_out_channels", expected: "multiples of norm_num_groups, \(normNumGroups)")
        }
        guard blockOutChannels[0].isMultiple(of: 2), blockOutChannels[0] / 2 != freqShift else {
            throw json.invalid("block_out_channels", expected: "an even first width, above 2 × freq_shift")
        }
        try Self.refuseOtherValues(json, blocks: blockOutChannels.count)
        unknownKeys = json.unknownKeys
    }

    /// Refuses what the reference also builds and Lienzo does not, and passes over what changes nothing here.
    private static func refuseOtherValues(
        _ json: ConfigurationReader,
        blocks count: Int
    ) throws(ConfigurationError) {
        for (key, only) in [
            ("down_block_types", "ResnetDownsampleBlock2D"), ("up_block_types", "ResnetUpsampleBlock2D"),
        ] where try json.strings(key, count: count...count).contains(where: { $0 != only }) {
            throw json.invalid(key, expected: "a list of \(only)")
        }
        guard try !json.boolean("add_attention", default: true) else {
            throw json.invalid("add_attention", expected: "false")
        }
        for key in ["class_embed_type", "num_class_embeds"] where json.has(key) {
            throw json.invalid(key, expected: "null")
        }
        guard try !json.boolean("center_input_sample", default: false) else {
            throw json.invalid("center_input_sample", expected: "false")
        }
        for (key, only) in [("time_embedding_type", "positional"), ("mid_block_type", "UNetMidBlock2D")]
        where try json.string(key, default: only) != only {
            throw json.invalid(key, expected: "\"\(only)\"")
        }
        guard try ["silu", "swish"].contains(json.string("act_fn", default: "silu")) else {
            throw json.invalid("act_fn", expected: "\"silu\"")
        }
        guard try json.number("dropout", default: 0, in: 0...1) == 0 else {
            throw json.invalid("dropout", expected: "0")
        }
        // These shape attention and block types that are refused above.
        json.ignore("attention_head_dim", "attn_norm_num_groups", "downsample_padding", "downsample_type")
        json.ignore("upsample_type", "num_train_timesteps")
    }
}
