import Foundation
import LienzoCheckpoints
package import LienzoModels
import LienzoNN
import LienzoTokenizers

/// Where a dual encoder's files are and what they say, in whichever layout it was published.
///
///     open_clip_config.json, open_clip_model.safetensors …    OpenCLIP; `mini`'s own
///     config.json, model.safetensors, merges.txt …            transformers' CLIPModel
///     ViT-B-32.pt                                             OpenAI's archives, or a plain state dictionary of one
///
/// Files are told by their first bytes and never by their names.
package struct CLIPCheckpoint: Sendable {
    /// The shape, by the class that the reference has for it.
    package enum Configuration: Sendable {
        /// Towers of timm and Hugging Face.
        case custom(OpenCLIPConfiguration)
        /// Towers of CLIP's own.
        case native(CLIPConfiguration)
    }

    /// What padding a family's texts get, and where its vocabulary is.
    private enum Vocabulary: Sendable {
        case wordPiece(folder: String)
        case bytePairs(folder: String?, padding: CLIPTokenizer.Padding, cleaning: CLIPTokenizer.Cleaning)
    }

    package let configuration: Configuration
    /// The checkpoint, or the index of one in several files.
    let weights: String
    private let vocabulary: Vocabulary
    private let names: Names

    /// Whose names the tensors have.
    private enum Names: Sendable {
        case openCLIP
        /// As OpenCLIP's, with the text tower under `text.`.
        case customText
        case huggingFace
    }

    /// Reads the configuration files of a folder, or the shapes of a single file.
    ///
    /// - Parameters:
    ///   - path: A folder or a file.
    ///   - imageTowerNamed: The image towers that there are, by timm's name; tests have narrow ones.
    /// - Throws: One sentence where a file is missing or wrong.
    package init(
        _ path: String,
        imageTowerNamed: (String) -> EfficientNetLiteConfiguration? = { EfficientNetLiteConfiguration(timm: $0) }
    ) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw PipelineError.invalidModel(path: path, reason: "there is no such file or folder")
        }
        guard isFolder.boolValue else {
            let source = try openCheckpoint(path)
            configuration = .native(try CLIPConfiguration(shapesOf: source))
            weights = path
            vocabulary = .bytePairs(folder: nil, padding: .zero, cleaning: .openAI)
            names = .openCLIP
            return
        }
        func has(_ file: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(file)") }
        if has("open_clip_config.json") {
            try self.init(openCLIP: path, imageTowerNamed: imageTowerNamed)
        } else if has("config.json") {
            configuration = .native(
                try CLIPConfiguration(
                    huggingFace: ModelDirectory.read("config.json", in: path),
                    preprocessor: has("preprocessor_config.json")
                        ? ModelDirectory.read("preprocessor_config.json", in: path) : nil
                )
            )
            weights = try Self.first(
                ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"],
                in: path
            )
            vocabulary = .bytePairs(folder: path, padding: .endToken, cleaning: .huggingFace)
            names = .huggingFace
        } else {
            throw PipelineError.invalidModel(
                path: path,
                reason: "it has neither open_clip_config.json nor config.json, which say what model it holds"
            )
        }
    }
}
