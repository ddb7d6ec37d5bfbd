package import Foundation

extension CLIPConfiguration {
    /// Reads the `config.json` of transformers' `CLIPModel`, and its `preprocessor_config.json` where there is one.
    ///
    /// - Parameters:
    ///   - huggingFace: The bytes of `config.json`.
    ///   - preprocessor: The bytes of `preprocessor_config.json`.
    ///   - folder: Where the files are, for messages.
    /// - Throws: `ConfigurationError` where a value is missing or out of range, or names something that Lienzo has not.
    ///
    /// Source: `transformers/models/clip/configuration_clip.py`, `image_processing_clip.py`.
    package init(
        huggingFace: Data,
        preprocessor: Data? = nil,
        folder: String = "."
    ) throws(ConfigurationError) {
        let json = try ConfigurationReader(huggingFace, file: "\(folder)/config.json")
        guard try json.string("model_type", default: "clip") == "clip" else {
            throw json.invalid("model_type", expected: "\"clip\"")
        }
        let dimension = try json.integer("projection_dim", default: 512, in: 1...16_384)
        json.ignore("logit_scale_init_value", "architectures", "torch_dtype", "dtype", "transformers_version")
        json.ignore("initializer_factor", "text_config_dict", "vision_config_dict", "return_dict")
        let vision = try json.object("vision_config")
        let text = try json.object("text_config")
        Self.ignoreDefaults(text)
        let imageTower = try VisionTransformerConfiguration(huggingFace: vision, dimension: dimension)
        let textTower = try Self.textTower(text, dimension: dimension)
        let processor = try preprocessor.map { (bytes) throws(ConfigurationError) in
            try Self.preprocessing(
                ConfigurationReader(bytes, file: "\(folder)/preprocessor_config.json"),
                imageSize: imageTower.imageSize
            )
        }
        self.init(
            imageTower: .visionTransformer(imageTower),
            textTower: textTower,
            preprocessing: processor?.preprocessing,
            unknownKeys: json.unknownKeys + (processor?.unknownKeys ?? [])
        )
    }

    /// The text tower of a reader of its own object, projected into a space of `dimension`, or not where `nil`.
    static func textTower(
        _ json: ConfigurationReader,
        dimension: Int?
    ) throws(ConfigurationError) -> TextTransformerConfiguration {
        let transformer = try transformer(json, width: 512, layers: 12, heads: 8, intermediate: 2048)
        let vocabulary = try json.integer("vocab_size", default: 49_408, in: 1...2_000_000)
        // Files older than the pooling by number say 2 and mean the largest number.
        let end = try json.integer("eos_token_id", default: 49_407, in: 0...max(2, vocabulary - 1))
        return TextTransformerConfiguration(
            transformer: transformer,
            vocabularySize: vocabulary,
            contextLength: try json.integer("max_position_embeddings", default: 77, in: 2...8192),
            embeddingDimension: dimension ?? transformer.width,
            pooling: end == 2 ? .largestNumber : .first(end),
            hasProjection: dimension != nil
        )
    }

    static func transformer(
        _ json: ConfigurationReader,
        width: Int,
        layers: Int,
        heads: Int,
        intermediate: Int
    ) throws(ConfigurationError) -> CLIPTransformer.Configuration {
        let width = try json.integer("hidden_size", default: width, in: 1...16_384)
        let heads = try json.integer("num_attention_heads", default: heads, in: 1...256)
        guard width.isMultiple(of: heads) else {
            throw json.invalid("num_attention_heads", expected: "a divisor of hidden_size, \(width)")
        }
        return CLIPTransformer.Configuration(
            width: width,
            layers: try json.integer("num_hidden_layers", default: layers, in: 1...256),
            heads: heads,
            intermediateWidth: try json.integer("intermediate_size", default: intermediate, in: 1...65_536),
            activation: try json.choice("hidden_act", default: .quickGELU),
            layerNormEpsilon: try json.number("layer_norm_eps", default: 1e-5, in: 1e-12...1e-1)
        )
    }

    /// Keys that tell of training, or that older versions wrote of every configuration.
    static func ignoreDefaults(_ json: ConfigurationReader) {
        json.ignore("attention_dropout", "initializer_factor", "initializer_range", "model_type", "projection_dim")
        json.ignore("bos_token_id", "pad_token_id", "dropout", "torch_dtype", "dtype", "transformers_version")
    }

    static func preprocessing(
        _ json: ConfigurationReader,
        imageSize: Int
    ) throws(ConfigurationError) -> (preprocessing: OpenCLIPConfiguration.Preprocessing, unknownKeys: [String]) {
        json.ignore("do_resize", "do_center_crop", "do_normalize", "do_rescale", "rescale_factor", "do_convert_rgb")
        json.ignore("size", "crop_size", "feature_extractor_type", "image_processor_type", "processor_class")
        // Pillow's numbers: 2 bilinear, 3 bicubic.
        let resample = try json.integer("resample", default: 3, in: 2...3)
        let published = publishedPreprocessing(imageSize)
        let preprocessing = OpenCLIPConfiguration.Preprocessing(
            size: imageSize,
            mean: try json.numbers("image_mean", default: published.mean, count: 3...3, in: -10...10),
            standardDeviation: try json.numbers(
                "image_std",
                default: published.standardDeviation,
                count: 3...3,
                in: 1e-6...10
            ),
            interpolation: resample == 2 ? .bilinear : .bicubic
        )
        return (preprocessing, json.unknownKeys)
    }
}
