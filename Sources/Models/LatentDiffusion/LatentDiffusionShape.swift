import Foundation
package import LienzoNN

/// What the shapes in a single file of Stable Diffusion say of its networks; such a file has no configuration.
///
/// Source: diffusers' `loaders/single_file_utils.py`; CompVis latent-diffusion, `v1-inference.yaml`; Stability's
/// `v2-inference-v.yaml`, `sd_xl_base.yaml` and `sd_xl_refiner.yaml`.
package struct LatentDiffusionShape: Sendable {
    /// The families, which are told apart by their text encoders.
    package enum Version: Sendable, CaseIterable {
        /// CLIP's own text tower, heads of any width, eight of them.
        case one
        /// OpenCLIP's, of which all layers but the last are used; heads of 64.
        case two
        /// XL: both side by side.
        case xl
        /// The refiner of XL: OpenCLIP's alone.
        case refiner

        /// Whether the U-Net is told numbers such as the picture's size.
        package var isXL: Bool { self == .xl || self == .refiner }

        /// What the names of each text encoder begin with.
        var encoders: [(start: String, folder: String, hasHuggingFaceNames: Bool)] {
            switch self {
            case .one: [("cond_stage_model.transformer.", "text_encoder", true)]
            case .two: [("cond_stage_model.model.", "text_encoder", false)]
            case .xl:
                [
                    ("conditioner.embedders.0.transformer.", "text_encoder", true),
                    ("conditioner.embedders.1.model.", "text_encoder_2", false),
                ]
            case .refiner: [("conditioner.embedders.0.model.", "text_encoder_2", false)]
            }
        }
    }

    /// A text encoder of the file.
    package struct Text: Sendable {
        /// The folder that it has in a model directory.
        package let folder: String
        /// Whether its tensors have the names of transformers' CLIP; else they have OpenCLIP's.
        let hasHuggingFaceNames: Bool
        /// What their names begin with.
        let start: String
        package let tower: TextTransformerConfiguration
    }

    package let version: Version
    /// Residual blocks of each block of the U-Net.
    let layersPerBlock: Int
    /// Blocks of each half of the autoencoder.
    let autoencoderBlocks: Int
    package let unet: UNet2DConditionConfiguration
    package let autoencoder: AutoencoderKLConfiguration
    /// One for Stable Diffusion 1 and 2 and for the refiner, two for XL.
    package let texts: [Text]

    /// Whether the names of a part are those of transformers' CLIP behind what all of them begin with.
    package func hasHuggingFaceNames(_ part: LatentDiffusionNames.Part) -> Bool {
        texts.contains { $0.folder == part.folder && $0.hasHuggingFaceNames }
    }

    /// What a file of torch may have around all names.
    static let wrapper = "state_dict."

    /// Reads shapes and no weights.
    ///
    /// - Throws: one sentence where the file is no Stable Diffusion.
    package init(shapesOf source: any ParameterSource) throws {
        let file = NamedShapes(source)
        let found = Version.allCases.first { $0.encoders.allSatisfy { file.hasNames(from: $0.start) } }
        guard let version = found else {
            throw ConfigurationError(
                "\(source.description) is no file of Stable Diffusion: it has no text encoder that they have; give the "
                    + "model's directory."
            )
        }
        self.version = version
        texts = try version.encoders.map { start, folder, hasHuggingFaceNames in
            Text(
                folder: folder,
                hasHuggingFaceNames: hasHuggingFaceNames,
                start: start,
                tower: try hasHuggingFaceNames
                    ? file.huggingFaceTower(start) : file.openCLIPTower(start, skipsLast: version == .two)
            )
        }
        let blocks = try file.unetBlocks()
        layersPerBlock = blocks.layers
        unet = try file.unet(blocks, version, textEmbedding: texts.last?.tower.embeddingDimension ?? 0)
        autoencoder = try file.autoencoder(isXL: version.isXL)
        autoencoderBlocks = autoencoder.blockOutChannels.count
    }
}

/// The names and shapes in a file, and what can be read off them.
private struct NamedShapes {
    private let source: any ParameterSource
    private let names: Set<String>
    private let isWrapped: Bool
    private let unet = "model.diffusion_model."
    private let stage = "first_stage_model."

    init(_ source: any ParameterSource) {
        self.source = source
        names = Set(source.names)
        isWrapped = names.contains { $0.hasPrefix(LatentDiffusionShape.wrapper) }
    }

    private func full(_ name: String) -> String { isWrapped ? LatentDiffusionShape.wrapper + name : name }

    private func has(_ name: String) -> Bool { names.contains(full(name)) }

    func hasNames(from start: String) -> Bool { names.contains { $0.hasPrefix(full(start)) } }

    /// The shape of a tensor that is there, of at least one dimension.
    private func shape(_ name: String) throws -> [Int] {
        guard let shape = source.shape(of: full(name)), !shape.isEmpty else {
            throw ParameterError(name: full(name), source: source.description, problem: .missing)
        }
        return shape
    }

    /// How many numbers there are from 0 on for which a name exists.
    private func count(_ name: (Int) -> String) -> Int { (0...).first { !has(name($0)) } ?? 0 }

    // MARK: The U-Net

    /// How many blocks there are on the way down, and of how many layers each.
    func unetBlocks() throws -> (count: Int, layers: Int) {
        // The first block has some layers and then what halves the map.
        let layers = count { "\(unet)input_blocks.\($0 + 1).0.in_layers.0.weight" }
        guard layers > 0 else {
            let first = full("\(unet)input_blocks.1.0.in_layers.0.weight")
            throw ParameterError(name: first, source: source.description, problem: .missing)
        }
        return (1 + count { "\(unet)input_blocks.\(($0 + 1) * (layers + 1)).0.op.weight" }, layers)
    }

    func unet(
        _ blocks: (count: Int, layers: Int),
        _ version: LatentDiffusionShape.Version,
        textEmbedding: Int
    ) throws -> UNet2DConditionConfiguration {
        let firstLayers = (0..<blocks.count).map { "\(unet)input_blocks.\($0 * (blocks.layers + 1) + 1)" }
        let widths = try firstLayers.map { try shape("\($0).0.out_layers.3.weight")[0] }
        let attended = firstLayers.map { has("\($0).1.proj_in.weight") }
        guard let transformer = zip(firstLayers, attended).first(where: \.1)?.0 else {
            throw ConfigurationError("\(source.description) has a U-Net without attention; give the model's directory.")
        }
        func depth(_ transformer: String) -> Int { count { "\(transformer).transformer_blocks.\($0).norm1.weight" } }
        // The last number is the middle's, too.
        let depths = firstLayers.dropLast().map { max(1, depth("\($0).1")) } + [depth("\(unet)middle_block.1")]
        let channels = try shape("\(unet)input_blocks.0.0.weight").dropFirst().first ?? 0
        var values: [String: JSONValue] = [
            "sample_size": version.isXL ? 128 : version == .one || channels > 4 ? 64 : 96,
            "in_channels": .integer(channels),
            "out_channels": .integer(try shape("\(unet)out.2.weight")[0]),
            "block_out_channels": .integers(widths),
            "layers_per_block": .integer(blocks.layers),
            "down_block_types": .array(attended.map { .string($0 ? "CrossAttnDownBlock2D" : "DownBlock2D") }),
            "up_block_types": .array(attended.reversed().map { .string($0 ? "CrossAttnUpBlock2D" : "UpBlock2D") }),
            "transformer_layers_per_block": .integers(depths),
            "attention_head_dim": version == .one ? 8 : .integers(widths.map { max(1, $0 / 64) }),
            "cross_attention_dim": .integer(
                try shape("\(transformer).1.transformer_blocks.0.attn2.to_k.weight").last ?? 0
            ),
            "upcast_attention": .boolean(version == .two),
            "use_linear_projection": .boolean(try shape("\(transformer).1.proj_in.weight").count == 2),
        ]
        if version.isXL {
            let width = try shape("\(unet)label_emb.0.0.weight").last ?? 0
            values["addition_embed_type"] = "text_time"
            values["projection_class_embeddings_input_dim"] = .integer(width)
            values["addition_time_embed_dim"] = .integer((width - textEmbedding) / (version == .refiner ? 5 : 6))
        }
        return try UNet2DConditionConfiguration(
            json: JSONValue.object(values).configurationJSON(),
            file: source.description
        )
    }

    // MARK: The autoencoder

    func autoencoder(isXL: Bool) throws -> AutoencoderKLConfiguration {
        let count = count { "\(stage)encoder.down.\($0).block.0.conv1.weight" }
        var values: [String: JSONValue] = [
            "block_out_channels": .integers(
                try (0..<count).map { try shape("\(stage)encoder.down.\($0).block.0.conv1.weight")[0] }
            ),
            "down_block_types": .array(Array(repeating: "DownEncoderBlock2D", count: count)),
            "up_block_types": .array(Array(repeating: "UpDecoderBlock2D", count: count)),
            "layers_per_block": .integer(self.count { "\(stage)encoder.down.0.block.\($0).conv1.weight" }),
            "latent_channels": .integer(try shape("\(stage)post_quant_conv.weight")[0]),
        ]
        if isXL { (values["scaling_factor"], values["sample_size"]) = (.number(0.13025), 1024) }
        return try AutoencoderKLConfiguration(
            json: JSONValue.object(values).configurationJSON(),
            file: source.description
        )
    }

    // MARK: The text encoders

    /// A tower of transformers' CLIP.
    func huggingFaceTower(_ start: String) throws -> TextTransformerConfiguration {
        let model = "\(start)text_model."
        let table = try shape("\(model)embeddings.token_embedding.weight")
        let layers = count { "\(model)encoder.layers.\($0).layer_norm1.weight" }
        return TextTransformerConfiguration(
            transformer: transformer(width: table.last ?? 0, layers: layers, activation: .quickGELU),
            vocabularySize: table[0],
            contextLength: try shape("\(model)embeddings.position_embedding.weight")[0],
            embeddingDimension: table.last ?? 0,
            hasProjection: false
        )
    }

    /// A tower of OpenCLIP, whose last layer and projection may go unused.
    func openCLIPTower(_ start: String, skipsLast: Bool) throws -> TextTransformerConfiguration {
        let table = try shape("\(start)token_embedding.weight")
        let layers = count { "\(start)transformer.resblocks.\($0).ln_1.weight" }
        let width = table.last ?? 0
        return TextTransformerConfiguration(
            transformer: transformer(width: width, layers: skipsLast ? max(0, layers - 1) : layers, activation: .gelu),
            vocabularySize: table[0],
            contextLength: try shape("\(start)positional_embedding")[0],
            embeddingDimension: skipsLast ? width : try shape("\(start)text_projection").last ?? 0,
            hasProjection: !skipsLast
        )
    }

    private func transformer(
        width: Int,
        layers: Int,
        activation: CLIPActivation
    ) -> CLIPTransformer.Configuration {
        .init(width: width, layers: layers, heads: max(1, width / 64), activation: activation)
    }
}
