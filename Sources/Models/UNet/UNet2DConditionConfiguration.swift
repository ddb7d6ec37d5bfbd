package import Foundation

/// The shape of a ``UNet2DConditionModel``, as its `config.json` gives it.
///
/// Lienzo builds what Kandinsky 2.1 and 2.2 and Stable Diffusion 1, 2 and XL use; a value of the reference outside that
/// is refused with a sentence.
///
/// Source: `diffusers/models/unets/unet_2d_condition.py`, `UNet2DConditionModel.__init__`.
package struct UNet2DConditionConfiguration: Sendable, Equatable {
    /// What goes down: each but the last halves the map.
    package enum DownBlockType: String, Sendable, CaseIterable, Codable {
        /// Residual blocks without attention; a residual block halves the map.
        case resnetDownsample = "ResnetDownsampleBlock2D"
        /// Residual blocks, each followed by attention over the map and the condition; a residual block halves the map.
        case simpleCrossAttention = "SimpleCrossAttnDownBlock2D"
        /// Residual blocks without attention; a convolution halves the map.
        case plain = "DownBlock2D"
        /// Residual blocks, each followed by a transformer; a convolution halves the map.
        case crossAttention = "CrossAttnDownBlock2D"

        /// What follows each residual block.
        package var attention: Attention? {
            switch self {
            case .resnetDownsample, .plain: nil
            case .simpleCrossAttention: .simple
            case .crossAttention: .transformer
            }
        }

        /// The block on the way up that mirrors it.
        package var mirrored: UpBlockType {
            switch self {
            case .resnetDownsample: .resnetUpsample
            case .simpleCrossAttention: .simpleCrossAttention
            case .plain: .plain
            case .crossAttention: .crossAttention
            }
        }
    }

    /// What stands between down and up.
    package enum MidBlockType: String, Sendable, CaseIterable, Codable {
        /// Residual block, attention over the map and the condition, residual block.
        case simpleCrossAttention = "UNetMidBlock2DSimpleCrossAttn"
        /// Residual block, transformer, residual block.
        case crossAttention = "UNetMidBlock2DCrossAttn"

        /// What stands between the residual blocks.
        package var attention: Attention { self == .crossAttention ? .transformer : .simple }
    }

    /// What goes up: each but the last doubles the map.
    package enum UpBlockType: String, Sendable, CaseIterable, Codable {
        /// Residual blocks without attention; a residual block doubles the map.
        case resnetUpsample = "ResnetUpsampleBlock2D"
        /// Residual blocks, each followed by attention over the map and the condition; a residual block doubles the map.
        case simpleCrossAttention = "SimpleCrossAttnUpBlock2D"
        /// Residual blocks without attention; a convolution follows the doubled map.
        case plain = "UpBlock2D"
        /// Residual blocks, each followed by a transformer; a convolution follows the doubled map.
        case crossAttention = "CrossAttnUpBlock2D"

        /// What follows each residual block.
        package var attention: Attention? {
            switch self {
            case .resnetUpsample, .plain: nil
            case .simpleCrossAttention: .simple
            case .crossAttention: .transformer
            }
        }
    }

    /// The two kinds of attention.
    package enum Attention: Sendable {
        /// Condition and map in one softmax.
        case simple
        /// Transformer blocks: self-attention, cross-attention, feed-forward network.
        case transformer
    }

    /// What the network is told beside the noisy sample and the time.
    package enum Conditioning: Sendable, Equatable {
        /// Stable Diffusion 1 and 2: the text encoding.
        case text
        /// Stable Diffusion XL: text encoding, and text embedding and numbers such as the picture's size, which are
        /// added to the time. Each number has `numberWidth` sinusoids; embedding and sinusoids are `width` wide together.
        case textTime(numberWidth: Int, width: Int)
        /// Kandinsky 2.1: text embedding, text encoding and image embedding.
        case textImage
        /// Kandinsky 2.2: the image embedding alone.
        case image
        /// Kandinsky 2.2's ControlNet: the image embedding, and a picture such as a depth map beside the sample.
        case imageHint

        /// The word of `addition_embed_type`.
        var additionType: String? {
            switch self {
            case .text: nil
            case .textTime: "text_time"
            case .textImage: "text_image"
            case .image: "image"
            case .imageHint: "image_hint"
            }
        }

        /// The word of `encoder_hid_dim_type`.
        var projection: String? {
            switch self {
            case .text, .textTime: nil
            case .textImage: "text_image_proj"
            case .image, .imageHint: "image_proj"
            }
        }
    }

    /// What a class, or a vector in its place, adds to the time.
    package enum ClassEmbedding: Sendable, Equatable {
        /// The sinusoids of a number through two linear layers.
        case timestep
        /// A vector of a width through two linear layers: the image embedding of Stable unCLIP.
        case projection(width: Int)
        /// A vector as wide as the time embedding, as it is.
        case identity
        /// One of so many classes.
        case labels(count: Int)
    }

    /// How the time acts inside a residual block.
    package enum TimeScaleShift: String, Sendable, CaseIterable, Codable {
        /// It is added before the second normalisation.
        case shift = "default"
        /// It scales and shifts what the second normalisation gives.
        case scaleShift = "scale_shift"
    }

    /// Width and height of the samples the network was trained on, in latent pixels.
    package let sampleSize: Int?
    /// Channels of the sample.
    package private(set) var inChannels: Int
    /// Channels of the prediction; twice `inChannels` where the network also predicts a variance.
    package let outChannels: Int
    /// Whether a sample in 0…1 is moved to −1…1 first.
    package let centerInputSample: Bool
    /// Whether the sinusoids of the time are cosines first, then sines.
    package let flipSinToCos: Bool
    /// Subtracted from the number of frequencies where their spacing is computed.
    package let freqShift: Int
    /// The blocks on the way down, from the full map to the smallest.
    package let downBlockTypes: [DownBlockType]
    /// The block at the smallest map.
    package let midBlockType: MidBlockType
    /// The blocks on the way up, from the smallest map to the full one.
    package let upBlockTypes: [UpBlockType]
    /// For each down block (mirrored by the up blocks), whether its attention sees the condition only, not the map.
    package let onlyCrossAttention: [Bool]
    /// Whether the attention of the middle sees the condition only.
    package let midBlockOnlyCrossAttention: Bool
    /// Channels of each down block; the up blocks mirror them.
    package let blockOutChannels: [Int]
    /// Residual blocks of each down block; the mirrored up block has one more.
    package let layersPerBlock: [Int]
    /// Channels of one head of simple attention, and **the number of heads** of a transformer: the reference keeps the
    /// name that it had once given to the wrong number.
    ///
    /// Down block `i` reads element `i`, the middle reads the last. Up block `i` reads element `i` too where its
    /// attention is simple, and that of the down block it mirrors where it has transformers.
    package let attentionHeadDim: [Int]
    /// Transformer blocks in each transformer of each down block; the up blocks mirror them, the middle has the last.
    package let transformerLayersPerBlock: [Int]
    /// Whether the projections around a transformer's blocks are linear layers; else they are 1 × 1 convolutions.
    package let usesLinearProjection: Bool
    /// Whether the reference computes attention in float32 when all else is float16.
    ///
    /// Nothing follows from it here: the softmax is float32 always, and float16 is never computed with on the CPU.
    package let upcastsAttention: Bool
    /// The middle's residual sums are divided by this.
    package let midBlockScaleFactor: Double
    /// Groups of every group normalisation.
    package let normNumGroups: Int
    /// Epsilon of the group normalisations of residual blocks and output (attention has 1e-5 in the reference).
    package let normEps: Double
    /// Width of the condition's tokens as attention sees them.
    package let crossAttentionDim: Int
    /// Width of the text encoding (`textImage`) or of the image embedding (`image`); that of the condition's tokens where
    /// they are not projected (`text`, `textTime`).
    package let encoderHidDim: Int
    /// What the network is told beside sample and time.
    package let conditioning: Conditioning
    /// What a class or a vector adds to the time.
    package let classEmbedding: ClassEmbedding?
    /// Width of a vector that is added to the time's sinusoids, made of the guidance: latent consistency models.
    package private(set) var timeConditionWidth: Int?
    /// How the time acts inside a residual block.
    package let resnetTimeScaleShift: TimeScaleShift
    /// Whether residual blocks take the time embedding without SiLU.
    package let resnetSkipTimeAct: Bool
    /// The residual sums of down and up blocks are divided by this.
    package let resnetOutScaleFactor: Double
    /// Width of the time embedding; 4 × the first block's channels where the file does not say.
    package let timeEmbeddingDim: Int
    /// Side of the first convolution's kernel, odd.
    package let convInKernel: Int
    /// Side of the last convolution's kernel, odd.
    package let convOutKernel: Int
    /// Keys of the file that Lienzo does not know, sorted.
    package let unknownKeys: [String]

    /// Channels that a hint brings beside those of the sample.
    package static let hintChannels = HintEncoder.channels

    /// By how much a hint is larger than the sample, in width and height.
    package static let hintFactor = HintEncoder.factor

    /// By how much the blocks shrink the map; width and height of a sample must be multiples of it.
    package var downsamplingFactor: Int { 1 << (blockOutChannels.count - 1) }

    /// The shape of a network beside this one, which sees latents of so many channels and is not told the guidance.
    func beside(inChannels: Int) -> UNet2DConditionConfiguration {
        var beside = self
        (beside.inChannels, beside.timeConditionWidth) = (inChannels, nil)
        return beside
    }

    /// A new network's shape, with the values that Kandinsky's networks share as defaults.
    ///
    /// - Parameters:
    ///   - sampleSize: Side of the latents it is trained on.
    ///   - inChannels: Channels of the latents.
    ///   - outChannels: Channels of the prediction.
    ///   - downBlockTypes: The way down; the way up mirrors it.
    ///   - blockOutChannels: Channels of each block, multiples of `normNumGroups`.
    ///   - layersPerBlock: Residual blocks of each down block.
    ///   - attentionHeadDim: Channels of one attention head, in all blocks.
    ///   - normNumGroups: Groups of every group normalisation.
    ///   - crossAttentionDim: Width of the condition's tokens; of text and image embedding too for `textImage`.
    ///   - encoderHidDim: Width of the text encoding (`textImage`) or of the image embedding (`image`).
    ///   - conditioning: What the network is told beside sample and time.
    ///   - resnetTimeScaleShift: How the time acts inside a residual block.
    /// - Throws: `ConfigurationError` when the values do not fit each other.
    package init(
        sampleSize: Int,
        inChannels: Int,
        outChannels: Int,
        downBlockTypes: [DownBlockType],
        blockOutChannels: [Int],
        layersPerBlock: Int = 3,
        attentionHeadDim: Int = 64,
        normNumGroups: Int = 32,
        crossAttentionDim: Int,
        encoderHidDim: Int,
        conditioning: Conditioning = .textImage,
        resnetTimeScaleShift: TimeScaleShift = .scaleShift
    ) throws(ConfigurationError) {
        self.sampleSize = sampleSize
        self.inChannels = inChannels
        self.outChannels = outChannels
        self.downBlockTypes = downBlockTypes
        self.blockOutChannels = blockOutChannels
        self.layersPerBlock = downBlockTypes.map { _ in layersPerBlock }
        self.attentionHeadDim = downBlockTypes.map { _ in attentionHeadDim }
        self.normNumGroups = normNumGroups
        self.crossAttentionDim = crossAttentionDim
        self.encoderHidDim = encoderHidDim
        self.conditioning = conditioning
        self.resnetTimeScaleShift = resnetTimeScaleShift
        midBlockType = .simpleCrossAttention
        upBlockTypes = downBlockTypes.reversed().map(\.mirrored)
        transformerLayersPerBlock = downBlockTypes.map { _ in 1 }
        usesLinearProjection = false
        upcastsAttention = false
        classEmbedding = nil
        timeConditionWidth = nil
        centerInputSample = false
        flipSinToCos = true
        freqShift = 0
        onlyCrossAttention = downBlockTypes.map { _ in false }
        midBlockOnlyCrossAttention = false
        midBlockScaleFactor = 1
        normEps = 1e-5
        resnetSkipTimeAct = false
        resnetOutScaleFactor = 1
        timeEmbeddingDim = 4 * (blockOutChannels.first ?? 0)
        convInKernel = 3
        convOutKernel = 3
        unknownKeys = []
        try checkFit(file: "a new U-Net")
    }

    /// Reads a `config.json`.
    ///
    /// - Parameters:
    ///   - json: The file's bytes.
    ///   - file: The file's name, for messages.
    /// - Throws: `ConfigurationError` when a value is missing, out of range, not supported or does not fit the others.
    package init(json: Data, file: String = "config.json") throws(ConfigurationError) {
        try self.init(ConfigurationReader(json, file: file), file: file)
    }

    /// Reads the keys of a `config.json`; those that nobody else has read are unknown.
    ///
    /// - Parameters:
    ///   - json: The file.
    ///   - file: Its name, for messages.
    ///   - goesUp: Whether the network has a way up, and the file says what is on it; else it mirrors the way down.
    /// - Throws: `ConfigurationError` when a value is missing, out of range, not supported or does not fit the others.
    init(_ json: ConfigurationReader, file: String, goesUp: Bool = true) throws(ConfigurationError) {
        sampleSize = try json.optionalInteger("sample_size", in: 1...65_536)
        inChannels = try json.integer("in_channels", default: 4, in: 1...1024)
        outChannels = try json.integer("out_channels", default: 4, in: 1...1024)
        centerInputSample = try json.boolean("center_input_sample", default: false)
        flipSinToCos = try json.boolean("flip_sin_to_cos", default: true)
        freqShift = try json.integer("freq_shift", default: 0, in: -1...1)
        blockOutChannels = try json.integers(
            "block_out_channels",
            default: [320, 640, 1280, 1280],
            count: 1...8,
            in: 1...16_384
        )
        let count = blockOutChannels.count
        downBlockTypes = try json.choices("down_block_types", count: count)
        guard !json.isNull("mid_block_type") else {
            throw json.invalid("mid_block_type", expected: "a block between down and up")
        }
        midBlockType = try json.choice("mid_block_type", default: .crossAttention)
        upBlockTypes =
            goesUp ? try json.choices("up_block_types", count: count) : downBlockTypes.reversed().map(\.mirrored)
        onlyCrossAttention = try json.booleansPerBlock("only_cross_attention", default: false, count: count)
        midBlockOnlyCrossAttention = try json.boolean(
            "mid_block_only_cross_attention",
            default: json.isList("only_cross_attention") ? false : onlyCrossAttention[0]
        )
        layersPerBlock = try json.integersPerBlock("layers_per_block", default: 2, count: count, in: 1...32)
        attentionHeadDim = try json.integersPerBlock("attention_head_dim", default: 8, count: count, in: 1...1024)
        transformerLayersPerBlock = try json.integersPerBlock(
            "transformer_layers_per_block",
            default: 1,
            count: count,
            in: 1...64
        )
        usesLinearProjection = try json.boolean("use_linear_projection", default: false)
        upcastsAttention = try json.boolean("upcast_attention", default: false)
        midBlockScaleFactor = try json.number("mid_block_scale_factor", default: 1, in: 1e-3...1e3)
        normNumGroups = try json.integer("norm_num_groups", default: 32, in: 1...1024)
        normEps = try json.number("norm_eps", default: 1e-5, in: 0...1)
        crossAttentionDim = try json.integer("cross_attention_dim", default: 1280, in: 1...16_384)
        conditioning = try json.conditioning()
        encoderHidDim = try json.integer(
            "encoder_hid_dim",
            default: conditioning.projection == nil ? crossAttentionDim : nil,
            in: 1...16_384
        )
        classEmbedding = try json.classEmbedding()
        timeConditionWidth = try json.optionalInteger("time_cond_proj_dim", in: 1...16_384)
        resnetTimeScaleShift = try json.choice("resnet_time_scale_shift", default: .shift)
        resnetSkipTimeAct = try json.boolean("resnet_skip_time_act", default: false)
        resnetOutScaleFactor = try json.number("resnet_out_scale_factor", default: 1, in: 1e-3...1e3)
        timeEmbeddingDim = try json.integer(
            "time_embedding_dim",
            default: min(4 * blockOutChannels[0], 65_536),
            in: 1...65_536
        )
        convInKernel = try json.integer("conv_in_kernel", default: 3, in: 1...15)
        convOutKernel = try json.integer("conv_out_kernel", default: 3, in: 1...15)

        try Self.refuseOtherValues(json)
        unknownKeys = json.unknownKeys
        try checkFit(file: file)
    }

    /// Refuses what the reference also builds and Lienzo does not, and passes over what changes nothing here.
    private static func refuseOtherValues(_ json: ConfigurationReader) throws(ConfigurationError) {
        for key in [
            "num_attention_heads", "cross_attention_norm", "timestep_post_act", "time_embedding_act_fn",
            "reverse_transformer_layers_per_block",
        ] where json.has(key) {
            throw json.invalid(key, expected: "null")
        }
        for key in ["class_embeddings_concat", "dual_cross_attention"] where try json.boolean(key, default: false) {
            throw json.invalid(key, expected: "false")
        }
        for (key, only) in [("attention_type", "default"), ("time_embedding_type", "positional")]
        where try json.string(key, default: only) != only {
            throw json.invalid(key, expected: "\"\(only)\"")
        }
        guard try ["silu", "swish"].contains(json.string("act_fn", default: "silu")) else {
            throw json.invalid("act_fn", expected: "\"silu\"")
        }
        guard try json.number("dropout", default: 0, in: 0...1) == 0 else {
            throw json.invalid("dropout", expected: "0")
        }
        guard try json.integer("downsample_padding", default: 1, in: 0...16) == 1 else {
            throw json.invalid("downsample_padding", expected: "1")
        }
        // These shape conditions that are refused above, or that do not read them.
        json.ignore(
            "addition_time_embed_dim",
            "addition_embed_type_num_heads",
            "projection_class_embeddings_input_dim"
        )
    }

    /// Checks what no value shows alone.
    private func checkFit(file: String) throws(ConfigurationError) {
        func require(_ holds: Bool, _ key: String, _ expected: String, _ found: Any) throws(ConfigurationError) {
            guard holds else { throw ConfigurationError(file: file, key: key, expected: expected, found: "\(found)") }
        }
        let count = blockOutChannels.count
        for (key, value) in [
            ("in_channels", inChannels), ("out_channels", outChannels), ("norm_num_groups", normNumGroups),
            ("cross_attention_dim", crossAttentionDim), ("encoder_hid_dim", encoderHidDim),
            ("layers_per_block", layersPerBlock.min() ?? 0), ("attention_head_dim", attentionHeadDim.min() ?? 0),
        ] {
            try require(value > 0, key, "above 0", value)
        }
        try require(
            count > 0 && downBlockTypes.count == count,
            "down_block_types",
            "one type for each of \(count) blocks",
            downBlockTypes.map(\.rawValue)
        )
        try require(
            blockOutChannels.allSatisfy { $0 > 0 && $0 % normNumGroups == 0 },
            "block_out_channels",
            "multiples of norm_num_groups, \(normNumGroups)",
            blockOutChannels
        )
        try require(
            blockOutChannels[0] % 2 == 0 && blockOutChannels[0] / 2 != freqShift,
            "block_out_channels",
            "an even first width, above 2 × freq_shift",
            blockOutChannels
        )
        for (key, side) in [("conv_in_kernel", convInKernel), ("conv_out_kernel", convOutKernel)] {
            try require(side % 2 == 1, key, "an odd number", side)
        }
        for index in 0..<count {
            try checkHeads(downBlockTypes[index].attention, channels: blockOutChannels[index], at: index, file)
        }
        try checkHeads(midBlockType.attention, channels: blockOutChannels[count - 1], at: count - 1, file)
        for index in 0..<count {
            let attention = upBlockTypes[index].attention
            let place = attention == .simple ? index : count - 1 - index
            try checkHeads(attention, channels: blockOutChannels[count - 1 - index], at: place, file)
        }
    }

    /// Whether the heads of a block divide its channels; `place` is where the block reads `attention_head_dim`.
    private func checkHeads(
        _ attention: Attention?,
        channels: Int,
        at place: Int,
        _ file: String
    ) throws(ConfigurationError) {
        guard attention != nil, !channels.isMultiple(of: attentionHeadDim[place]) else { return }
        throw ConfigurationError(
            file: file,
            key: "attention_head_dim",
            expected: "a divisor of \(channels) channels",
            found: "\(attentionHeadDim[place])"
        )
    }
}

extension ConfigurationReader {
    /// What the network is told, by the words of `addition_embed_type` and `encoder_hid_dim_type`, which go together.
    fileprivate func conditioning() throws(ConfigurationError) -> UNet2DConditionConfiguration.Conditioning {
        let conditioning: UNet2DConditionConfiguration.Conditioning
        switch has("addition_embed_type") ? try string("addition_embed_type") : nil {
        case nil: conditioning = .text
        case "text_image": conditioning = .textImage
        case "image": conditioning = .image
        case "image_hint": conditioning = .imageHint
        case "text_time":
            conditioning = .textTime(
                numberWidth: try integer("addition_time_embed_dim", in: 2...16_384),
                width: try integer("projection_class_embeddings_input_dim", in: 1...65_536)
            )
        case _?:
            throw invalid("addition_embed_type", expected: "\"text_time\" or \"text_image\" or \"image\" or null")
        }
        let projection = has("encoder_hid_dim_type") ? try string("encoder_hid_dim_type") : nil
        guard projection == conditioning.projection else {
            throw invalid("encoder_hid_dim_type", expected: conditioning.projection.map { "\"\($0)\"" } ?? "null")
        }
        guard projection != nil || !has("encoder_hid_dim") else { throw invalid("encoder_hid_dim", expected: "null") }
        return conditioning
    }

    /// What a class adds to the time, by `class_embed_type` and `num_class_embeds`.
    fileprivate func classEmbedding() throws(ConfigurationError) -> UNet2DConditionConfiguration.ClassEmbedding? {
        let count = try optionalInteger("num_class_embeds", in: 1...1_000_000)
        switch has("class_embed_type") ? try string("class_embed_type") : nil {
        case nil: return count.map { .labels(count: $0) }
        case "timestep": return .timestep
        case "identity": return .identity
        case "projection":
            return .projection(width: try integer("projection_class_embeddings_input_dim", in: 1...65_536))
        case _?:
            throw invalid(
                "class_embed_type",
                expected: "\"timestep\" or \"projection\" or \"identity\" or null"
            )
        }
    }

    /// One word of an enumeration for each of `count` blocks.
    fileprivate func choices<Choice: RawRepresentable & CaseIterable>(
        _ key: String,
        count: Int
    ) throws(ConfigurationError) -> [Choice] where Choice.RawValue == String {
        let words = try strings(key, count: count...count)
        let choices = words.compactMap(Choice.init(rawValue:))
        guard choices.count == count else {
            throw invalid(key, expected: "a list of " + Choice.allCases.map(\.rawValue).joined(separator: " or "))
        }
        return choices
    }

    /// One integer for all blocks, or a list with one for each.
    fileprivate func integersPerBlock(
        _ key: String,
        default fallback: Int,
        count: Int,
        in range: ClosedRange<Int>
    ) throws(ConfigurationError) -> [Int] {
        if isList(key) { return try integers(key, count: count...count, in: range) }
        return Array(repeating: try integer(key, default: fallback, in: range), count: count)
    }

    /// One flag for all blocks, or a list with one for each.
    fileprivate func booleansPerBlock(
        _ key: String,
        default fallback: Bool,
        count: Int
    ) throws(ConfigurationError) -> [Bool] {
        if isList(key) { return try booleans(key, count: count...count) }
        return Array(repeating: try boolean(key, default: fallback), count: count)
    }
}
