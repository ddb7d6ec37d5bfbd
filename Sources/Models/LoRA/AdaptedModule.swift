/// The one name that a module of a model has here whatever a LoRA file calls it: its part and its path, with underscores.
///
/// kohya's names have no points, so that where `proj_in` or a block's number ends cannot be told from them alone; the
/// other way, from the model's names to these, is unambiguous.
enum AdaptedModule {
    /// The key of a model's tensor.
    ///
    /// - Parameters:
    ///   - name: its name in the part's file, ending in `.weight`.
    ///   - part: `unet`, `text_encoder` or `text_encoder_2`.
    /// - Returns: such as `unet_mid_block_attentions_0_proj_in`.
    static func key(of name: String, part: String) -> String {
        key(part: part, module: String(name.dropLast(".weight".count).replacing(".", with: "_")))
    }

    /// The key of what stands before `.lora_down.weight` and its like in a file of LoRA.
    static func key(ofStem stem: String) -> String {
        for (prefix, part) in kohyaPrefixes where stem.hasPrefix(prefix) {
            let module = String(stem.dropFirst(prefix.count))
            return key(part: part, module: part == "unet" ? originalUNetName(module) ?? module : module)
        }
        let stem = stem.hasPrefix("base_model.model.") ? String(stem.dropFirst("base_model.model.".count)) : stem
        for part in ["unet", "text_encoder_2", "text_encoder"] where stem.hasPrefix(part + ".") {
            return key(part: part, module: underscored(stem.dropFirst(part.count + 1)))
        }
        // Files of the U-Net alone do not say so.
        return key(part: "unet", module: underscored(stem[...]))
    }

    private static let kohyaPrefixes = [
        ("lora_unet_", "unet"), ("lora_te1_", "text_encoder"), ("lora_te2_", "text_encoder_2"),
        ("lora_te_", "text_encoder"),
    ]

    /// Text encoders have all of their names under `text_model`, or none.
    private static func key(part: String, module: String) -> String {
        let prefix = "text_model_"
        return "\(part)_\(part != "unet" && module.hasPrefix(prefix) ? String(module.dropFirst(prefix.count)) : module)"
    }

    /// diffusers once put the matrices into the attention's processor, and there the output had no number.
    private static func underscored(_ path: Substring) -> String {
        var words = path.split(separator: ".")
        if let place = words.firstIndex(of: "processor") {
            words.remove(at: place)
            if words.last == "to_out" { words.append("0") }
        }
        return words.joined(separator: "_")
    }

    // MARK: - The first code of Stable Diffusion

    /// Residual blocks of each level; the same in SD 1, 2 and XL.
    private static let layers = 2

    /// The name in diffusers of a module that has the name of Stable Diffusion's first code, or `nil` where it has not.
    ///
    /// Source: diffusers `lora_conversion_utils.py`, `_maybe_map_sgm_blocks_to_diffusers`; the numbers count as in
    /// `openaimodel.py` of the first code.
    private static func originalUNetName(_ module: String) -> String? {
        if let rest = module.suffix(behind: "time_embed_") {
            return ["0": "time_embedding_linear_1", "2": "time_embedding_linear_2"][rest]
        }
        if let rest = module.suffix(behind: "label_emb_0_") {
            return ["0": "add_embedding_linear_1", "2": "add_embedding_linear_2"][rest]
        }
        if module == "out_2" { return "conv_out" }
        if module == "input_blocks_0_0" { return "conv_in" }
        if let (block, place, rest) = numbers(in: module, behind: "input_blocks_"), block > 0 {
            let (level, layer) = ((block - 1) / (layers + 1), (block - 1) % (layers + 1))
            if layer == layers { return "down_blocks_\(level)_downsamplers_0_conv" }
            return place == 0
                ? "down_blocks_\(level)_resnets_\(layer)_\(residual(rest))"
                : "down_blocks_\(level)_attentions_\(layer)_\(rest)"
        }
        if let (place, rest) = number(in: module, behind: "middle_block_") {
            return place == 1 ? "mid_block_attentions_0_\(rest)" : "mid_block_resnets_\(place / 2)_\(residual(rest))"
        }
        if let (block, place, rest) = numbers(in: module, behind: "output_blocks_") {
            let (level, layer) = (block / (layers + 1), block % (layers + 1))
            if place > 0, rest == "conv" { return "up_blocks_\(level)_upsamplers_0_conv" }
            return place == 0
                ? "up_blocks_\(level)_resnets_\(layer)_\(residual(rest))"
                : "up_blocks_\(level)_attentions_\(layer)_\(rest)"
        }
        return nil
    }

    /// The parts of a residual block.
    private static func residual(_ name: String) -> String {
        [
            "in_layers_2": "conv1", "out_layers_3": "conv2", "emb_layers_1": "time_emb_proj",
            "skip_connection": "conv_shortcut",
        ][name] ?? name
    }

    private static func number(in text: String, behind prefix: String) -> (Int, String)? {
        guard let rest = text.suffix(behind: prefix) else { return nil }
        let digits = rest.prefix { $0.isWholeNumber }
        guard let number = Int(digits), number < 100 else { return nil }
        return (number, String(rest.dropFirst(digits.count + 1)))
    }

    private static func numbers(in text: String, behind prefix: String) -> (Int, Int, String)? {
        guard let (first, rest) = number(in: text, behind: prefix), let (second, end) = number(in: rest, behind: "")
        else { return nil }
        return (first, second, end)
    }
}

extension String {
    /// What follows a beginning, or `nil` where the text begins otherwise.
    fileprivate func suffix(behind prefix: String) -> String? {
        hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
    }
}
