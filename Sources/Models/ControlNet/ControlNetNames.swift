package import LienzoNN

/// The names in single files of control networks.
///
/// Source: lllyasviel/ControlNet, `cldm/cldm.py`; diffusers' `loaders/single_file_utils.py`,
/// `convert_controlnet_checkpoint`.
package enum ControlNetNames {
    /// A single file under the names that ``ControlNetModel`` asks for: diffusers' as they are, or those of the program
    /// that trained the first of them, with or without the prefix of its part.
    ///
    /// - Parameters:
    ///   - source: the whole file.
    ///   - unet: the U-Net's that the network is made for.
    /// - Returns: the network's tensors; what has no place in it keeps its name, so that it is noticed.
    /// - Throws: `ConfigurationError` where the file is no control network, or the difference of one to another.
    package static func network(
        in source: any ParameterSource,
        beside unet: UNet2DConditionConfiguration
    ) throws(ConfigurationError) -> any ParameterSource {
        let names = source.names
        guard !names.contains("difference"), !names.contains("lora_controlnet") else {
            throw ConfigurationError(
                "\(source.description) holds the difference of a control network to another; give the whole one."
            )
        }
        if names.contains("controlnet_cond_embedding.conv_in.weight") { return source }
        let first = "input_hint_block.0.weight"
        guard let prefix = names.first(where: { $0.hasSuffix(first) })?.dropLast(first.count) else {
            throw ConfigurationError(
                "\(source.description) is no control network: it has no tensor \(first); give one's folder or file."
            )
        }
        let own = names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        let hints = own.compactMap { hintPlace($0) }.max() ?? 0
        let layers = unet.layersPerBlock.first ?? 1
        let origins = own.map { (name($0, layersPerBlock: layers, hints: hints) ?? $0, "\(prefix)\($0)") }
        return RenamedParameters(source, origins: Dictionary(origins, uniquingKeysWith: { first, _ in first }))
    }

    /// Which of the hint's convolutions a tensor belongs to; an activation stands between two.
    private static func hintPlace(_ name: String) -> Int? {
        let parts = name.split(separator: ".")
        guard parts.count == 3, parts[0] == "input_hint_block", let place = Int(parts[1]) else { return nil }
        return place / 2
    }

    /// The new name of a tensor, or `nil` where it has none.
    ///
    /// - Parameters:
    ///   - name: in the file, without the part's prefix.
    ///   - layersPerBlock: residual blocks of each block.
    ///   - hints: the place of the hint's last convolution.
    /// - Returns: diffusers' name.
    static func name(_ name: String, layersPerBlock: Int, hints: Int) -> String? {
        let parts = name.split(separator: ".").map(String.init)
        guard let kind = parts.last else { return nil }
        if let place = hintPlace(name) {
            let convolution = place == 0 ? "conv_in" : place == hints ? "conv_out" : "blocks.\(place - 1)"
            return "controlnet_cond_embedding.\(convolution).\(kind)"
        }
        switch (parts.first, parts.count) {
        case ("zero_convs", 4): return "controlnet_down_blocks.\(parts[1]).\(kind)"
        case ("middle_block_out", 3): return "controlnet_mid_block.\(kind)"
        case ("label_emb", 4): return "add_embedding.linear_\(parts[2] == "0" ? 1 : 2).\(kind)"
        default: return LatentDiffusionNames.unet(parts, layersPerBlock: layersPerBlock)
        }
    }
}
