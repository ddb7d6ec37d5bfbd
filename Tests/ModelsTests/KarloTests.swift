import Foundation
import LienzoNN
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoModels

/// The networks that Karlo has beside the prior, against diffusers.
@Suite("Karlo's networks equal diffusers'", .tags(.parity))
struct KarloTests {
    private func superResolution(
        _ fixture: DiffusersFixture,
        _ source: any ParameterSource,
        computeType: DType = .float32
    ) throws -> Tensor {
        let store = ParameterStore(loading: source, computeType: computeType)
        let network = try UNet2DModel(store.root, UNet2DModelConfiguration(json: fixture.configuration))
        try store.finish()
        return network(try fixture["sample"], try fixture["timestep"])
    }

    @Test(
        "Super-resolution predicts the reference's",
        arguments: ["super-resolution", "super-resolution-scaled"],
        [(DType.float32, 1e-4, 0.99999), (.bfloat16, 0.06, 0.999)]
    )
    func superResolution(name: String, type: (DType, Double, Double)) throws {
        try torchScope {
            let fixture = try DiffusersFixture("karlo/\(name)")
            let output = try superResolution(fixture, fixture.weights, computeType: type.0)
            expectEqual(output, try fixture["output"], "output", difference: type.1, cosine: type.2)
        }
    }

    @Test("Text and image become the reference's tokens and time, also without an image")
    func projection() throws {
        try torchScope {
            let fixture = try DiffusersFixture("karlo/text-projection")
            let store = ParameterStore(loading: fixture.weights, computeType: .float32)
            let projection = try UnCLIPTextProjection(
                store.root,
                UnCLIPTextProjectionConfiguration(json: fixture.configuration)
            )
            try store.finish()
            let found = projection(
                imageEmbedding: .cat([projection.noImage, try fixture["image"]]),
                textEmbedding: try fixture["text"],
                textEncoding: try fixture["encoding"]
            )
            expectEqual(found.tokens, try fixture["tokens"], "tokens")
            expectEqual(found.time, try fixture["time"], "time")
        }
    }

    @Test("Swapped weights are noticed: the ladder's negative control")
    func negativeControl() throws {
        try torchScope {
            let fixture = try DiffusersFixture("karlo/super-resolution")
            let names = ["mid_block.resnets.0.conv1.weight", "mid_block.resnets.1.conv2.weight"]
            let output = try superResolution(fixture, Swapped(source: fixture.weights, names: names))
            let found = Agreement(output, try fixture["output"])
            #expect(found.difference > 1e-3)
        }
    }

    @Test("A configuration with attention or classes is refused by its key")
    func refused() throws {
        let json = String(decoding: try fixtureData("karlo/super-resolution/config.json"), as: UTF8.self)
        for (key, value) in [
            ("\"add_attention\": false", "\"add_attention\": true"),
            ("\"class_embed_type\": null", "\"class_embed_type\": \"timestep\""),
            ("\"time_embedding_type\": \"positional\"", "\"time_embedding_type\": \"fourier\""),
        ] {
            let changed = json.replacing(key, with: value)
            #expect(changed != json)
            #expect(throws: ConfigurationError.self) { try UNet2DModelConfiguration(json: .init(changed.utf8)) }
        }
    }
}
