extension CLIPConfiguration: Encodable {
    /// Writes the reference's `open_clip_config.json`; what OpenCLIP cannot say is refused by ``openCLIPProblem``.
    ///
    /// - Parameter encoder: Where to.
    /// - Throws: What the encoder throws.
    package func encode(to encoder: any Encoder) throws {
        try openCLIP(nested: false).encode(to: encoder)
    }

    /// The reference's `open_clip_config.json`.
    ///
    /// - Parameter nested: Whether the text tower's tensors have `text.` before their names.
    /// - Returns: Model and preprocessing.
    ///
    /// Source: `open_clip/model.py`, `CLIPVisionCfg`, `CLIPTextCfg`; `open_clip/transform.py`, `PreprocessCfg`.
    package func openCLIP(nested: Bool) -> JSONValue {
        let text = textTower.transformer
        var model: [String: JSONValue] = [
            "embed_dim": .integer(embeddingDimension),
            "quick_gelu": .boolean(text.activation == .quickGELU),
            "vision_cfg": .object(vision),
            "text_cfg": [
                "context_length": .integer(textTower.contextLength),
                "vocab_size": .integer(textTower.vocabularySize),
                "width": .integer(text.width),
                "heads": .integer(text.heads),
                "layers": .integer(text.layers),
                "mlp_ratio": .number(Double(text.intermediateWidth) / Double(text.width)),
            ],
        ]
        if nested { model["custom_text"] = true }
        if hasLogitBias { model["init_logit_bias"] = -10 }
        return [
            "model_cfg": .object(model),
            "preprocess_cfg": [
                "size": .integer(preprocessing.size),
                "fill_color": .integer(Int(preprocessing.fillColor)),
                "interpolation": .string(preprocessing.interpolation.rawValue),
                "mean": .numbers(preprocessing.mean),
                "resize_mode": .string(preprocessing.resizeMode.rawValue),
                "std": .numbers(preprocessing.standardDeviation),
            ],
        ]
    }

    private var vision: [String: JSONValue] {
        switch imageTower {
        case .visionTransformer(let tower):
            let transformer = tower.transformer
            return [
                "image_size": .integer(tower.imageSize),
                "layers": .integer(transformer.layers),
                "width": .integer(transformer.width),
                "head_width": .integer(transformer.width / transformer.heads),
                "mlp_ratio": .number(Double(transformer.intermediateWidth) / Double(transformer.width)),
                "patch_size": .integer(tower.patchSize),
                "pool_type": .string(tower.pooling.rawValue),
                "no_ln_pre": .boolean(!tower.hasPreNorm),
                "final_ln_after_pool": .boolean(tower.normalisesPooled),
            ]
        case .resNet(let tower):
            return [
                "image_size": .integer(tower.imageSize),
                "layers": .integers(tower.layers),
                "width": .integer(tower.width),
                "head_width": .integer(tower.featureChannels / tower.heads),
                "patch_size": .null,
            ]
        }
    }

    /// What of this shape OpenCLIP's configuration has no words for; `nil` where it says all.
    package var openCLIPProblem: String? {
        var transformers = [textTower.transformer]
        if case .visionTransformer(let tower) = imageTower { transformers.append(tower.transformer) }
        if Set(transformers.map(\.activation)).count > 1 { return "its towers have different activations" }
        if let odd = transformers.first(where: { $0.layerNormEpsilon != 1e-5 }) {
            return "its normalisations add \(odd.layerNormEpsilon), and OpenCLIP's 0.00001"
        }
        switch textTower.pooling {
        case .largestNumber: return nil
        case .first(let end):
            return end == textTower.vocabularySize - 1
                ? nil : "its texts end with the token \(end), and OpenCLIP's with the last of the vocabulary"
        }
    }
}
