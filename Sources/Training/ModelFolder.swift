import Foundation
import LienzoCheckpoints
import LienzoDiffusion
import LienzoFiles
import LienzoModels
import LienzoNN
import LienzoTokenizers
import LienzoTorch

/// A model directory whose parts are trained one after the other: the configurations are there from the start, and
/// each stage adds its weights.
package struct ModelFolder: Sendable {
    package let path: String

    package init(_ path: String) {
        self.path = path
    }

    /// The bytes of a configuration.
    func configuration(_ file: String) throws -> Data {
        guard let bytes = FileManager.default.contents(atPath: "\(path)/\(file)") else {
            throw TrainingError(
                "\(path)/\(file) is missing; begin with a copy of a model directory's configurations, such as mini's"
            )
        }
        return bytes
    }

    func clipConfiguration() throws -> OpenCLIPConfiguration {
        try OpenCLIPConfiguration(
            json: configuration("clip/open_clip_config.json"),
            textTower: configuration("clip/config.json"),
            file: "\(path)/clip/open_clip_config.json"
        )
    }

    /// The dual encoder with its weights, for inference.
    func clip(on device: Device = .cpu) throws -> OpenCLIP {
        let file = try weights(Self.clipWeights, stage: "clip")
        return try OpenCLIP(ParameterStore(loading: file, device: device).root, clipConfiguration())
    }

    func tokenizer() throws -> WordPieceTokenizer { try WordPieceTokenizer(directory: "\(path)/clip") }

    func autoencoderConfiguration() throws -> AutoencoderTinyConfiguration {
        try AutoencoderTinyConfiguration(
            json: configuration("autoencoder/config.json"),
            file: "\(path)/autoencoder/config.json"
        )
    }

    /// The autoencoder with its weights, for inference.
    func autoencoder(on device: Device = .cpu) throws -> AutoencoderTiny {
        let file = try weights(Self.autoencoderWeights, stage: "autoencoder")
        return try AutoencoderTiny(ParameterStore(loading: file, device: device).root, autoencoderConfiguration())
    }

    func scheduler(_ part: String) throws -> SchedulerConfiguration {
        try SchedulerConfiguration.read(configuration("\(part)/scheduler_config.json")).configuration
    }

    /// What the weights of a part of a model directory are called.
    static let weightsFile = "diffusion_pytorch_model.safetensors"
    /// Where the dual encoder's weights are.
    static let clipWeights = "clip/open_clip_model.safetensors"
    /// Where the autoencoder's weights are.
    static let autoencoderWeights = "autoencoder/\(weightsFile)"

    private func weights(_ file: String, stage: String) throws -> SafetensorsFile {
        guard FileManager.default.fileExists(atPath: "\(path)/\(file)") else {
            throw TrainingError("\(path)/\(file) is missing; run `lienzo train \(stage) --model \(path)` first")
        }
        return try SafetensorsFile("\(path)/\(file)")
    }

    /// Writes weights as float16, but for those that float16 would spoil.
    func write(_ tensors: [(name: String, tensor: Tensor)], to file: String) throws {
        let exact = ["running_var", "running_mean", "clip_mean", "clip_std", "logit_scale"]
        try writeSafetensors(
            tensors.map { name, tensor in
                let keeps = !tensor.dtype.isFloatingPoint || exact.contains { name.hasSuffix($0) }
                return (name, keeps ? tensor : tensor.to(.float16))
            },
            metadata: ["format": "pt"],
            to: "\(path)/\(file)"
        )
    }

    /// Sets values of a configuration and leaves the others as they are.
    func set(_ values: [String: Double], in file: String) throws {
        guard var object = try JSONSerialization.jsonObject(with: configuration(file)) as? [String: Any] else {
            throw TrainingError("\(path)/\(file) is not a JSON object")
        }
        for (key, value) in values { object[key] = value }
        let bytes = try JSONSerialization.data(withJSONObject: object, options: [.prettyPrinted, .sortedKeys])
        try AtomicFile.write(bytes + Data("\n".utf8), to: "\(path)/\(file)")
    }
}
