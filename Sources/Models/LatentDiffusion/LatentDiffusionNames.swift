package import LienzoNN
package import LienzoTorch

/// One part of a single file of Stable Diffusion under the names that its network asks for.
///
/// Such files have the names of the program that trained the models. Everything that belongs to no part (averages of
/// the weights, the schedule, the optimiser) is left out; what belongs to the part and has no place in it keeps its name,
/// so that it is noticed.
///
/// Source: CompVis latent-diffusion, `ldm/modules/diffusionmodules/openaimodel.py` and `model.py`; diffusers'
/// `loaders/single_file_utils.py`.
package struct LatentDiffusionNames: ParameterSource {
    /// A network of the file.
    package enum Part: Sendable {
        case unet
        case autoencoder
        /// A text encoder, by the folder that it has in a model directory.
        case text(String)

        /// The folder that it has in a model directory.
        package var folder: String {
            switch self {
            case .unet: "unet"
            case .autoencoder: "vae"
            case .text(let folder): folder
            }
        }
    }

    private let source: any ParameterSource
    private let oldNames: [String: String]

    /// - Parameters:
    ///   - source: the whole file.
    ///   - part: which of its networks.
    ///   - shape: what the file's shapes say of it.
    package init(_ source: any ParameterSource, _ part: Part, _ shape: LatentDiffusionShape) {
        self.source = source
        var oldNames: [String: String] = [:]
        for name in source.names {
            guard let new = Self.name(name, part, shape) else { continue }
            oldNames[new] = name
        }
        self.oldNames = oldNames
    }

    package var description: String { source.description }
    package var names: [String] { oldNames.keys.sorted() }

    /// The shape, without the sides of a convolution where it stands for a linear layer.
    package func shape(of name: String) -> [Int]? {
        guard let shape = oldNames[name].flatMap({ source.shape(of: $0) }) else { return nil }
        return Self.isLinear(name) ? Array(shape.prefix(2)) : shape
    }

    package func tensor(named name: String) throws -> Tensor {
        guard let old = oldNames[name] else {
            throw ParameterError(name: name, source: description, problem: .missing)
        }
        let tensor = try source.tensor(named: old)
        guard Self.isLinear(name), let shape = shape(of: name) else { return tensor }
        return tensor.reshape(shape)
    }

    /// Whether a tensor is a weight of the autoencoder's attention, which old files have as a 1 × 1 convolution.
    private static func isLinear(_ name: String) -> Bool {
        name.contains(".mid_block.attentions.0.to_") && name.hasSuffix(".weight")
            && (name.hasPrefix("encoder.") || name.hasPrefix("decoder."))
    }

    /// The new name of a tensor, or `nil` where it belongs to another part or to none.
    static func name(_ name: String, _ part: Part, _ shape: LatentDiffusionShape) -> String? {
        var name = name[...]
        if name.hasPrefix(LatentDiffusionShape.wrapper) { name = name.dropFirst(LatentDiffusionShape.wrapper.count) }
        let text = shape.texts.first { $0.folder == part.folder }
        let prefix =
            switch part {
            case .unet: "model.diffusion_model."
            case .autoencoder: "first_stage_model."
            case .text: text?.start
            }
        guard let prefix, name.hasPrefix(prefix) else { return nil }
        let own = String(name.dropFirst(prefix.count))
        let parts = own.split(separator: ".").map(String.init)
        switch part {
        case .unet: return unet(parts, layersPerBlock: shape.layersPerBlock) ?? own
        case .autoencoder:
            guard !["loss", "model_ema"].contains(parts[0]) else { return nil }
            return autoencoder(parts, blocks: shape.autoencoderBlocks) ?? own
        case .text:
            guard let text, !text.hasHuggingFaceNames else { return own }
            // Of the second version the states after the last layer are not read, nor is the projection.
            let isUnread =
                ["logit_scale", "attn_mask"].contains(own)
                || !text.tower.hasProjection
                    && (own == "text_projection"
                        || own.hasPrefix("transformer.resblocks.\(text.tower.transformer.layers)."))
            return isUnread ? nil : own
        }
    }

    private static func joined(_ start: String, _ rest: some Sequence<String>) -> String {
        ([start] + rest).joined(separator: ".")
    }

    // MARK: The U-Net

    /// The new name of a tensor of the U-Net, or of a network beside it, by the parts of the old one.
    static func unet(_ parts: [String], layersPerBlock: Int) -> String? {
        guard parts.count >= 3, let place = Int(parts[1]) ?? (parts[0] == "out" ? 0 : nil) else { return nil }
        let group = layersPerBlock + 1
        switch parts[0] {
        case "label_emb":
            let layers = ["0": "linear_1", "2": "linear_2"]
            return layers[parts[2]].map { joined("add_embedding.\($0)", parts.dropFirst(3)) }
        case "time_embed": return joined("time_embedding.linear_\(place == 0 ? 1 : 2)", parts.dropFirst(2))
        case "out": return joined(place == 0 ? "conv_norm_out" : "conv_out", parts.dropFirst(2))
        case "middle_block":
            let rest = parts.dropFirst(2)
            return place == 1
                ? joined("mid_block.attentions.0", rest) : resnet("mid_block.resnets.\(place / 2)", Array(rest))
        case "input_blocks" where place == 0: return joined("conv_in", parts.dropFirst(3))
        case "input_blocks":
            return layer(
                parts,
                "down_blocks.\((place - 1) / group)",
                (place - 1) % group,
                resampler: ("op", "downsamplers.0.conv")
            )
        case "output_blocks":
            return layer(
                parts,
                "up_blocks.\(place / group)",
                place % group,
                resampler: ("conv", "upsamplers.0.conv")
            )
        default: return nil
        }
    }

    /// A layer of a block on the way down or up: residual block, transformer, or what halves or doubles the map.
    private static func layer(
        _ parts: [String],
        _ block: String,
        _ index: Int,
        resampler: (old: String, new: String)
    ) -> String? {
        guard parts.count >= 5 else { return nil }
        let rest = parts.dropFirst(3)
        if parts[3] == resampler.old { return joined("\(block).\(resampler.new)", rest.dropFirst()) }
        return parts[2] == "0"
            ? resnet("\(block).resnets.\(index)", Array(rest)) : joined("\(block).attentions.\(index)", rest)
    }

    private static func resnet(_ path: String, _ parts: [String]) -> String? {
        guard parts.count >= 2 else { return nil }
        let new = [
            "in_layers.0": "norm1", "in_layers.2": "conv1", "emb_layers.1": "time_emb_proj", "out_layers.0": "norm2",
            "out_layers.3": "conv2",
        ]
        if parts[0] == "skip_connection" { return joined("\(path).conv_shortcut", parts.dropFirst()) }
        return new["\(parts[0]).\(parts[1])"].map { joined("\(path).\($0)", parts.dropFirst(2)) }
    }

    // MARK: The autoencoder

    private static func autoencoder(_ parts: [String], blocks: Int) -> String? {
        guard parts.count >= 3, ["encoder", "decoder"].contains(parts[0]) else { return nil }
        let half = parts[0]
        switch parts[1] {
        case "norm_out": return joined("\(half).conv_norm_out", parts.dropFirst(2))
        case "mid" where parts[2] == "attn_1" && parts.count >= 4:
            let new = ["norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0"]
            return new[parts[3]].map { joined("\(half).mid_block.attentions.0.\($0)", parts.dropFirst(4)) }
        case "mid":
            let index = parts[2] == "block_1" ? 0 : 1
            return shortcut(joined("\(half).mid_block.resnets.\(index)", parts.dropFirst(3)))
        case "down", "up":
            guard let place = Int(parts[2]), parts.count >= 6 else { return nil }
            let block = parts[1] == "down" ? "down_blocks.\(place)" : "up_blocks.\(blocks - 1 - place)"
            switch parts[3] {
            case "downsample": return joined("\(half).\(block).downsamplers.0", parts.dropFirst(4))
            case "upsample": return joined("\(half).\(block).upsamplers.0", parts.dropFirst(4))
            default: return shortcut(joined("\(half).\(block).resnets", parts.dropFirst(4)))
            }
        default: return nil
        }
    }

    private static func shortcut(_ name: String) -> String {
        name.split(separator: ".").map { $0 == "nin_shortcut" ? "conv_shortcut" : $0 }.joined(separator: ".")
    }
}
