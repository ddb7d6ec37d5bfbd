import Foundation
import LienzoCheckpoints
import LienzoFiles
package import LienzoModels
import LienzoNN
import LienzoPipelines
package import LienzoTokenizers
import LienzoTorch

/// What a contrastive run trains: a shape, where its parameters start, and the tokenizer of its texts.
package struct ContrastiveModel {
    package let configuration: CLIPConfiguration
    package let tokenizer: any TextTokenizer
    /// Where parameters start; `nil` for random ones.
    let start: (any ParameterSource)?
    /// Tells this start from others, and this shape; in a few words.
    let facts: [String: String]
    /// Files that belong to the tokenizer and go along with a trained model.
    private let tokenizerFiles: [String]

    /// A model with random parameters.
    ///
    /// - Parameter architecture: a published name, such as `ViT-B/32` or `RN50`, or the path of a configuration of OpenCLIP.
    /// - Throws: one sentence where there is no such architecture, or the file does not say one.
    package init(architecture: String) throws {
        if let published = CLIPConfiguration(architecture: architecture) {
            configuration = published
        } else {
            guard let bytes = FileManager.default.contents(atPath: architecture) else {
                throw TrainingError(
                    "\(architecture) is neither a file nor an architecture that Lienzo knows; expected an "
                        + "open_clip_config.json or one of \(CLIPConfiguration.architectures.joined(separator: ", "))"
                )
            }
            configuration = try CLIPConfiguration(openCLIP: bytes, file: architecture)
        }
        start = nil
        tokenizerFiles = []
        facts = ["--architecture": try Self.shape(configuration)]
        tokenizer = try Self.tokenizer(.published(), for: configuration)
    }

    /// A model that begins with the parameters of another.
    ///
    /// - Parameter path: a model as `lienzo embed` takes it, whose towers are CLIP's own.
    /// - Throws: one sentence where it cannot be read or its towers are others.
    package init(start path: String) throws {
        let (checkpoint, _) = try CLIPCheckpoint.of(model: path)
        // Its own tokenizer is not trained with, but a vocabulary that does not fit the weights shows here.
        _ = try checkpoint.tokenizer()
        let (configuration, tensors) = try checkpoint.ownTowers()
        self.configuration = configuration
        start = tensors
        let files = checkpoint.tokenizerFiles.map { "\(checkpoint.path)/\($0)" }
        tokenizerFiles = files
        facts = ["--start": checkpoint.weightsStamp]
        tokenizer = try Self.tokenizer(
            files.isEmpty ? .published() : CLIPVocabulary(directory: checkpoint.path),
            for: configuration
        )
    }

    private static func shape(_ configuration: CLIPConfiguration) throws -> String {
        String(decoding: try JSONEncoder.sorted.encode(configuration), as: UTF8.self)
    }

    /// Texts are read as OpenCLIP reads them, because that is what the model is written for.
    private static func tokenizer(
        _ vocabulary: CLIPVocabulary,
        for configuration: CLIPConfiguration
    ) throws -> CLIPTokenizer {
        if let problem = configuration.openCLIPProblem {
            throw TrainingError("this model cannot be written as OpenCLIP's: \(problem)")
        }
        guard vocabulary.pieces.count <= configuration.vocabularySize else {
            throw TrainingError(
                "the text tower has rows for \(configuration.vocabularySize) tokens; expected at least the "
                    + "\(vocabulary.pieces.count) of the vocabulary (vocab_size of text_cfg)"
            )
        }
        return try CLIPTokenizer(vocabulary: vocabulary, configuration: .openCLIP)
    }

    /// Parameters to train, in float32.
    ///
    /// - Parameters:
    ///   - seed: what random ones are drawn with.
    ///   - device: where they are kept.
    ///   - computeType: the type of products and convolutions.
    ///   - isTrainable: which of them change, by name.
    /// - Returns: a store that a ``CLIP`` can be built from.
    func store(
        seed: UInt64,
        device: Device,
        computeType: DType,
        isTrainable: @escaping (String) -> Bool
    ) -> ParameterStore {
        ParameterStore(
            training: start,
            generator: start == nil ? Generator(seed: seed) : nil,
            device: device,
            computeType: computeType,
            isTrainable: isTrainable
        )
    }

    /// Writes the model as a folder of OpenCLIP, which `lienzo embed --model` and open_clip read; the configuration comes
    /// last, so that a folder that has one is whole.
    ///
    /// - Parameters:
    ///   - weights: all tensors by name.
    ///   - folder: where to; it is made where it is missing.
    /// - Throws: errors of files.
    func write(_ weights: [(name: String, tensor: Tensor)], to folder: String) throws {
        try makeFolder(folder)
        try writeSafetensors(weights.map { ($0.name, $0.tensor) }, to: "\(folder)/open_clip_model.safetensors")
        for file in tokenizerFiles {
            guard let bytes = FileManager.default.contents(atPath: file) else {
                throw TrainingError("\(file), which the model's tokenizer was read from, is gone")
            }
            try AtomicFile.write(bytes, to: "\(folder)/\((file as NSString).lastPathComponent)")
        }
        let isNested = weights.contains { $0.name == "text.token_embedding.weight" }
        let json = try configuration.openCLIP(nested: isNested).configurationJSON()
        try AtomicFile.write(json, to: "\(folder)/open_clip_config.json")
    }
}

extension JSONEncoder {
    fileprivate static var sorted: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return encoder
    }
}
