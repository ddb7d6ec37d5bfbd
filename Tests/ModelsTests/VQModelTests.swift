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

    @Test("In tiles, what no other tile reaches is what the tile alone gives, seams fade, and small maps go whole")
    func tiles() throws {
        var configuration = configuration
        configuration.largestTile = 0
        // Four latents a side.
        let (factor, tile) = (configuration.downsamplingFactor, configuration.tileSize)
        #expect(tile == 4 * factor)
        try torchScope {
            let store = ParameterStore(loading: try weights(), computeType: .float32)
            let model = try VQModel(store.root, configuration)
            let latents = Tensor.randn([2, configuration.codeChannels, 4, 10], generator: Generator(seed: 1))
            let (all, whole) = (model.decode(latents, inTiles: true), model.decode(latents))
            #expect(all.shape == whole.shape && Agreement(all, whole).difference > 1e-3)
            let tiled = inFirstRow(all)
            // Tiles begin at the latents 0, 3, 6 and 9 of each side; each fades over a quarter of its length into the next.
            func columns(_ map: Tensor, _ start: Int, _ count: Int) -> Tensor {
                map.narrow(dim: 3, start: start, length: count)
            }
            func inFirstRow(_ map: Tensor) -> Tensor { map.narrow(dim: 2, start: 0, length: map.size(2) / 4 * 3) }
            let (first, second) = (
                inFirstRow(model.decode(columns(latents, 0, 4))), inFirstRow(model.decode(columns(latents, 3, 4)))
            )
            expectEqual(columns(tiled, 0, 3 * factor), columns(first, 0, 3 * factor), "the first tile")
            expectEqual(columns(tiled, 4 * factor, 2 * factor), columns(second, factor, 2 * factor), "the second tile")
            for column in 0..<factor {
                let share = Double(column) / Double(factor)
                let seam = columns(first, 3 * factor + column, 1) * (1 - share) + columns(second, column, 1) * share
                expectEqual(columns(tiled, 3 * factor + column, 1), seam, "column \(column) of the seam")
            }
            let pixels = Tensor.randn([1, 3, tile, 2 * tile], generator: Generator(seed: 2))
            let encoded = inFirstRow(model.encode(pixels, inTiles: true))
            let alone = inFirstRow(model.encode(columns(pixels, 0, tile)))
            expectEqual(columns(encoded, 0, 3), columns(alone, 0, 3), "latents")
            let small = columns(latents, 0, 4)
            #expect(model.decode(small, inTiles: true).floats() == model.decode(small).floats())
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
