import LienzoCheckpoints
import LienzoNN
import LienzoTorch

/// Builds networks for inference from the weights in a part's folder.
struct PartLoader {
    let device: Device
    /// The device's preferred one where `nil`.
    let computeType: DType?

    /// The name that diffusers gives to weights.
    static let diffusersWeights = "diffusion_pytorch_model.safetensors"

    /// Builds a network and checks that it has used all tensors of the file.
    ///
    /// Counters of training steps and tables of consecutive numbers, which older writers stored, may stay unread.
    func load<Network>(
        _ folder: String,
        weights: String = diffusersWeights,
        build: (ParameterScope) throws -> Network
    ) throws -> Network {
        Engine.prepare()
        let file = try SafetensorsFile("\(folder)/\(weights)")
        let store = ParameterStore(loading: file, device: device, computeType: computeType)
        return try torchScope {
            let network = try build(store.root)
            try store.finish { $0.hasSuffix("num_batches_tracked") || $0.hasSuffix("position_ids") }
            return network
        }
    }
}
