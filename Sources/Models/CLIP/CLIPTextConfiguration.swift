package import Foundation

/// The shape of a text tower alone, as transformers' `CLIPTextModel` and `CLIPTextModelWithProjection` write it.
///
/// Source: `transformers/models/clip/configuration_clip.py`, `CLIPTextConfig`.
package struct CLIPTextConfiguration: Sendable, Equatable {
    package let tower: TextTransformerConfiguration
    /// Keys of the file that Lienzo does not know, sorted.
    package let unknownKeys: [String]

    /// Reads a `config.json`.
    ///
    /// - Parameters:
    ///   - json: The file's bytes.
    ///   - hasProjection: Whether the class is the one with a projection; the file does not tell.
    ///   - file: The file's name, for messages.
    /// - Throws: `ConfigurationError` where a value is missing or out of range, or names something that Lienzo has not.
    package init(json: Data, hasProjection: Bool, file: String = "config.json") throws(ConfigurationError) {
        let json = try ConfigurationReader(json, file: file)
        guard try ["clip_text_model", "clip"].contains(json.string("model_type", default: "clip_text_model")) else {
            throw json.invalid("model_type", expected: "\"clip_text_model\"")
        }
        let dimension = hasProjection ? try json.integer("projection_dim", default: 512, in: 1...16_384) : nil
        tower = try CLIPConfiguration.textTower(json, dimension: dimension)
        CLIPConfiguration.ignoreDefaults(json)
        json.ignore("architectures", "output_attentions", "output_hidden_states", "return_dict", "use_cache")
        unknownKeys = json.unknownKeys
    }
}
