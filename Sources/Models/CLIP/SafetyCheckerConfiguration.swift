package import Foundation

/// The shape of a ``SafetyChecker``, and how pictures are prepared for it.
package struct SafetyCheckerConfiguration: Sendable, Equatable {
    package let tower: VisionTransformerConfiguration
    package let preprocessing: OpenCLIPConfiguration.Preprocessing

    /// Reads the files of diffusers' `StableDiffusionSafetyChecker` and of the `CLIPImageProcessor` beside it.
    ///
    /// Those of the published checkers are full of settings that change nothing; keys that are not known are not told.
    ///
    /// - Parameters:
    ///   - json: the bytes of `safety_checker/config.json`.
    ///   - preprocessor: the bytes of `feature_extractor/preprocessor_config.json`.
    ///   - folder: the model directory, for messages.
    /// - Throws: `ConfigurationError` where a value is missing or out of range.
    package init(json: Data, preprocessor: Data, folder: String = ".") throws(ConfigurationError) {
        let json = try ConfigurationReader(json, file: "\(folder)/safety_checker/config.json")
        tower = try VisionTransformerConfiguration(
            huggingFace: json.object("vision_config"),
            dimension: json.integer("projection_dim", default: 512, in: 1...16_384)
        )
        preprocessing = try CLIPConfiguration.preprocessing(
            ConfigurationReader(preprocessor, file: "\(folder)/feature_extractor/preprocessor_config.json"),
            imageSize: tower.imageSize
        ).preprocessing
    }
}
