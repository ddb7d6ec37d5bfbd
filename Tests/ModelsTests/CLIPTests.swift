import Foundation
import LienzoCheckpoints
import LienzoModels
import LienzoNN
import LienzoTorch
import TestSupport
import Testing

@Suite("The dual encoder equals open_clip, timm and transformers", .tags(.parity))
struct CLIPTests {
    let expected: Expected

    init() throws {
        expected = try Expected("clip/expected.safetensors")
    }

    private func weights() throws -> SafetensorsFile {
        try SafetensorsFile(fixture("clip/open_clip_model.safetensors"))
    }

    private func model(computeType: DType = .float32) throws -> OpenCLIP {
        let store = ParameterStore(loading: try weights(), computeType: computeType)
        let model = try OpenCLIP(store.root, tinyCLIP())
        try store.finish()
        return model
    }

    private func mask(_ ids: Tensor) -> Tensor { ids.isNotEqual(to: 0) }

    @Test("Every block of the image tower gives the reference's output on the reference's input")
    func imageTower() throws {
        try torchScope {
            let tower = try model().imageTower
            var x = try expected["trunk.stem"]
            expectEqual(tower.stem(try expected["pixels"]), x, "trunk.stem")
            for (s, stage) in tower.stages.enumerated() {
                for (b, block) in stage.enumerated() {
                    let reference = try expected["trunk.blocks.\(s).\(b)"]
                    expectEqual(block(x), reference, "trunk.blocks.\(s).\(b)")
                    x = reference
                }
            }
            expectEqual(tower.head(x), try expected["trunk.head"], "trunk.head")
            expectEqual(tower(try expected["pixels"]), try expected["trunk"], "trunk")
        }
    }

    @Test("Every layer of the text tower gives the reference's output on the reference's input")
    func textTower() throws {
        try torchScope {
            let tower = try model().textTower
            let ids = try expected["ids"]
            let visible = mask(ids).unsqueeze(1).unsqueeze(1)
            var x = try expected["text.embeddings"]
            expectEqual(tower.embeddings(ids), x, "text.embeddings")
            for (index, layer) in tower.layers.enumerated() {
                let reference = try expected["text.layer.\(index)"]
                expectEqual(layer(x, visible: visible), reference, "text.layer.\(index)")
                x = reference
            }
        }
    }

    @Test(
        "Embeddings and logits are the reference's",
        arguments: [(DType.float32, 1e-4, 0.99999), (.bfloat16, 0.06, 0.999)]
    )
    func embeddings(computeType: DType, difference: Double, cosine: Double) throws {
        try torchScope {
            let model = try model(computeType: computeType)
            let ids = try expected["ids"]
            let image = model.encodeImages(try expected["pixels"])
            let text = model.encodeTexts(ids, mask: mask(ids))
            expectEqual(image, try expected["image"], "image", difference: difference, cosine: cosine)
            expectEqual(text.embedding, try expected["text"], "text", difference: difference, cosine: cosine)
            let cosines = image.normalized().matmul(text.embedding.normalized().transpose(0, 1))
            // Cosines of nearly orthogonal vectors: what counts is how far they are off on the scale from -1 to 1.
            let reference = try expected["logits"] / model.logitScale.exp()
            let error = (cosines - reference).abs().max().item
            #expect(error <= difference, "cosines are off by \(error)")
            #expect(text.hiddenStates.shape == [2, 12, 24])
            #expect(image.dtype == .float32 && text.embedding.dtype == .float32)
        }
    }

    @Test("Padding changes nothing")
    func padding() throws {
        try torchScope {
            let model = try model()
            let ids = try expected["ids"].narrow(dim: 0, start: 0, length: 1)
            let padded = model.encodeTexts(ids, mask: mask(ids))
            let short = ids.narrow(dim: 1, start: 0, length: 5)
            let unpadded = model.encodeTexts(short, mask: mask(short))
            expectEqual(unpadded.embedding, try expected["text.unpadded"], "unpadded")
            expectEqual(unpadded.embedding, padded.embedding, "padded")
            expectEqual(
                unpadded.hiddenStates,
                padded.hiddenStates.narrow(dim: 1, start: 0, length: 5),
                "hidden states"
            )
        }
    }

    /// In bfloat16 only the text tower's gradients are compared: a random image tower of 16 blocks amplifies rounding
    /// so much that the reference's own autocast agrees with its float32 to a cosine of 0.55 there.
    @Test(
        "Gradients of the contrastive loss are the reference's, through folded normalisations too",
        arguments: [(DType.float32, "gradient.", 1e-3, 0.99999), (.bfloat16, "gradient.text.", 0.3, 0.98)]
    )
    func gradients(computeType: DType, prefix: String, difference: Double, cosine: Double) throws {
        try torchScope {
            let store = ParameterStore(training: try weights(), generator: nil, computeType: computeType)
            let model = try OpenCLIP(store.root, tinyCLIP())
            try store.finish()
            let ids = try expected["ids"]
            let image = model.encodeImages(try expected["pixels"]).normalized()
            let text = model.encodeTexts(ids, mask: mask(ids)).embedding.normalized()
            let logits = image.matmul(text.transpose(0, 1)) * model.logitScale.exp()
            let labels = Tensor.arange(0, 2, dtype: .int64)
            let loss = (logits.crossEntropy(labels) + logits.transpose(0, 1).crossEntropy(labels)) / 2
            expectEqual(loss, try expected["loss"], "loss", difference: difference)
            loss.backward()
            for name in expected.names where name.hasPrefix(prefix) {
                let parameter = String(name.dropFirst("gradient.".count))
                let entry = try #require(store.entries.first { $0.name == parameter })
                let gradient = try #require(entry.tensor.gradient)
                expectEqual(gradient, try expected[name], name, difference: difference, cosine: cosine)
            }
        }
    }

    @Test("A frozen image tower records nothing and leaves its statistics alone")
    func frozen() throws {
        try torchScope {
            let store = ParameterStore(
                training: try weights(),
                generator: nil,
                computeType: .float32,
                isTrainable: { !$0.hasPrefix("visual.trunk.") }
            )
            let model = try OpenCLIP(store.root, tinyCLIP())
            let features = model.imageTower(try expected["pixels"])
            #expect(!features.requiresGradient)
            expectEqual(features, try expected["trunk"], "trunk")
            #expect(model.imageProjection(features).requiresGradient)
        }
    }

    @Test("Two weights swapped are noticed: the ladder's negative control")
    func negativeControl() throws {
        try torchScope {
            let swapped = Swapped(
                source: try weights(),
                names: [
                    "text.transformer.encoder.layer.0.attention.self.query.weight",
                    "text.transformer.encoder.layer.0.attention.self.key.weight",
                    "visual.trunk.blocks.5.1.bn1.weight",
                    "visual.trunk.blocks.5.1.bn1.bias",
                ]
            )
            let model = try OpenCLIP(ParameterStore(loading: swapped, computeType: .float32).root, tinyCLIP())
            let ids = try expected["ids"]
            let text = Agreement(model.encodeTexts(ids, mask: mask(ids)).embedding, try expected["text"])
            #expect(text.difference > 1e-3)
            let image = Agreement(model.encodeImages(try expected["pixels"]), try expected["image"])
            #expect(image.difference > 1e-3)
        }
    }
}
