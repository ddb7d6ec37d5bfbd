package import Foundation

/// A dual encoder of image and text in OpenCLIP's form, as `open_clip_config.json` gives it.
///
/// The image tower is one that timm names, the text tower one of Hugging Face, whose own `config.json` lies beside
/// the file: OpenCLIP itself asks for it by `hf_model_name`.
///
/// Source: Radford et al., CLIP, 2021, https://arxiv.org/abs/2103.00020; `open_clip/model.py`, `CLIPVisionCfg`,
/// `CLIPTextCfg`; `open_clip/transform.py`, `PreprocessCfg`.
package struct OpenCLIPConfiguration: Sendable, Equatable {
    /// The map from a tower's features into the shared space.
    package enum Projection: String, Sendable, CaseIterable {
        /// One matrix without bias.
        case linear
        /// Two matrices without biases and a GELU between them.
        case mlp
    }

    /// How the hidden states of a text become one vector.
    package enum Pooling: String, Sendable, CaseIterable {
        /// The mean over the tokens that are not padding.
        case mean = "mean_pooler"
        /// The state of the first token.
        case firstToken = "cls_last_hidden_state_pooler"
    }

    /// How a picture is brought to the tower's size.
    package enum ResizeMode: String, Sendable, CaseIterable {
        /// The shorter side fits, the rest is cropped at the centre.
        case shortest
        /// The longer side fits, the rest is filled.
        case longest
        /// Both sides fit, the aspect ratio does not.
        case squash
    }

    /// How pixels between pixels are found.
    package enum Interpolation: String, Sendable, CaseIterable {
        case bicubic, bilinear, nearest
    }

    /// What is done to a picture before the image tower sees it.
    package struct Preprocessing: Sendable, Equatable {
        /// Width and height in pixels.
        package let size: Int
        /// Subtracted from each channel's values in 0…1.
        package let mean: [Double]
        /// Divides each channel's values after that.
        package let standardDeviation: [Double]
        /// How pixels between pixels are found.
        package let interpolation: Interpolation
        /// How a picture is brought to the tower's size.
        package let resizeMode: ResizeMode
        /// The grey, 0…255, beside a picture that does not fill the square (`longest`).
        package let fillColor: UInt8

        /// What is done to a picture before the image tower sees it.
        ///
        /// - Parameters:
        ///   - size: Width and height in pixels.
        ///   - mean: Subtracted from each of three channels' values in 0…1.
        ///   - standardDeviation: Divides each channel's values after that.
        ///   - interpolation: How pixels between pixels are found.
        ///   - resizeMode: How a picture is brought to the size.
        ///   - fillColor: The grey beside a picture that does not fill the square.
        package init(
            size: Int,
            mean: [Double] = [0.5, 0.5, 0.5],
            standardDeviation: [Double] = [0.5, 0.5, 0.5],
            interpolation: Interpolation = .bicubic,
            resizeMode: ResizeMode = .shortest,
            fillColor: UInt8 = 0
        ) {
            precondition(size > 0 && mean.count == 3 && standardDeviation.count == 3)
            self.size = size
            self.mean = mean
            self.standardDeviation = standardDeviation
            self.interpolation = interpolation
            self.resizeMode = resizeMode
            self.fillColor = fillColor
        }
    }

    /// Width of the shared space.
    package let embeddingDimension: Int
    /// timm's name of the image tower.
    package let imageTowerName: String
    /// The shape of the image tower.
    package let imageTower: EfficientNetLiteConfiguration
    /// The shape of the text tower.
    package let textTower: BERTConfiguration
    /// How the hidden states of a text become one vector.
    package let textPooling: Pooling
    /// The map from the pooled text into the shared space.
    package let textProjection: Projection
    /// The number of tokens to which texts are cut or filled up.
    package let contextLength: Int
    /// Whether a learned bias is added to the logits, as SigLIP does.
    package let hasLogitBias: Bool
    /// What is done to a picture before the image tower sees it.
    package let preprocessing: Preprocessing
    /// Keys of both files that Lienzo does not know, sorted.
    package let unknownKeys: [String]

    /// A new dual encoder's shape.
    ///
    /// - Parameters:
    ///   - embeddingDimension: Width of the shared space.
    ///   - imageTowerName: timm's name, `tf_efficientnet_lite0` … `tf_efficientnet_lite4`.
    ///   - textTower: The shape of the text tower.
    ///   - contextLength: The number of tokens to which texts are cut or filled up.
    ///   - preprocessing: What is done to a picture before the image tower sees it.
    /// - Throws: `ConfigurationError` for a name that is not one of the five.
    package init(
        embeddingDimension: Int,
        imageTowerName: String = "tf_efficientnet_lite0",
        textTower: BERTConfiguration,
        contextLength: Int,
        preprocessing: Preprocessing = Preprocessing(size: 224)
    ) throws(ConfigurationError) {
        precondition(embeddingDimension > 0 && (1...textTower.maximumLength).contains(contextLength))
        guard let imageTower = EfficientNetLiteConfiguration(timm: imageTowerName) else {
            throw ConfigurationError("\(imageTowerName) is no image tower that Lienzo has; \(Self.expectedTowers).")
        }
        self.embeddingDimension = embeddingDimension
        self.imageTowerName = imageTowerName
        self.imageTower = imageTower
        self.textTower = textTower
        textPooling = .mean
        textProjection = .linear
        self.contextLength = contextLength
        hasLogitBias = false
        self.preprocessing = preprocessing
        unknownKeys = []
    }

    /// Reads an `open_clip_config.json` and the `config.json` of its text tower.
    ///
    /// - Parameters:
    ///   - json: The bytes of `open_clip_config.json`.
    ///   - textTower: The bytes of the text tower's `config.json`.
    ///   - file: The name of the first file, for messages.
    /// - Throws: `ConfigurationError` when a value is missing or out of range, or names a tower that Lienzo has not.
    package init(
        json: Data,
        textTower: Data,
        file: String = "open_clip_config.json"
    ) throws(ConfigurationError) {
        try self.init(json: json, textTower: textTower, file: file) { EfficientNetLiteConfiguration(timm: $0) }
    }

    /// The same with other image towers: tests build narrow ones.
    package init(
        json: Data,
        textTower: Data,
        file: String = "open_clip_config.json",
        imageTowerNamed: (String) -> EfficientNetLiteConfiguration?
    ) throws(ConfigurationError) {
        let json = try ConfigurationReader(json, file: file)
        let model = try json.object("model_cfg")
        let vision = try model.object("vision_cfg")
        let text = try model.object("text_cfg")
        let preprocess = try json.object("preprocess_cfg", optional: true)

        embeddingDimension = try model.integer("embed_dim", in: 1...16_384)
        hasLogitBias = model.has("init_logit_bias")
        model.ignore("init_logit_scale", "custom_text", "quick_gelu")

        imageTowerName = try vision.string("timm_model_name", default: "")
        guard let imageTower = imageTowerNamed(imageTowerName) else {
            throw vision.invalid("timm_model_name", expected: Self.expectedTowers)
        }
        self.imageTower = imageTower
        guard try vision.string("timm_pool", default: "avg") == "avg" else {
            throw vision.invalid("timm_pool", expected: "\"avg\"")
        }
        guard try vision.string("timm_proj", default: "linear") == "linear" else {
            throw vision.invalid("timm_proj", expected: "\"linear\"")
        }
        guard try !vision.boolean("timm_proj_bias", default: false) else {
            throw vision.invalid("timm_proj_bias", expected: "false")
        }
        let size = try vision.integer("image_size", default: 224, in: 32...4096)
        vision.ignore("timm_model_pretrained", "timm_drop", "timm_drop_path", "patch_dropout")

        guard text.has("hf_model_name") else {
            throw text.invalid("hf_model_name", expected: "the name of a BERT text tower")
        }
        let folder = file.lastIndex(of: "/").map { file[...$0] } ?? ""
        let bert = try BERTConfiguration(json: textTower, file: "\(folder)config.json")
        self.textTower = bert
        textPooling = try text.choice("hf_pooler_type", default: .mean)
        guard !text.isNull("hf_proj_type") else {
            throw text.invalid("hf_proj_type", expected: "\"linear\" or \"mlp\"")
        }
        textProjection = try text.choice("hf_proj_type", default: .mlp)
        // A text has a first and a last token.
        contextLength = try text.integer("context_length", default: 77, in: 2...bert.maximumLength)
        guard try text.string("tokenizer_mode", default: "") == "" else {
            throw text.invalid("tokenizer_mode", expected: "none")
        }
        text.ignore(
            "hf_model_name",
            "hf_tokenizer_name",
            "hf_model_pretrained",
            "output_tokens",
            "width",
            "heads",
            "layers",
            "vocab_size"
        )

        preprocessing = try Preprocessing(preprocess, size: size)
        unknownKeys = json.unknownKeys + bert.unknownKeys
    }

    private static let expectedTowers = "one of timm's tf_efficientnet_lite0 to tf_efficientnet_lite4"
}

extension OpenCLIPConfiguration.Preprocessing {
    /// Reads `preprocess_cfg`.
    init(_ json: ConfigurationReader, size: Int) throws(ConfigurationError) {
        guard try json.string("mode", default: "RGB") == "RGB" else {
            throw json.invalid("mode", expected: "\"RGB\"")
        }
        json.ignore("size")
        let published = CLIPConfiguration.publishedPreprocessing(size)
        self.init(
            size: size,
            mean: try json.numbers("mean", default: published.mean, count: 3...3, in: -10...10),
            standardDeviation: try json.numbers(
                "std",
                default: published.standardDeviation,
                count: 3...3,
                in: 1e-6...10
            ),
            interpolation: try json.choice("interpolation", default: .bicubic),
            resizeMode: try json.choice("resize_mode", default: .shortest),
            fillColor: UInt8(try json.integer("fill_color", default: 0, in: 0...255))
        )
    }
}

extension OpenCLIPConfiguration: Encodable {
    /// Writes the reference's configuration file; what this type does not keep is not written.
    ///
    /// - Parameter encoder: Where to.
    /// - Throws: What the encoder throws.
    package func encode(to encoder: any Encoder) throws {
        try json.encode(to: encoder)
    }

    /// The reference's `open_clip_config.json`.
    ///
    /// The text tower is named `.`: its `config.json` and its tokenizer's files lie in the same directory.
    private var json: JSONValue {
        var model: [String: JSONValue] = [
            "embed_dim": .integer(embeddingDimension),
            "vision_cfg": [
                "image_size": .integer(preprocessing.size),
                "timm_model_name": .string(imageTowerName),
                "timm_model_pretrained": false,
                "timm_pool": "avg",
                "timm_proj": "linear",
            ],
            "text_cfg": [
                "context_length": .integer(contextLength),
                "hf_model_name": ".",
                "hf_pooler_type": .string(textPooling.rawValue),
                "hf_proj_type": .string(textProjection.rawValue),
                "hf_tokenizer_name": ".",
            ],
        ]
        if hasLogitBias { model["init_logit_bias"] = -10 }
        return [
            "model_cfg": .object(model),
            "preprocess_cfg": [
                "fill_color": .integer(Int(preprocessing.fillColor)),
                "interpolation": .string(preprocessing.interpolation.rawValue),
                "mean": .numbers(preprocessing.mean),
                "resize_mode": .string(preprocessing.resizeMode.rawValue),
                "std": .numbers(preprocessing.standardDeviation),
            ],
        ]
    }
}
