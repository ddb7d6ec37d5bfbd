import Foundation
import LienzoCheckpoints
import LienzoModels
import LienzoNN
import LienzoTorch
import TestSupport
import Testing

@Suite("AutoencoderTiny equals diffusers", .tags(.parity))
struct AutoencoderTinyTests {
    let configuration: AutoencoderTinyConfiguration
    let expected: Expected

    init() throws {
        configuration = try AutoencoderTinyConfiguration(json: fixtureData("autoencoder/config.json"))
        expected = try Expected("autoencoder/expected.safetensors")
    }

    private func weights() throws -> SafetensorsFile {
        try SafetensorsFile(fixture("autoencoder/diffusion_pytorch_model.safetensors"))
    }

    private func model(computeType: DType = .float32) throws -> AutoencoderTiny {
        let store = ParameterStore(loading: try weights(), computeType: computeType)
        let model = try AutoencoderTiny(store.root, configuration)
        try store.finish()
        return model
    }

    @Test("Every layer gives the reference's output on the reference's input")
    func layers() throws {
        try torchScope {
            let model = try model()
            for (half, layers, input) in [
                ("encoder", model.encoder.layers, (try expected["pixels"] + 1) / 2),
                ("decoder", model.decoder.layers, (try expected["latents"] / 3).tanh() * 3),
            ] {
                var x = input
                for (index, layer) in layers.enumerated() {
                    let reference = try expected["\(half).layers.\(index)"]
                    expectEqual(layer(x), reference, "\(half).layers.\(index)")
                    x = reference
                }
            }
        }
    }

    @Test(
        "The whole gives the reference's latents and picture",
        arguments: [(DType.float32, 1e-4, 0.99999), (.bfloat16, 0.05, 0.999)]
    )
    func whole(computeType: DType, difference: Double, cosine: Double) throws {
        try torchScope {
            let model = try model(computeType: computeType)
            let latents = model.encode(try expected["pixels"])
            expectEqual(latents, try expected["latents"], "latents", difference: difference, cosine: cosine)
            let output = model.decode(try expected["latents"])
            expectEqual(output, try expected["output"], "output", difference: difference, cosine: cosine)
        }
    }

    @Test("Latents scale into 0…1 and back, and to diffusion's and back")
    func scaling() throws {
        try torchScope {
            let model = try model()
            let latents = try expected["latents"]
            expectEqual(model.scaleLatents(latents * 9), try expected["scaled"], "scaled")
            expectEqual(model.unscaleLatents(try expected["scaled"]), try expected["unscaled"], "unscaled")
            expectEqual(model.diffusionLatents(latents), (latents - 0.125) * 0.75, "diffusion")
            expectEqual(model.rawLatents(model.diffusionLatents(latents)), latents, "raw")
        }
    }

    @Test("Gradients of the squared error are the reference's")
    func gradients() throws {
        try torchScope {
            let store = ParameterStore(training: try weights(), generator: nil, computeType: .float32)
            let model = try AutoencoderTiny(store.root, configuration)
            try store.finish()
            let pixels = try expected["pixels"]
            let loss = (model.decode(model.encode(pixels)) - pixels).square().mean()
            expectEqual(loss, try expected["loss"], "loss")
            loss.backward()
            for name in expected.names where name.hasPrefix("gradient.") {
                let parameter = String(name.dropFirst("gradient.".count))
                let entry = try #require(store.entries.first { $0.name == parameter })
                expectEqual(try #require(entry.tensor.gradient), try expected[name], name, difference: 1e-3)
            }
        }
    }

    @Test("A new autoencoder halves the side at each stage and brings it back")
    func new() throws {
        try torchScope {
            let configuration = AutoencoderTinyConfiguration(width: 8, latentChannels: 6, encoderBlocks: [1, 1, 1, 1])
            let store = ParameterStore(training: nil, generator: Generator(seed: 0), computeType: .float32)
            let model = try AutoencoderTiny(store.root, configuration)
            let latents = model.encode(.zeros([1, 3, 32, 48]))
            #expect(latents.shape == [1, 6, 4, 6])
            #expect(model.decode(latents).shape == [1, 3, 32, 48])
        }
    }

    @Test("Two weights swapped are noticed: the ladder's negative control")
    func negativeControl() throws {
        try torchScope {
            let swapped = Swapped(
                source: try weights(),
                names: ["encoder.layers.1.conv.0.weight", "encoder.layers.1.conv.2.weight"]
            )
            let model = try AutoencoderTiny(
                ParameterStore(loading: swapped, computeType: .float32).root,
                configuration
            )
            let latents = Agreement(model.encode(try expected["pixels"]), try expected["latents"])
            #expect(latents.difference > 1e-3)
        }
    }
}
