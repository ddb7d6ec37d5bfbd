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
    ///   - folder: the part's folder in a directory.
    ///   - loader: says where and in which type it computes.
    ///   - build: makes the network.
    /// - Returns: the network.
    /// - Throws: one sentence where a file cannot be read, or a tensor is missing, surplus or misshapen.
    func load<Network>(
        _ part: LatentDiffusionNames.Part,
        _ folder: String,
        _ loader: PartLoader,
        build: (ParameterScope) throws -> Network
    ) throws -> Network {
        switch self {
        case .directory(let directory):
            return try loader.load(
                part: directory.folder(of: folder),
                as: { part == .text ? HuggingFaceCLIPNames(textTower: $0) : $0 },
                build: build
            )
        case .file(let path, let shape):
            return try loader.load(
                path,
                as: {
                    let source = LatentDiffusionNames($0, part, shape)
                    return part == .text && shape.version == .one ? HuggingFaceCLIPNames(textTower: source) : source
                },
                build: build
            )
        }
    }

    /// The tokenizer of a part; that of CLIP, filled up as the published models are, for a single file.
    ///
    /// - Throws: one sentence where a file is missing or wrong.
    func tokenizer(_ folder: String) throws -> CLIPTokenizer {
        switch self {
        case .directory(let directory): try CLIPTokenizer(directory: directory.folder(of: folder))
        case .file(_, let shape):
            try CLIPTokenizer(
                vocabulary: .published(),
                configuration: shape.version == .one ? .huggingFace : .stableDiffusion2
            )
        }
    }
}
