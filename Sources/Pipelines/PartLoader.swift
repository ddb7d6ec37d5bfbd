import Foundation
import LienzoCheckpoints
import LienzoModels
import LienzoNN
import LienzoTorch

/// Builds networks for inference from their weights.
struct PartLoader {
    let options: LoadingOptions
    /// Changes that are merged into the weights of parts, by the names of their folders.
    var adaptations: [LowRankAdaptation] = []
    /// Whether networks are built to see that their files are right, and not to be used.
    private(set) var onlyChecks = false

    /// The same loader, reading no weights: what it builds tells by its errors what is wrong with a file.
    var checking: PartLoader {
        var loader = self
        loader.onlyChecks = true
        return loader
    }

    var device: Device { options.device }

    /// - Parameter options: how weights are read; files of LoRA are opened by who knows the parts.
    init(_ options: LoadingOptions) {
        self.options = options
    }

    /// How diffusers and transformers name the weights of a part: whole or in several files, then those of a variant,
    /// which have fewer bits.
    private static let weights = ["diffusion_pytorch_model", "model", "pytorch_model"].flatMap { stem in
        ["", ".bf16", ".fp16"].flatMap { variant in
            [
                "\(stem)\(variant).safetensors", "\(stem).safetensors.index\(variant).json", "\(stem)\(variant).bin",
            ]
        }
    }

    /// Builds a network from a checkpoint and checks that it has used all of its tensors.
    ///
    /// - Parameters:
    ///   - path: the checkpoint.
    ///   - view: the checkpoint under the names that the network asks for.
    ///   - isIgnorable: says by name which tensors may stay unread.
    ///   - build: makes the network.
    /// - Returns: the network.
    /// - Throws: one sentence where the checkpoint cannot be read, or a tensor is missing, surplus or misshapen.
    func load<Network>(
        _ path: String,
        as view: (any ParameterSource) -> any ParameterSource = { $0 },
        ignoring isIgnorable: (String) -> Bool = { _ in false },
        build: (ParameterScope) throws -> Network
    ) throws -> Network {
        try load(view(try openCheckpoint(path)), ignoring: isIgnorable, build: build)
    }

    /// The same from tensors that are open.
    func load<Network>(
        _ source: any ParameterSource,
        ignoring isIgnorable: (String) -> Bool = { _ in false },
        build: (ParameterScope) throws -> Network
    ) throws -> Network {
        if options.keepsParts { Engine.prepare() } else { Engine.returnFreedMemoryAtOnce() }
        let store = ParameterStore(
            loading: source,
            device: options.device,
            computeType: options.computeType,
            storesInt8: options.storesInt8,
            onlyChecks: onlyChecks
        )
        return try torchScope {
            let network = try build(store.root)
            try store.finish(ignoring: isIgnorable)
            return network
        }
    }

    /// The same for a part of a model directory in diffusers' layout.
    func load<Network>(
        part folder: String,
        as view: (any ParameterSource) -> any ParameterSource = { $0 },
        ignoring isIgnorable: (String) -> Bool = { _ in false },
        build: (ParameterScope) throws -> Network
    ) throws -> Network {
        let part = URL(fileURLWithPath: folder).lastPathComponent
        return try load(
            Self.file(of: folder),
            as: { file in view(adaptations.reduce(file) { $1.adapting($0, part: part) }) },
            ignoring: isIgnorable,
            build: build
        )
    }

    /// The weights of a part; where there are none, the usual file, whose absence reading it tells.
    static func file(of folder: String) -> String {
        let files = weights.map { "\(folder)/\($0)" }
        return files.first { FileManager.default.fileExists(atPath: $0) } ?? files[0]
    }
}
