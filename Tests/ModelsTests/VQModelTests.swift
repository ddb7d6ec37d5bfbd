import Foundation
import LienzoCheckpoints
import LienzoNN
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoModels

/// The ladder against diffusers: each stage fed with the reference's own input, both halves, and bfloat16.
@Suite("MoVQ equals diffusers", .tags(.parity))
struct VQModelTests {
    let configuration: VQModelConfiguration
    let expected: Expected

    init() throws {
        configuration = try VQModelConfiguration(json: fixtureData("movq/config.json"))
        expected = try Expected("movq/expected.safetensors")
    }

    private func weights() throws -> SafetensorsFile {
        try SafetensorsFile(fixture("movq/diffusion_pytorch_model.safetensors"))
    }

    private func model(_ source: any ParameterSource, computeType: DType = .float32) throws -> VQModel {
        let store = ParameterStore(loading: source, computeType: computeType)
        let model = try VQModel(store.root, configuration)
        try store.finish()
        return model
    }

    @Test("Every stage gives the reference's output on the reference's input")
    func stages() throws {
        try torchScope {
            let model = try model(weights())
            var x = try expected["pixels"]
            func step(_ name: String, _ output: Tensor) throws {
                x = try expected[name]
                expectEqual(output, x, name)
            }
            try step("encoder.conv_in", model.encoder.input(x))
            for (index, stage) in model.encoder.down.enumerated() {
                try step("encoder.down_blocks.\(index)", stage(x, latents: nil))
            }
            try step("encoder.mid_block", model.encoder.middle(x, latents: nil))

            let latents = try expected["given"]
            x = try expected["decoder.conv_in"]
            try step("decoder.mid_block", model.decoder.middle(x, latents: latents))
            for (index, stage) in model.decoder.up.enumerated() {
                try step("decoder.up_blocks.\(index)", stage(x, latents: latents))
            }
        }
    }

    @Test(
        "The whole gives the reference's latents and picture",
        arguments: [(DType.float32, 1e-4, 0.99999), (.bfloat16, 0.06, 0.999)]
    )
    func whole(computeType: DType, difference: Double, cosine: Double) throws {
        try torchScope {
            let model = try model(weights(), computeType: computeType)
            let latents = model.encode(try expected["pixels"])
            expectEqual(latents, try expected["latents"], "latents", difference: difference, cosine: cosine)
            let output = model.decode(try expected["given"])
            expectEqual(output, try expected["output"], "output", difference: difference, cosine: cosine)
        }
    }

    @Test(
        "Swapped weights are noticed: the ladder's negative controls",
        arguments: [
            (
                "decoder.mid_block.resnets.0.norm1.conv_y.weight", "decoder.mid_block.resnets.0.norm1.conv_b.weight"
            ),
            ("decoder.mid_block.attentions.0.to_q.weight", "decoder.mid_block.attentions.0.to_v.weight"),
            ("decoder.up_blocks.0.resnets.0.conv1.weight", "decoder.up_blocks.0.resnets.0.conv2.weight"),
        ]
    )
    func negativeControl(first: String, second: String) throws {
        try torchScope {
            let model = try model(Swapped(source: weights(), names: [first, second]))
            let found = Agreement(model.decode(try expected["given"]), try expected["output"])
            #expect(found.difference > 1e-3)
        }
    }

    @Test("A configuration that cannot be built is refused with a sentence")
    func refused() throws {
        for (key, value) in [
            ("\"norm_type\": \"spatial\"", "\"norm_type\": \"none\""),
            ("\"vq_embed_dim\": 4", "\"vq_embed_dim\": 5"),
            ("\"lookup_from_codebook\": false", "\"lookup_from_codebook\": true"),
            ("AttnUpDecoderBlock2D", "UpBlock2D"),
        ] {
            let json = String(decoding: try fixtureData("movq/config.json"), as: UTF8.self)
            let changed = json.replacing(key, with: value)
            #expect(changed != json)
            #expect(throws: ConfigurationError.self) {
                try VQModelConfiguration(json: .init(changed.utf8))
            }
        }
    }
}
