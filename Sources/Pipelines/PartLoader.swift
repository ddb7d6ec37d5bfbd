import LienzoCheckpoints
import LienzoNN
import LienzoTorch

/// Builds networks for inference from their weights.
struct PartLoader {
    let device: Device
    /// The device's preferred one where `nil`.
    let computeType: DType?

    /// The name that diffusers gives to weights.
    private static let diffusersWeights = "diffusion_pytorch_model.safetensors"

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
        Engine.prepare()
        let source = view(try openCheckpoint(path))
        let store = ParameterStore(loading: source, device: device, computeType: computeType)
        return try torchScope {
            let network = try build(store.root)
            try store.finish(ignoring: isIgnorable)
            return network
        }
    }

    /// The same for a part of a model directory in diffusers' layout.
    func load<Network>(part folder: String, build: (ParameterScope) throws -> Network) throws -> Network {
        try load("\(folder)/\(Self.diffusersWeights)", build: build)
    }
}
