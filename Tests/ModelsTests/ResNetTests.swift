import LienzoCheckpoints
import LienzoModels
import LienzoNN
import LienzoTorch
import TestSupport
import Testing

/// A supervised ResNet: `Tools/reference/models_classifiers.py` writes the fixture.
@Suite(.tags(.parity))
struct ResNetTests {
    @Test(arguments: [(DType.float32, 1e-4, 0.99999), (.bfloat16, 0.06, 0.999)])
    func `logits are torchvision's`(type: DType, difference: Double, cosine: Double) throws {
        let expected = try Expected("classifiers/resnet-expected.safetensors")
        let source = try openCheckpoint(fixture("classifiers/resnet.pt"))
        let shape = try #require(ResNet.Configuration(shapesOf: source))
        #expect(shape == .init(width: 8, layers: [2, 1, 2, 1], classes: 12))
        try torchScope {
            let store = ParameterStore(loading: source, computeType: type)
            let network = try ResNet(store.root, shape)
            try store.finish(ignoring: ResNet.isIgnorable)
            let pixels = try expected["pixels"]
            expectEqual(network(pixels), try expected["logits"], "logits", difference: difference, cosine: cosine)
        }
    }

    @Test func `swapped weights fail`() throws {
        let expected = try Expected("classifiers/resnet-expected.safetensors")
        let source = try openCheckpoint(fixture("classifiers/resnet.pt"))
        var origins = Dictionary(uniqueKeysWithValues: source.names.map { ($0, $0) })
        origins["layer1.1.bn1.weight"] = "layer1.1.bn2.weight"
        origins["layer1.1.bn2.weight"] = "layer1.1.bn1.weight"
        try torchScope {
            let store = ParameterStore(
                loading: RenamedParameters(source, origins: origins),
                computeType: .float32
            )
            let network = try ResNet(store.root, .init(width: 8, layers: [2, 1, 2, 1], classes: 12))
            #expect(Agreement(network(try expected["pixels"]), try expected["logits"]).difference > 1e-3)
        }
    }

    @Test func `a checkpoint that is no ResNet is told`() {
        #expect(ResNet.Configuration(shapesOf: TensorDictionary([:])) == nil)
        let stem = ["conv1.weight": Tensor.zeros([64, 3, 7, 7]), "fc.weight": .zeros([10, 2048])]
        #expect(ResNet.Configuration(shapesOf: TensorDictionary(stem)) == nil)
    }
}
