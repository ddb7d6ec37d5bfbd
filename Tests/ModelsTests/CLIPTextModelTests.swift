import Foundation
import LienzoCheckpoints
import LienzoNN
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoModels

/// The text towers that transformers saves alone.
@Suite("Text towers for Stable Diffusion", .tags(.parity))
struct CLIPTextModelTests {
    static let folders = [("clip-text", false), ("clip-text-projection", true)]

    static func network(_ folder: String, _ source: (any ParameterSource)? = nil) throws -> TextTransformer {
        let source = try source ?? SafetensorsFile(fixture("\(folder)/model.safetensors"))
        let configuration = try CLIPTextConfiguration(
            json: fixtureData("\(folder)/config.json"),
            hasProjection: folder.hasSuffix("projection")
        )
        #expect(configuration.unknownKeys.isEmpty)
        let store = ParameterStore(
            loading: HuggingFaceCLIPNames(textTower: source),
            computeType: .float32
        )
        let network = try TextTransformer(store.root, configuration.tower)
        try store.finish()
        return network
    }

    @Test("embedding and the states of both last layers are the reference's", arguments: folders)
    func states(folder: String, hasProjection: Bool) throws {
        let expected = try Expected("\(folder)/expected.safetensors")
        try torchScope {
            let encoding = try Self.network(folder).encode(expected["ids"])
            expectEqual(encoding.embedding, try expected["embedding"], "embedding")
            expectEqual(encoding.last, try expected["last"], "last")
            expectEqual(encoding.penultimate, try expected["penultimate"], "penultimate")
        }
    }

    @Test("a swapped weight is noticed")
    func negativeControl() throws {
        let expected = try Expected("clip-text/expected.safetensors")
        let found = try torchScope {
            let source = try SafetensorsFile(fixture("clip-text/model.safetensors"))
            let layers = [0, 1].map { "encoder.layers.\($0).layer_norm1.weight" }
            #expect(source.shape(of: layers[0]) != nil)
            let network = try Self.network("clip-text", Swapped(source: source, names: layers))
            return Agreement(network.encode(try expected["ids"]).last, try expected["last"])
        }
        #expect(found.difference > 1e-3)
    }
}
