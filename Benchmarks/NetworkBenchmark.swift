import Foundation
import LienzoCheckpoints
import LienzoModels
import LienzoNN
import LienzoTorch

/// Runs one network of a generator, so that another program can compare its answers and its time with those of others.
///
///     LienzoBenchmark network FOLDER fp32|bf16|default INPUTS [OUTPUTS]
///
/// FOLDER is as diffusers saves a network. INPUTS is a safetensors file that names tensors as the reference names its
/// arguments; of an autoencoder, `pixels` and `latents`. A U-Net and a prior have the work `step`, whose condition is
/// projected before, as in a run; an autoencoder has `encode` and `decode`.
///
/// With OUTPUTS, each work is done once and the results are written there. Without, a line with the name of a work does
/// it, and the answer is a line with milliseconds.
enum NetworkBenchmark {
    static func run(_ arguments: [String]) throws {
        let types: [String: DType?] = ["fp32": .float32, "bf16": .bfloat16, "default": .none]
        guard 3...4 ~= arguments.count, let type = types[arguments[1]] else {
            throw BenchmarkError("expected: network FOLDER fp32|bf16|default INPUTS [OUTPUTS]")
        }
        Engine.prepare()
        let works = try torchScope { try load(arguments[0], type, try SafetensorsFile(arguments[2])) }
        if arguments.count == 4 {
            let results = try works.sorted { $0.key < $1.key }.map { name, work in (name, try torchScope(work)) }
            return try writeSafetensors(results, to: arguments[3])
        }
        while let line = readLine() {
            guard let work = works[line] else {
                throw BenchmarkError("there is no work '\(line)'; expected: \(works.keys.sorted())")
            }
            let start = ContinuousClock.now
            _ = try torchScope(work)
            let milliseconds = (ContinuousClock.now - start) / .milliseconds(1)
            try FileHandle.standardOutput.write(contentsOf: Data("\(milliseconds)\n".utf8))
        }
    }

    private typealias Work = () throws -> Tensor

    /// The works of the network in a folder, by name.
    private static func load(_ folder: String, _ type: DType?, _ inputs: SafetensorsFile) throws -> [String: Work] {
        let json = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/config.json"))
        func built<Network>(_ build: (ParameterScope) throws -> Network) throws -> Network {
            let weights = try openCheckpoint("\(folder)/diffusion_pytorch_model.safetensors")
            let store = ParameterStore(loading: weights, computeType: type)
            let network = try build(store.root)
            try store.finish()
            return network
        }
        switch try JSONDecoder().decode(NetworkClass.self, from: json).name {
        case "UNet2DConditionModel":
            let unet = try built { try UNet2DConditionModel($0, UNet2DConditionConfiguration(json: json)) }
            let (sample, timestep) = (try inputs.tensor(named: "sample"), try inputs.tensor(named: "timestep"))
            let context = try context(of: unet, inputs)
            return ["step": { unet(sample, timestep, context) }]
        case "PriorTransformer":
            let prior = try built { try PriorTransformer($0, PriorTransformerConfiguration(json: json)) }
            let (sample, timestep) = (try inputs.tensor(named: "hidden_states"), try inputs.tensor(named: "timestep"))
            let context = try prior.context(
                textEmbedding: inputs.tensor(named: "proj_embedding"),
                textEncoding: inputs.tensor(named: "encoder_hidden_states"),
                textMask: inputs.tensor(named: "attention_mask")
            )
            return ["step": { prior(sample, timestep, context) }]
        case "AutoencoderKL":
            let network = try built { try AutoencoderKL($0, AutoencoderKLConfiguration(json: json)) }
            return try works(inputs, encode: { network.encode($0).mean }, decode: { network.decode($0) })
        case "VQModel":
            let network = try built { try VQModel($0, VQModelConfiguration(json: json)) }
            return try works(inputs, encode: { network.encode($0) }, decode: { network.decode($0) })
        case let name:
            throw BenchmarkError("\(folder) holds a \(name), which has no works here")
        }
    }

    private static func works(
        _ inputs: SafetensorsFile,
        encode: @escaping (Tensor) -> Tensor,
        decode: @escaping (Tensor) -> Tensor
    ) throws -> [String: Work] {
        let (pixels, latents) = (try inputs.tensor(named: "pixels"), try inputs.tensor(named: "latents"))
        return ["encode": { encode(pixels) }, "decode": { decode(latents) }]
    }

    private static func context(
        of unet: UNet2DConditionModel,
        _ inputs: SafetensorsFile
    ) throws -> UNet2DConditionModel.Context {
        if case .image = unet.configuration.conditioning {
            return try unet.context(imageEmbedding: inputs.tensor(named: "image_embeds"))
        }
        func optional(_ name: String) throws -> Tensor? {
            inputs.names.contains(name) ? try inputs.tensor(named: name) : nil
        }
        return try unet.context(
            textEncoding: inputs.tensor(named: "encoder_hidden_states"),
            textEmbedding: optional("text_embeds"),
            numbers: optional("time_ids"),
            label: optional("class_labels")
        )
    }
}

private struct NetworkClass: Decodable {
    let name: String

    enum CodingKeys: String, CodingKey {
        case name = "_class_name"
    }
}
