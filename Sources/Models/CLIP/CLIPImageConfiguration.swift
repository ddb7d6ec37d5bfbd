package import Foundation

/// The shape of an image tower alone, as transformers' `CLIPVisionModelWithProjection` and `CLIPImageProcessor` write
/// it.
///
/// Source: `transformers/models/clip/configuration_clip.py`, `CLIPVisionConfig`; `image_processing_clip.py`.
package struct CLIPImageConfiguration: Sendable, Equatable {
    package let tower: VisionTransformerConfiguration
    /// What pictures become before the tower sees them.
    package let preprocessing: OpenCLIPConfiguration.Preprocessing
    /// Keys of the files that Lienzo does not know, sorted.
    package let unknownKeys: [String]

    /// Reads a `config.json` and a `preprocessor_config.json`.
    ///
    /// - Parameters:
    ///   - json: The bytes of the tower's file.
    ///   - preprocessor: The bytes of the processor's file.
    ///   - file: The name of the tower's file, for messages.
    ///   - preprocessorFile: The name of the processor's file, for messages.
    /// - Throws: `ConfigurationError` where a value is missing or out of range, or names something that Lienzo has not.
    package init(
        json: Data,
        preprocessor: Data,
        file: String = "config.json",
        preprocessorFile: String = "preprocessor_config.json"
    ) throws(ConfigurationError) {
        let json = try ConfigurationReader(json, file: file)
        tower = try VisionTransformerConfiguration(huggingFace: json)
        let processor = try CLIPConfiguration.preprocessing(
            ConfigurationReader(preprocessor, file: preprocessorFile),
            imageSize: tower.imageSize
        )
        preprocessing = processor.preprocessing
        unknownKeys = (json.unknownKeys + processor.unknownKeys).sorted()
    }
}
