import Foundation
import LienzoCheckpoints
import LienzoNN
import LienzoTorch
import Testing

/// A tiny random network of diffusers, and what it answers: written by `Tools/reference/models_unet.py` and
/// `models_prior.py`.
struct DiffusersFixture {
    let configuration: Data
    let weights: SafetensorsFile
    private let expected: Expected

    init(_ folder: String) throws {
        configuration = try fixtureData("\(folder)/config.json")
        weights = try SafetensorsFile(fixture("\(folder)/diffusion_pytorch_model.safetensors"))
        expected = try Expected("\(folder)/expected.safetensors")
    }

    /// The parameters whose gradients the fixture has.
    var gradients: [String] {
        expected.names.filter { $0.hasPrefix("gradient.") }.map { String($0.dropFirst("gradient.".count)) }
    }

    subscript(_ name: String) -> Tensor {
        get throws { try expected[name] }
    }

    /// The gradients of a store's parameters are the fixture's; in bfloat16, point the same way.
    func expectGradients(of store: ParameterStore) throws {
        let isExact = store.computeType == .float32
        #expect(!gradients.isEmpty)
        for name in gradients {
            let gradient = try #require(store.parameter(named: name)?.gradient, "\(name) has no gradient")
            #expect(gradient.dtype == .float32)
            expectEqual(
                gradient,
                try self["gradient.\(name)"],
                name,
                difference: isExact ? 1e-4 : 0.2,
                cosine: isExact ? 0.99999 : 0.99
            )
        }
    }
}

extension ParameterStore {
    /// A parameter by its full name.
    func parameter(named name: String) -> Tensor? { entries.first { $0.name == name }?.tensor }
}
