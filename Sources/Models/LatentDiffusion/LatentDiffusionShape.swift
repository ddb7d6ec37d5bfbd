import Foundation
package import LienzoNN

/// What the shapes in a single file of Stable Diffusion 1 or 2 say of its networks; such a file has no configuration.
///
/// Source: diffusers' `loaders/single_file_utils.py`; CompVis latent-diffusion, `v1-inference.yaml`; Stability's
/// `v2-inference-v.yaml`.
package struct LatentDiffusionShape: Sendable {
    /// The two families that are told apart by their text encoder.
    package enum Version: Sendable {
        /// CLIP's own text tower, heads of any width, eight of them.
        case one
        /// OpenCLIP's, of which all layers but the last are used; heads of 64.
        case two
    }

    package let version: Version
    /// Residual blocks of each block of the U-Net.
    package let layersPerBlock: Int
    /// Blocks of each half of the autoencoder.
    package let autoencoderBlocks: Int
    /// Layers of the text encoder that are used.
    package let textLayers: Int
    package let unet: UNet2DConditionConfiguration
    package let autoencoder: AutoencoderKLConfiguration
    package let text: TextTransformerConfiguration

    /// What a file of torch may have around all names.
    static let wrapper = "state_dict."

    /// Reads shapes and no weights.
    ///
    /// - Throws: one sentence where the file is no Stable Diffusion 1 or 2.
    package init(shapesOf source: any ParameterSource) throws {
        let names = Set(source.names)
        let isWrapped = names.contains { $0.hasPrefix(Self.wrapper) }
        func full(_ name: String) -> String { isWrapped ? Self.wrapper + name : name }
        func shape(_ name: String) throws -> [Int] {
            guard let shape = source.shape(of: full(name)), !shape.isEmpty else {
                throw ParameterError(name: full(name), source: source.description, problem: .missing)
            }
            return shape
        }
        /// How many numbers there are from 0 on for which a name exists.
        func count(_ name: (Int) -> String) -> Int { (0...).first { !names.contains(full(name($0))) } ?? 0 }

        let (network, stage) = ("model.diffusion_model.", "first_stage_model.")
        let encoders = ["cond_stage_model.transformer.text_model.", "cond_stage_model.model."]
        guard let encoder = encoders.first(where: { start in names.contains { $0.hasPrefix(full(start)) } }) else {
            throw ConfigurationError(
                "\(source.description) is no file of Stable Diffusion 1 or 2: it has no text encoder that they have; give "
                    + "the model's directory."
            )
        }
        version = encoder == encoders[0] ? .one : .two

        // The U-Net. The first block has some layers and then what halves the map.
        let input = try shape("\(network)input_blocks.0.0.weight")
        let layers = count { "\(network)input_blocks.\($0 + 1).0.in_layers.0.weight" }
        let blocks = 1 + count { "\(network)input_blocks.\(($0 + 1) * (layers + 1)).0.op.weight" }
        guard layers > 0, input.count == 4 else {
            throw ParameterError(
                name: full("\(network)input_blocks.1.0.in_layers.0.weight"),
                source: source.description,
                problem: .missing
            )
        }
        layersPerBlock = layers
        let widths = try (0..<blocks).map {
            try shape("\(network)input_blocks.\($0 * (layers + 1) + 1).0.out_layers.3.weight")[0]
        }
        let attended = (0..<blocks).map {
            names.contains(full("\(network)input_blocks.\($0 * (layers + 1) + 1).1.proj_in.weight"))
        }
        guard let first = attended.firstIndex(of: true) else {
            throw ConfigurationError("\(source.description) has a U-Net without attention; give the model's directory.")
        }
        let transformer = "\(network)input_blocks.\(first * (layers + 1) + 1).1."
        unet = try UNet2DConditionConfiguration(
            json: JSONValue.object([
                "sample_size": version == .one || input[1] > 4 ? 64 : 96,
                "in_channels": .integer(input[1]),
                "out_channels": .integer(try shape("\(network)out.2.weight")[0]),
                "block_out_channels": .integers(widths),
                "layers_per_block": .integer(layers),
                "down_block_types": .array(attended.map { .string($0 ? "CrossAttnDownBlock2D" : "DownBlock2D") }),
                "up_block_types": .array(attended.reversed().map { .string($0 ? "CrossAttnUpBlock2D" : "UpBlock2D") }),
                "attention_head_dim": version == .one ? 8 : .integers(widths.map { max(1, $0 / 64) }),
                "cross_attention_dim": .integer(
                    try shape("\(transformer)transformer_blocks.0.attn2.to_k.weight").last ?? 0
                ),
                "upcast_attention": .boolean(version == .two),
                "use_linear_projection": .boolean(try shape("\(transformer)proj_in.weight").count == 2),
            ]).configurationJSON(),
            file: source.description
        )

        // The autoencoder.
        let halves = count { "\(stage)encoder.down.\($0).block.0.conv1.weight" }
        autoencoderBlocks = halves
        autoencoder = try AutoencoderKLConfiguration(
            json: JSONValue.object([
                "block_out_channels": .integers(
                    try (0..<halves).map { try shape("\(stage)encoder.down.\($0).block.0.conv1.weight")[0] }
                ),
                "down_block_types": .array(Array(repeating: "DownEncoderBlock2D", count: halves)),
                "up_block_types": .array(Array(repeating: "UpDecoderBlock2D", count: halves)),
                "layers_per_block": .integer(count { "\(stage)encoder.down.0.block.\($0).conv1.weight" }),
                "latent_channels": .integer(try shape("\(stage)post_quant_conv.weight")[0]),
            ]).configurationJSON(),
            file: source.description
        )

        // The text encoder.
        let isOne = version == .one
        let embeddings = isOne ? "\(encoder)embeddings.token_embedding.weight" : "\(encoder)token_embedding.weight"
        let table = try shape(embeddings)
        let positions = try shape(
            isOne ? "\(encoder)embeddings.position_embedding.weight" : "\(encoder)positional_embedding"
        )
        let all = count {
            isOne
                ? "\(encoder)encoder.layers.\($0).layer_norm1.weight"
                : "\(encoder)transformer.resblocks.\($0).ln_1.weight"
        }
        textLayers = isOne ? all : max(0, all - 1)
        let width = table.last ?? 0
        text = TextTransformerConfiguration(
            transformer: CLIPTransformer.Configuration(
                width: width,
                layers: textLayers,
                heads: max(1, width / 64),
                activation: isOne ? .quickGELU : .gelu
            ),
            vocabularySize: table[0],
            contextLength: positions[0],
            embeddingDimension: width,
            hasProjection: false
        )
    }
}
