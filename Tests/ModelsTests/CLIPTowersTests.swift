import Foundation
import LienzoCheckpoints
import LienzoModels
import LienzoNN
import LienzoTorch
import TestSupport
import Testing

/// CLIP's own towers: `Tools/reference/models_clip_towers.py` writes the fixtures.
@Suite("CLIP's own towers equal open_clip and transformers", .tags(.parity))
struct CLIPTowersTests {
    /// The heads of the tiny towers are narrower than the 64 of published ones.
    private func shapes(_ source: any ParameterSource, headWidth: Int) throws -> CLIPConfiguration {
        try CLIPConfiguration(shapesOf: source, headWidth: headWidth)
    }

    private func vision(_ activation: CLIPActivation) -> CLIPConfiguration {
        func transformer(_ width: Int, heads: Int) -> CLIPTransformer.Configuration {
            .init(width: width, layers: 2, heads: heads, activation: activation)
        }
        return CLIPConfiguration(
            imageTower: .visionTransformer(
                .init(transformer: transformer(32, heads: 2), imageSize: 32, patchSize: 8, embeddingDimension: 16)
            ),
            textTower: .init(
                transformer: transformer(24, heads: 3),
                vocabularySize: 64,
                contextLength: 12,
                embeddingDimension: 16
            )
        )
    }

    private var resNet: CLIPConfiguration {
        CLIPConfiguration(
            imageTower: .resNet(
                .init(layers: [1, 2, 1, 1], width: 8, heads: 4, imageSize: 64, embeddingDimension: 16)
            ),
            textTower: vision(.gelu).textTower
        )
    }

    private func configuration(_ tower: String) -> CLIPConfiguration { tower == "vit" ? vision(.quickGELU) : resNet }

    @Test(
        "Embeddings are the reference's",
        arguments: ["vit", "resnet"],
        [(DType.float32, 1e-4, 0.99999), (.bfloat16, 0.06, 0.999)]
    )
    func embeddings(tower: String, rung: (type: DType, difference: Double, cosine: Double)) throws {
        try torchScope {
            let expected = try Expected("clip-towers/\(tower)-expected.safetensors")
            let file = try SafetensorsFile(fixture("clip-towers/\(tower).safetensors"))
            let store = ParameterStore(loading: file, computeType: rung.type)
            let model = try CLIP(store.root, configuration(tower))
            try store.finish(ignoring: CLIP.isIgnorable)
            for (name, found) in [
                ("image", model.encodeImages(try expected["pixels"])),
                ("text", model.encodeTexts(try expected["ids"]).embedding),
            ] {
                expectEqual(found, try expected[name], name, difference: rung.difference, cosine: rung.cosine)
            }
        }
    }

    @Test("The end of a text may be cut off", arguments: ["vit", "resnet"])
    func shortTexts(tower: String) throws {
        try torchScope {
            let expected = try Expected("clip-towers/\(tower)-expected.safetensors")
            let file = try SafetensorsFile(fixture("clip-towers/\(tower).safetensors"))
            let model = try CLIP(ParameterStore(loading: file, computeType: .float32).root, configuration(tower))
            let short = try expected["ids"].narrow(dim: 0, start: 0, length: 1).narrow(dim: 1, start: 0, length: 5)
            let reference = try expected["text"].narrow(dim: 0, start: 0, length: 1)
            expectEqual(model.encodeTexts(short).embedding, reference, "text")
        }
    }

    @Test("Gradients of the contrastive loss are the reference's", arguments: ["vit", "resnet"])
    func gradients(tower: String) throws {
        try torchScope {
            let expected = try Expected("clip-towers/\(tower)-expected.safetensors")
            let file = try SafetensorsFile(fixture("clip-towers/\(tower).safetensors"))
            let store = ParameterStore(training: file, generator: nil, computeType: .float32)
            let model = try CLIP(store.root, configuration(tower))
            let image = model.encodeImages(try expected["pixels"]).normalized()
            let text = model.encodeTexts(try expected["ids"]).embedding.normalized()
            let logits = image.matmul(text.transpose(0, 1)) * model.logitScale.exp()
            let pairs = Tensor.arange(0, 2, dtype: .int64)
            let loss = (logits.crossEntropy(pairs) + logits.transpose(0, 1).crossEntropy(pairs)) / 2
            expectEqual(loss, try expected["loss"], "loss")
            loss.backward()
            let names = expected.names.filter { $0.hasPrefix("gradient.") }
            #expect(names.count >= 8)
            for name in names {
                let parameter = try #require(store.entries.first { "gradient.\($0.name)" == name }, "\(name)")
                expectEqual(try #require(parameter.tensor.gradient), try expected[name], name)
            }
        }
    }

    @Test("A checkpoint without a configuration tells its size by its shapes")
    func shapes() throws {
        let vit = try SafetensorsFile(fixture("clip-towers/vit.safetensors"))
        guard case .visionTransformer(let tower) = try shapes(vit, headWidth: 8).imageTower else {
            Issue.record("expected a vision transformer")
            return
        }
        #expect(tower.imageSize == 32 && tower.patchSize == 8 && tower.transformer.layers == 2)
        #expect(tower.transformer.activation == .quickGELU && tower.transformer.heads == 4)
        let resNet = try SafetensorsFile(fixture("clip-towers/resnet.safetensors"))
        guard case .resNet(let tower) = try shapes(resNet, headWidth: 8).imageTower else {
            Issue.record("expected a ResNet")
            return
        }
        #expect(tower.layers == [1, 2, 1, 1] && tower.imageSize == 64 && tower.heads == 32)
        #expect(throws: ConfigurationError.self) { try shapes(vit, headWidth: 64) }
        #expect(throws: ConfigurationError.self) {
            try shapes(TensorDictionary(["visual.proj": .zeros([2, 2])]), headWidth: 8)
        }
        // One number seen as many, as an archive may have it, and a text without room for its two special tokens.
        for (name, shape) in [("text_projection", [1 << 40, 1 << 20]), ("positional_embedding", [1, 24])] {
            #expect(throws: ConfigurationError.self) {
                try shapes(Reshaped(source: vit, name: name, shape: shape), headWidth: 8)
            }
        }
    }

    /// A checkpoint of which one tensor says another shape.
    private struct Reshaped: ParameterSource {
        let source: any ParameterSource
        let name: String
        let shape: [Int]

        var description: String { source.description }
        var names: [String] { source.names }
        func shape(of name: String) -> [Int]? { name == self.name ? shape : source.shape(of: name) }
        func tensor(named name: String) throws -> Tensor { try source.tensor(named: name) }
    }

    @Test("A file of transformers gives its embeddings and logits")
    func huggingFace() throws {
        try torchScope {
            let expected = try Expected("clip-towers/huggingface-expected.safetensors")
            let configuration = try CLIPConfiguration(
                huggingFace: fixtureData("clip-towers/huggingface-config.json")
            )
            #expect(configuration.unknownKeys == [])
            #expect(configuration.textTower.pooling == .first(3))
            let names = HuggingFaceCLIPNames(try SafetensorsFile(fixture("clip-towers/huggingface.safetensors")))
            let store = ParameterStore(loading: names, computeType: .float32)
            let model = try CLIP(store.root, configuration)
            try store.finish(ignoring: CLIP.isIgnorable)
            let image = model.encodeImages(try expected["pixels"])
            let text = model.encodeTexts(try expected["ids"]).embedding
            expectEqual(image, try expected["image"], "image")
            expectEqual(text, try expected["text"], "text")
            let logits = image.normalized().matmul(text.normalized().transpose(0, 1)) * model.logitScale.exp()
            expectEqual(logits, try expected["logits"], "logits")
        }
    }

    @Test("Swapped weights are noticed")
    func negativeControl() throws {
        try torchScope {
            let expected = try Expected("clip-towers/vit-expected.safetensors")
            let file = try SafetensorsFile(fixture("clip-towers/vit.safetensors"))
            let swapped = Swapped(
                source: file,
                names: [
                    "visual.ln_pre.weight", "visual.ln_post.weight", "transformer.resblocks.0.ln_1.bias",
                    "ln_final.bias",
                ]
            )
            let model = try CLIP(ParameterStore(loading: swapped, computeType: .float32).root, vision(.quickGELU))
            #expect(Agreement(model.encodeImages(try expected["pixels"]), try expected["image"]).difference > 1e-3)
            let text = model.encodeTexts(try expected["ids"]).embedding
            #expect(Agreement(text, try expected["text"]).difference > 1e-3)
        }
    }

    @Test("GELU and QuickGELU are told apart")
    func activations() throws {
        try torchScope {
            let expected = try Expected("clip-towers/vit-expected.safetensors")
            let file = try SafetensorsFile(fixture("clip-towers/vit.safetensors"))
            let model = try CLIP(ParameterStore(loading: file, computeType: .float32).root, vision(.gelu))
            #expect(Agreement(model.encodeImages(try expected["pixels"]), try expected["image"]).difference > 1e-3)
        }
    }

    private static let viT = #"{"image_size": 224, "layers": 12, "width": 768, "patch_size": 32}"#
    private static let text = #"{"context_length": 77, "vocab_size": 49408, "width": 512, "heads": 8, "layers": 12}"#

    @Test("OpenCLIP's configurations are read, wrapped or not")
    func openCLIPConfigurations() throws {
        let plain = #"{"embed_dim": 512, "quick_gelu": true, "vision_cfg": \#(Self.viT), "text_cfg": \#(Self.text)}"#
        let wrapped = #"{"model_cfg": \#(plain), "preprocess_cfg": {"mean": [0.5, 0.5, 0.5]}}"#
        let first = try CLIPConfiguration(openCLIP: Data(plain.utf8))
        let second = try CLIPConfiguration(openCLIP: Data(wrapped.utf8))
        #expect(first.imageTower == second.imageTower && first.textTower == second.textTower)
        #expect(first.textTower.transformer.activation == .quickGELU)
        #expect(first.preprocessing == CLIPConfiguration.publishedPreprocessing(224))
        #expect(second.preprocessing.mean == [0.5, 0.5, 0.5])
        let rn50 =
            #"{"embed_dim": 1024, "vision_cfg": {"layers": [3, 4, 6, 3], "width": 64}, "text_cfg": \#(Self.text)}"#
        guard case .resNet(let tower) = try CLIPConfiguration(openCLIP: Data(rn50.utf8)).imageTower else {
            Issue.record("expected a ResNet")
            return
        }
        #expect(tower.heads == 32 && tower.featureChannels == 2048)
    }

    @Test(
        "A configuration that Lienzo cannot follow is refused in a sentence",
        arguments: [
            (#"{"vision_cfg": {}, "text_cfg": {}}"#, "embed_dim"),
            (#"{"embed_dim": 8, "vision_cfg": {"width": 100}, "text_cfg": {}}"#, "head_width"),
            (#"{"embed_dim": 8, "vision_cfg": {"layers": [1, 2]}, "text_cfg": {}}"#, "layers"),
            (#"{"embed_dim": 8, "vision_cfg": {"attentional_pool": true}, "text_cfg": {}}"#, "attentional_pool"),
            (#"{"embed_dim": 8, "vision_cfg": {}, "text_cfg": {"hf_model_name": "roberta-base"}}"#, "hf_model_name"),
            (#"{"embed_dim": 8, "vision_cfg": {}, "text_cfg": {"heads": 7}}"#, "heads"),
            (#"{"embed_dim": 8, "vision_cfg": {}, "text_cfg": {"pool_type": "mean"}}"#, "pool_type"),
        ]
    )
    func refusals(json: String, key: String) {
        #expect {
            try CLIPConfiguration(openCLIP: Data(json.utf8))
        } throws: { error in
            "\(error)".contains(key) && "\(error)".hasSuffix(".")
        }
    }
}
