package import Foundation

extension CLIPConfiguration {
    /// Reads the files of two towers that were published apart, as those of transformers'
    /// `CLIPTextModelWithProjection`, `CLIPVisionModelWithProjection` and `CLIPImageProcessor`.
    ///
    /// - Parameters:
    ///   - text: The bytes of the text tower's `config.json`.
    ///   - image: The bytes of the image tower's `config.json`.
    ///   - preprocessor: The bytes of `preprocessor_config.json`.
    ///   - folder: Where the files are, for messages.
    /// - Throws: `ConfigurationError` where a value is missing or out of range, or the towers do not share a space.
    ///
    /// Source: `transformers/models/clip/configuration_clip.py`, `image_processing_clip.py`.
    package init(
        textTower text: Data,
        imageTower image: Data,
        preprocessor: Data,
        folder: String = "."
    ) throws(ConfigurationError) {
        let textJSON = try ConfigurationReader(text, file: "\(folder)/text_encoder/config.json")
        let imageJSON = try ConfigurationReader(image, file: "\(folder)/image_encoder/config.json")
        let textTower = try TextTransformerConfiguration(huggingFace: textJSON)
        let imageTower = try VisionTransformerConfiguration(huggingFace: imageJSON)
        guard textTower.embeddingDimension == imageTower.embeddingDimension else {
            throw imageJSON.invalid(
                "projection_dim",
                expected: "that of the text tower, \(textTower.embeddingDimension)"
            )
        }
        let processor = try Self.preprocessing(
            ConfigurationReader(preprocessor, file: "\(folder)/image_processor/preprocessor_config.json"),
            imageSize: imageTower.imageSize
        )
        self.init(
            imageTower: .visionTransformer(imageTower),
            textTower: textTower,
            preprocessing: processor.preprocessing,
            unknownKeys: (textJSON.unknownKeys + imageJSON.unknownKeys + processor.unknownKeys).sorted()
        )
    }
}

extension TextTransformerConfiguration {
    /// Reads the `config.json` of transformers' `CLIPTextModelWithProjection`.
    ///
    /// - Parameter json: The file's bytes.
    /// - Throws: `ConfigurationError` where a value is missing or out of range.
    package init(huggingFace json: Data) throws(ConfigurationError) {
        try self.init(huggingFace: ConfigurationReader(json, file: "config.json"))
    }

    init(huggingFace json: ConfigurationReader) throws(ConfigurationError) {
        let dimension = try json.integer("projection_dim", default: 512, in: 1...16_384)
        json.ignore("architectures")
        CLIPConfiguration.ignoreDefaults(json)
        let vocabulary = try json.integer("vocab_size", default: 49_408, in: 1...2_000_000)
        // Files older than the pooling by number say 2 and mean the largest number.
        let end = try json.integer("eos_token_id", default: 49_407, in: 0...max(2, vocabulary - 1))
        self.init(
            transformer: try CLIPConfiguration.transformer(json, width: 512, layers: 12, heads: 8, intermediate: 2048),
            vocabularySize: vocabulary,
            contextLength: try json.integer("max_position_embeddings", default: 77, in: 2...8192),
            embeddingDimension: dimension,
            pooling: end == 2 ? .largestNumber : .first(end)
        )
    }
}

extension VisionTransformerConfiguration {
    /// Reads the `config.json` of transformers' `CLIPVisionModelWithProjection`.
    ///
    /// - Parameter json: The file's bytes.
    /// - Throws: `ConfigurationError` where a value is missing or out of range.
    package init(huggingFace json: Data) throws(ConfigurationError) {
        try self.init(huggingFace: ConfigurationReader(json, file: "config.json"))
    }

    init(huggingFace json: ConfigurationReader) throws(ConfigurationError) {
        json.ignore("architectures")
        try self.init(
            huggingFace: json,
            dimension: json.integer("projection_dim", default: 512, in: 1...16_384)
        )
    }

    /// An image tower in a space whose width is said elsewhere.
    init(huggingFace json: ConfigurationReader, dimension: Int) throws(ConfigurationError) {
        CLIPConfiguration.ignoreDefaults(json)
        guard try json.integer("num_channels", default: 3, in: 1...64) == 3 else {
            throw json.invalid("num_channels", expected: "3")
        }
        let patch = try json.integer("patch_size", default: 32, in: 1...1024)
        self.init(
            transformer: try CLIPConfiguration.transformer(json, width: 768, layers: 12, heads: 12, intermediate: 3072),
            imageSize: try json.integer("image_size", default: 224, in: patch...8192),
            patchSize: patch,
            embeddingDimension: dimension
        )
    }
}
