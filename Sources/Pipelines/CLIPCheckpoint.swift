import Foundation
import LienzoCheckpoints
package import LienzoModels
package import LienzoNN
package import LienzoTokenizers
import LienzoTorch

/// A dual encoder's files and what they say of its shape, in whichever layout it was published.
///
///     open_clip_config.json, open_clip_model.safetensors …    OpenCLIP; `mini`'s own
///     config.json, model.safetensors, tokenizer.json …        transformers' CLIPModel
///     ViT-B-32.pt                                             OpenAI's archives, or a state dictionary of one
///
/// Weights are told by their first bytes and never by their names.
package struct CLIPCheckpoint: Sendable {
    /// The folder, or the single file.
    package let path: String
    private let layout: Layout
    /// The checkpoint, or the index of one in several files.
    private let weights: String

    private enum Layout: Sendable {
        /// OpenCLIP with the towers of timm and Hugging Face.
        case customTowers(OpenCLIPConfiguration)
        /// OpenCLIP with towers of CLIP's own.
        case openCLIP(CLIPConfiguration)
        case huggingFace(CLIPConfiguration)
        case openAI(CLIPConfiguration)
        /// Two towers in folders of their own.
        case towers(CLIPConfiguration, ModelDirectory)
    }

    /// Reads the configuration files of a folder, or the shapes of a single file; no weights yet.
    ///
    /// - Parameters:
    ///   - path: a folder or a file.
    ///   - imageTowerNamed: the image towers that there are, by timm's name; tests have narrow ones.
    /// - Throws: one sentence where a file is missing or wrong.
    package init(
        _ path: String,
        imageTowerNamed: (String) -> EfficientNetLiteConfiguration? = { EfficientNetLiteConfiguration(timm: $0) }
    ) throws {
        self.path = path
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw PipelineError.invalidModel(path: path, reason: "there is no such file or folder")
        }
        func has(_ file: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(file)") }
        if !isFolder.boolValue {
            weights = path
            layout = .openAI(try CLIPConfiguration(shapesOf: openCheckpoint(path)))
        } else if has(Self.openCLIPFile) {
            weights = Self.first(of: Self.openCLIPWeights, in: path)
            layout = try Self.openCLIP(path, imageTowerNamed)
        } else if has("config.json") {
            weights = Self.first(of: Self.huggingFaceWeights, in: path)
            layout = .huggingFace(
                try CLIPConfiguration(
                    huggingFace: ModelDirectory.read("config.json", in: path),
                    preprocessor: has("preprocessor_config.json")
                        ? ModelDirectory.read("preprocessor_config.json", in: path) : nil,
                    folder: path
                )
            )
        } else {
            throw PipelineError.invalidModel(
                path: path,
                reason: "it has neither \(Self.openCLIPFile) nor config.json, which say what model it holds"
            )
        }
        guard configuration.preprocessing.interpolation != .nearest else {
            throw PipelineError.invalidModel(
                path: path,
                reason: "its preprocessing asks for nearest interpolation; expected bicubic or bilinear"
            )
        }
    }

    /// Reads the configuration files of two towers that lie apart, as in the directories of Kandinsky's priors:
    /// `text_encoder`, `tokenizer`, `image_encoder` and `image_processor`.
    ///
    /// - Parameter directory: the model directory.
    /// - Throws: one sentence where a file is missing or wrong, or the towers do not fit each other.
    init(towersOf directory: ModelDirectory) throws {
        try directory.require("text_encoder", "CLIPTextModelWithProjection")
        try directory.require("tokenizer", "CLIPTokenizer", "CLIPTokenizerFast")
        try directory.require("image_encoder", "CLIPVisionModelWithProjection")
        try directory.requireImageProcessor("image_processor")
        path = directory.path
        weights = PartLoader.file(of: directory.folder(of: "text_encoder"))
        layout = .towers(
            try CLIPConfiguration(
                textTower: directory.json("config.json", of: "text_encoder"),
                imageTower: directory.json("config.json", of: "image_encoder"),
                preprocessor: directory.json("preprocessor_config.json", of: "image_processor"),
                folder: directory.path
            ),
            directory
        )
    }

    private static func openCLIP(
        _ folder: String,
        _ imageTowerNamed: (String) -> EfficientNetLiteConfiguration?
    ) throws -> Layout {
        let json = try ModelDirectory.read(openCLIPFile, in: folder)
        let file = "\(folder)/\(openCLIPFile)"
        guard try CLIPConfiguration.hasCustomTowers(openCLIP: json, file: file) else {
            return .openCLIP(try CLIPConfiguration(openCLIP: json, file: file))
        }
        return .customTowers(
            try OpenCLIPConfiguration(
                json: json,
                textTower: ModelDirectory.read("config.json", in: folder),
                file: file,
                imageTowerNamed: imageTowerNamed
            )
        )
    }

    private static let openCLIPFile = "open_clip_config.json"
    private static let openCLIPWeights = [
        "open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin",
        "open_clip_model.safetensors.index.json", "model.safetensors", "pytorch_model.bin",
    ]
    private static let huggingFaceWeights = [
        "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
    ]

    /// The first of some files that is there; where none is, the usual one, whose absence reading it then tells.
    private static func first(of files: [String], in folder: String) -> String {
        files.map { "\(folder)/\($0)" }.first { FileManager.default.fileExists(atPath: $0) } ?? "\(folder)/\(files[0])"
    }
}

extension CLIPCheckpoint {
    /// The dual encoder of a model: of a model directory its part, of anything else that itself.
    ///
    /// - Parameters:
    ///   - path: a model directory, a folder of OpenCLIP or transformers, or one of OpenAI's files.
    ///   - imageTowerNamed: the image towers that there are, by timm's name; tests have narrow ones.
    /// - Returns: the checkpoint, and what the model calls itself.
    /// - Throws: one sentence where a file is missing or wrong.
    package static func of(
        model path: String,
        imageTowerNamed: (String) -> EfficientNetLiteConfiguration? = { EfficientNetLiteConfiguration(timm: $0) }
    ) throws -> (checkpoint: CLIPCheckpoint, name: String) {
        guard FileManager.default.fileExists(atPath: "\(path)/model_index.json") else {
            let name = ModelDirectory.name(ofFolder: path)
            return (try CLIPCheckpoint(path, imageTowerNamed: imageTowerNamed), name)
        }
        let directory = try ModelDirectory(path)
        try directory.require("clip", "CustomTextCLIP")
        let checkpoint = try CLIPCheckpoint(directory.folder(of: "clip"), imageTowerNamed: imageTowerNamed)
        return (checkpoint, directory.name)
    }
}

// MARK: - What the files say

extension CLIPCheckpoint {
    /// The shape.
    package var configuration: any DualEncoderConfiguration {
        switch layout {
        case .customTowers(let configuration): configuration
        case .openCLIP(let own), .huggingFace(let own), .openAI(let own), .towers(let own, _): own
        }
    }

    /// The number of tokens to which texts are cut or filled up.
    package var contextLength: Int { configuration.contextLength }

    /// Tells these weights from others without reading them: path, size and time of the last change.
    package var weightsStamp: String {
        let attributes = try? FileManager.default.attributesOfItem(atPath: weights)
        let changed = (attributes?[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
        return "\(weights) \(attributes?[.size] as? Int ?? 0) \(changed)"
    }
}

// MARK: - The parts

extension CLIPCheckpoint {
    /// Builds the network from the weights.
    func network(_ loader: PartLoader) throws -> any DualEncoder {
        switch layout {
        case .customTowers(let configuration):
            try loader.load(weights, ignoring: OpenCLIP.isIgnorable) { try OpenCLIP($0, configuration) }
        case .openCLIP(let own), .openAI(let own):
            try loader.load(weights, ignoring: CLIP.isIgnorable) { try CLIP($0, own) }
        case .huggingFace(let own):
            try loader.load(weights, as: { HuggingFaceCLIPNames($0) }, ignoring: CLIP.isIgnorable) { try CLIP($0, own) }
        case .towers:
            throw PipelineError.invalidModel(
                path: path,
                reason: "its towers lie apart and come without a logit scale; expected a dual encoder in one file"
            )
        }
    }

    /// The halves of the network, each of which is read alone where it has a file of its own.
    func halves(_ loader: PartLoader) throws -> (texts: Part<any TextEncoder>, images: Part<any ImageEncoder>) {
        guard case .towers(let own, let directory) = layout else {
            let whole = loader.options.keepsParts ? try network(loader) : nil
            return (try Part(loader) { try whole ?? network($0) }, try Part(loader) { try whole ?? network($0) })
        }
        return (
            try Part(loader, isOptional: true) {
                try $0.load(weights, as: { HuggingFaceCLIPNames(textTower: $0) }) {
                    try TextTransformer($0, own.textTower)
                }
            },
            try Part(loader, isOptional: true) {
                try $0.load(
                    PartLoader.file(of: directory.folder(of: "image_encoder")),
                    as: { HuggingFaceCLIPNames($0) },
                    ignoring: CLIP.isIgnorable
                ) { scope -> any ImageEncoder in
                    switch own.imageTower {
                    case .visionTransformer(let tower): try VisionTransformer(scope["visual"], tower)
                    case .resNet(let tower): try ModifiedResNet(scope["visual"], tower)
                    }
                }
            }
        )
    }

    /// The shape and the tensors of a checkpoint whose towers are CLIP's own, by OpenCLIP's names, as training takes them.
    ///
    /// - Throws: one sentence where the towers are others, or the weights cannot be opened.
    package func ownTowers() throws -> (configuration: CLIPConfiguration, tensors: any ParameterSource) {
        switch layout {
        case .customTowers, .towers:
            throw PipelineError.invalidModel(
                path: path,
                reason: "its towers are not CLIP's own, and only a ViT or ResNet with CLIP's text tower can be trained"
            )
        case .openCLIP(let own), .openAI(let own): return (own, try openCheckpoint(weights))
        case .huggingFace(let own): return (own, HuggingFaceCLIPNames(try openCheckpoint(weights)))
        }
    }

    /// The files of a folder that its tokenizer is read from, which a trained copy takes along; none for a single file.
    package var tokenizerFiles: [String] {
        guard hasVocabulary else { return [] }
        return [
            "merges.txt", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "vocab.json",
        ].filter { FileManager.default.fileExists(atPath: "\(path)/\($0)") }
    }

    /// Reads the tokenizer, and checks that its pieces are as many as the rows of the text tower.
    package func tokenizer() throws -> any TextTokenizer {
        let (tokenizer, pieces): (any TextTokenizer, Int)
        switch layout {
        case .customTowers:
            let wordPiece = try WordPieceTokenizer(directory: path)
            (tokenizer, pieces) = (wordPiece, wordPiece.vocabulary.pieces.count)
        case .huggingFace where hasVocabulary:
            let bytePairs = try CLIPTokenizer(directory: path)
            (tokenizer, pieces) = (bytePairs, bytePairs.vocabulary.pieces.count)
        case .huggingFace:
            (tokenizer, pieces) = try published(.huggingFace)
        case .towers(_, let directory):
            let bytePairs = try CLIPTokenizer(directory: directory.folder(of: "tokenizer"))
            (tokenizer, pieces) = (bytePairs, bytePairs.vocabulary.pieces.count)
        case .openCLIP:
            (tokenizer, pieces) = try published(.openCLIP)
        case .openAI:
            (tokenizer, pieces) = try published(.openAI)
        }
        let rows = configuration.vocabularySize
        guard (0..<Self.paddingLimit).contains(rows - pieces) else {
            throw PipelineError.invalidModel(
                path: path,
                reason: "its vocabulary has \(pieces) pieces; expected the \(rows) that the text tower has rows for, "
                    + "less at most \(Self.paddingLimit - 1) that fill them up to a round number"
            )
        }
        return tokenizer
    }

    /// Tables of tokens are filled up to multiples of at most this many rows; what lacks more is another vocabulary.
    private static let paddingLimit = 128

    private var hasVocabulary: Bool {
        ["tokenizer.json", "vocab.json"].contains { FileManager.default.fileExists(atPath: "\(path)/\($0)") }
    }

    /// The tokenizer with the vocabulary that all of OpenAI's and most of OpenCLIP's models share, which they are
    /// published without.
    private func published(
        _ configuration: CLIPTokenizerConfiguration
    ) throws -> (tokenizer: any TextTokenizer, pieces: Int) {
        let vocabulary = try hasVocabulary ? CLIPVocabulary(directory: path) : CLIPVocabulary.published()
        return (
            try CLIPTokenizer(vocabulary: vocabulary, configuration: configuration), vocabulary.pieces.count
        )
    }
}
