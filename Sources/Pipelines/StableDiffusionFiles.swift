import LienzoCheckpoints
import LienzoModels
import LienzoNN
import LienzoTokenizers

/// Where the weights and tokenizers of a Stable Diffusion are.
enum StableDiffusionFiles: Sendable {
    case directory(ModelDirectory)
    /// A single file, whose names are those of the program that trained it.
    case file(String, LatentDiffusionShape)

    /// The folder or the file.
    var path: String {
        switch self {
        case .directory(let directory): directory.path
        case .file(let path, _): path
        }
    }

    /// Builds a network from all of its tensors.
    ///
    /// - Parameters:
    ///   - part: which network it is.
    ///   - loader: says where and in which type it computes.
    ///   - change: what is done to the tensors under the network's names.
    ///   - build: makes the network.
    /// - Returns: the network.
    /// - Throws: one sentence where a file cannot be read, or a tensor is missing, surplus or misshapen.
    func load<Network>(
        _ part: LatentDiffusionNames.Part,
        _ loader: PartLoader,
        changing change: (any ParameterSource) -> any ParameterSource = { $0 },
        build: (ParameterScope) throws -> Network
    ) throws -> Network {
        switch self {
        case .directory(let directory):
            let isText = if case .text = part { true } else { false }
            return try loader.load(
                part: directory.folder(of: part.folder),
                as: { change(isText ? HuggingFaceCLIPNames(textTower: $0) : $0) },
                build: build
            )
        case .file(let path, let shape):
            return try loader.load(
                path,
                as: {
                    let source = LatentDiffusionNames($0, part, shape)
                    return change(
                        shape.hasHuggingFaceNames(part) ? HuggingFaceCLIPNames(textTower: source) : source
                    )
                },
                build: build
            )
        }
    }

    /// The weights of parts that LoRA may change, by their folders.
    ///
    /// - Throws: one sentence where a file cannot be read; for a single file, whose names are others.
    func adaptableParts(_ folders: [String]) throws -> [String: any ParameterSource] {
        guard case .directory(let directory) = self else {
            throw PipelineError.invalidModel(path: path, reason: "LoRA is merged into models in folders only")
        }
        return Dictionary(
            uniqueKeysWithValues: try folders.map {
                ($0, try openCheckpoint(PartLoader.file(of: directory.folder(of: $0))))
            }
        )
    }

    /// The tokenizer of a part, with more tokens; that of CLIP, filled up as the published models are, for a single file.
    ///
    /// - Throws: one sentence where a file is missing or wrong.
    func tokenizer(_ folder: String, adding learned: LearnedTokens, part: String) throws -> CLIPTokenizer {
        var tokenizer =
            switch self {
            case .directory(let directory): try CLIPTokenizer(directory: directory.folder(of: folder))
            case .file(_, let shape):
                try CLIPTokenizer(
                    vocabulary: .published(),
                    configuration: shape.hasHuggingFaceNames(.text(part)) ? .huggingFace : .stableDiffusion2
                )
            }
        guard learned.count(part: part) > 0 else { return tokenizer }
        var configuration = tokenizer.configuration
        learned.add(to: &configuration, part: part)
        tokenizer = try CLIPTokenizer(vocabulary: tokenizer.vocabulary, configuration: configuration)
        return tokenizer
    }
}
