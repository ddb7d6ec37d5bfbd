package import Foundation

extension CLIPConfiguration {
    /// Reads an `open_clip_config.json`, or one of OpenCLIP's own model configurations, whose towers are CLIP's own.
    ///
    /// - Parameters:
    ///   - openCLIP: The bytes of the file.
    ///   - file: The file's name, for messages.
    /// - Throws: `ConfigurationError` where a value is missing or out of range, or names something that Lienzo has not.
    ///
    /// Source: `open_clip/model.py`, `CLIPVisionCfg`, `CLIPTextCfg`; `open_clip/transform.py`, `PreprocessCfg`.
    package init(openCLIP: Data, file: String = "open_clip_config.json") throws(ConfigurationError) {
        let json = try ConfigurationReader(openCLIP, file: file)
        let isWrapped = json.has("model_cfg")
        let model = isWrapped ? try json.object("model_cfg") : json
        let vision = try model.object("vision_cfg")
        let text = try model.object("text_cfg")
        let dimension = try model.integer("embed_dim", in: 1...16_384)
        let activation: CLIPActivation = try model.boolean("quick_gelu", default: false) ? .quickGELU : .gelu
        let hasLogitBias = model.has("init_logit_bias")
        model.ignore("init_logit_scale", "init_logit_bias", "custom_text", "nonscalar_logit_scale")

        let size = try vision.integer("image_size", default: 224, in: 32...8192)
        let imageTower = try Self.imageTower(vision, size: size, dimension: dimension, activation: activation)
        let preprocessing =
            isWrapped
            ? try OpenCLIPConfiguration.Preprocessing(json.object("preprocess_cfg", optional: true), size: size) : nil
        self.init(
            imageTower: imageTower,
            textTower: try Self.textTower(text, dimension: dimension, activation: activation),
            preprocessing: preprocessing,
            hasLogitBias: hasLogitBias,
            unknownKeys: json.unknownKeys
        )
    }

    /// Whether a file names a tower that is not CLIP's own, but timm's or Hugging Face's.
    package static func hasCustomTowers(openCLIP: Data, file: String) throws(ConfigurationError) -> Bool {
        let json = try ConfigurationReader(openCLIP, file: file)
        let model = json.has("model_cfg") ? try json.object("model_cfg") : json
        let (vision, text) = (try model.object("vision_cfg"), try model.object("text_cfg"))
        return vision.has("timm_model_name") || text.has("hf_model_name")
    }

    private static func imageTower(
        _ json: ConfigurationReader,
        size: Int,
        dimension: Int,
        activation: CLIPActivation
    ) throws(ConfigurationError) -> ImageTower {
        json.ignore("patch_dropout", "output_tokens")
        if json.isList("layers") {
            let layers = try json.integers("layers", count: 4...4, in: 1...256)
            let width = try json.integer("width", default: 64, in: 2...1024)
            let headWidth = try json.integer("head_width", default: 64, in: 1...1024)
            guard (32 * width).isMultiple(of: headWidth) else {
                throw json.invalid("head_width", expected: "a divisor of 32 times the width \(width)")
            }
            return .resNet(
                ModifiedResNetConfiguration(
                    layers: layers,
                    width: width,
                    heads: 32 * width / headWidth,
                    imageSize: size,
                    embeddingDimension: dimension
                )
            )
        }
        let width = try json.integer("width", default: 768, in: 1...16_384)
        let headWidth = try json.integer("head_width", default: 64, in: 1...1024)
        guard width.isMultiple(of: headWidth) else {
            throw json.invalid("head_width", expected: "a divisor of the width \(width)")
        }
        for key in ["ls_init_value", "attentional_pool", "timm_model_name", "input_patchnorm"] where json.isOn(key) {
            throw json.invalid(key, expected: "none, because Lienzo has no such tower")
        }
        guard try json.string("pos_embed_type", default: "learnable") == "learnable" else {
            throw json.invalid("pos_embed_type", expected: "\"learnable\"")
        }
        return .visionTransformer(
            VisionTransformerConfiguration(
                transformer: CLIPTransformer.Configuration(
                    width: width,
                    layers: try json.integer("layers", default: 12, in: 1...256),
                    heads: width / headWidth,
                    intermediateWidth: try intermediateWidth(json, width: width),
                    activation: activation
                ),
                imageSize: size,
                patchSize: try json.integer("patch_size", default: 16, in: 1...size),
                embeddingDimension: dimension,
                pooling: try json.choice("pool_type", default: .token),
                hasPreNorm: try !json.boolean("no_ln_pre", default: false),
                normalisesPooled: try json.boolean("final_ln_after_pool", default: false)
            )
        )
    }

    private static func textTower(
        _ json: ConfigurationReader,
        dimension: Int,
        activation: CLIPActivation
    ) throws(ConfigurationError) -> TextTransformerConfiguration {
        for key in ["hf_model_name", "embed_cls", "no_causal_mask", "proj_bias", "ls_init_value"] where json.isOn(key) {
            throw json.invalid(key, expected: "none, because Lienzo has no such text tower")
        }
        json.ignore("hf_tokenizer_name", "tokenizer_kwargs", "pad_id", "eos_id", "output_tokens", "text_mask")
        guard try json.string("proj_type", default: "linear") == "linear" else {
            throw json.invalid("proj_type", expected: "\"linear\"")
        }
        let width = try json.integer("width", default: 512, in: 1...16_384)
        let heads = try json.integer("heads", default: 8, in: 1...256)
        guard width.isMultiple(of: heads) else {
            throw json.invalid("heads", expected: "a divisor of the width \(width)")
        }
        guard try json.string("pool_type", default: "argmax") == "argmax" else {
            throw json.invalid("pool_type", expected: "\"argmax\"")
        }
        return TextTransformerConfiguration(
            transformer: CLIPTransformer.Configuration(
                width: width,
                layers: try json.integer("layers", default: 12, in: 1...256),
                heads: heads,
                intermediateWidth: try intermediateWidth(json, width: width),
                activation: activation
            ),
            vocabularySize: try json.integer("vocab_size", default: 49_408, in: 1...2_000_000),
            contextLength: try json.integer("context_length", default: 77, in: 2...8192),
            embeddingDimension: dimension,
            pooling: .largestNumber
        )
    }

    /// The reference cuts the fraction off.
    private static func intermediateWidth(
        _ json: ConfigurationReader,
        width: Int
    ) throws(ConfigurationError) -> Int {
        max(1, Int(Double(width) * (try json.number("mlp_ratio", default: 4, in: 0.01...64))))
    }
}
