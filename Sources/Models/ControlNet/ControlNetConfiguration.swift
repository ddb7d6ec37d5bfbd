package import Foundation
package import LienzoNN

/// The shape of a ``ControlNetModel``, as its `config.json` gives it, or as a file without one and the U-Net beside it.
///
/// Source: `diffusers/models/controlnets/controlnet.py`, `ControlNetModel.__init__` and `from_unet`.
package struct ControlNetConfiguration: Sendable, Equatable {
    /// In which order the network reads the colours of a hint.
    package enum ChannelOrder: String, Sendable, CaseIterable {
        case rgb, bgr
    }

    /// The way down and the middle, which are those of a U-Net.
    package let unet: UNet2DConditionConfiguration
    /// Channels of the convolutions that make a map of the hint; each width but the first halves it.
    package let hintWidths: [Int]
    /// In which order the network reads the colours of a hint.
    package let channelOrder: ChannelOrder
    /// Whether the network adds one number for each channel of a map, such as that of the colours' mood, in place of a
    /// map.
    package let poolsGlobally: Bool
    /// Keys of the file that Lienzo does not know, sorted.
    package let unknownKeys: [String]

    /// Channels of a hint: red, green and blue.
    static let hintChannels = 3

    /// By how much a hint is larger than the sample, in width and height.
    package var hintFactor: Int { 1 << (hintWidths.count - 1) }

    /// Reads a `config.json`.
    ///
    /// - Parameters:
    ///   - json: The file's bytes.
    ///   - file: The file's name, for messages.
    /// - Throws: `ConfigurationError` when a value is missing, out of range, not supported or does not fit the others.
    package init(json: Data, file: String = "config.json") throws(ConfigurationError) {
        let json = try ConfigurationReader(json, file: file)
        guard try json.string("_class_name", default: "ControlNetModel") == "ControlNetModel" else {
            throw json.invalid("_class_name", expected: "\"ControlNetModel\"")
        }
        hintWidths = try json.integers(
            "conditioning_embedding_out_channels",
            default: [16, 32, 96, 256],
            count: 2...8,
            in: 1...16_384
        )
        guard try json.integer("conditioning_channels", default: 3, in: 1...1024) == Self.hintChannels else {
            throw json.invalid("conditioning_channels", expected: "3, red, green and blue")
        }
        channelOrder = try json.choice("controlnet_conditioning_channel_order", default: .rgb)
        poolsGlobally = try json.boolean("global_pool_conditions", default: false)
        unet = try UNet2DConditionConfiguration(json, file: file, goesUp: false)
        unknownKeys = unet.unknownKeys
        guard unet.conditioning.projection == nil else {
            throw json.invalid("addition_embed_type", expected: "\"text_time\" or null")
        }
        guard unet.classEmbedding == nil else { throw json.invalid("class_embed_type", expected: "null") }
    }

    /// The shape of a network in a file without a configuration: that of the U-Net it is made for, with the
    /// convolutions that the file has for the hint.
    ///
    /// - Parameters:
    ///   - unet: the U-Net's.
    ///   - inChannels: channels of the latents.
    ///   - source: the file under diffusers' names.
    /// - Throws: `ParameterError` where the file has no such convolutions.
    package init(
        beside unet: UNet2DConditionConfiguration,
        inChannels: Int,
        shapesOf source: any ParameterSource
    ) throws(ParameterError) {
        func width(_ name: String) -> Int? {
            source.shape(of: "controlnet_cond_embedding.\(name).weight").flatMap { $0.count == 4 ? $0[0] : nil }
        }
        guard let first = width("conv_in") else {
            throw ParameterError(
                name: "controlnet_cond_embedding.conv_in.weight",
                source: source.description,
                problem: .missing
            )
        }
        // As many as a configuration may say.
        hintWidths = [first] + (0..<7).map { width("blocks.\(2 * $0 + 1)") }.prefix { $0 != nil }.compactMap(\.self)
        channelOrder = .rgb
        poolsGlobally = false
        self.unet = unet.beside(inChannels: inChannels)
        unknownKeys = []
    }
}
