import Foundation
import LienzoModels
import Testing

@Suite("Configuration of the dual encoder")
struct CLIPConfigurationTests {
    @Test("Widths and depths of Lite0 to Lite4 are timm's", arguments: 0...4)
    func shapes(variant: Int) throws {
        let name = "tf_efficientnet_lite\(variant)"
        let all = try JSONDecoder()
            .decode([String: [String: [Int]]].self, from: fixtureData("clip/efficientnet_lite_shapes.json"))
        let expected = try #require(all[name])
        let tower = try #require(EfficientNetLiteConfiguration(timm: "\(name).in1k"))
        var shapes = [
            "conv_stem.weight": [tower.stemChannels, 3, 3, 3],
            "conv_head.weight": [tower.featureChannels, tower.stages.last?.last?.outChannels ?? 0, 1, 1],
        ]
        for (s, stage) in tower.stages.enumerated() {
            for (b, block) in stage.enumerated() {
                let path = "blocks.\(s).\(b)"
                let middle = block.middleChannels
                shapes["\(path).conv_dw.weight"] = [middle, 1, block.kernel, block.kernel]
                if block.expansion == 1 {
                    shapes["\(path).conv_pw.weight"] = [block.outChannels, middle, 1, 1]
                } else {
                    shapes["\(path).conv_pw.weight"] = [middle, block.inChannels, 1, 1]
                    shapes["\(path).conv_pwl.weight"] = [block.outChannels, middle, 1, 1]
                }
            }
        }
        #expect(shapes == expected)
    }

    @Test("The original file's names map one to one onto timm's")
    func originalNames() throws {
        let tower = try #require(EfficientNetLiteConfiguration(timm: "tf_efficientnet_lite0"))
        let names = tower.originalNames(prefix: "visual.trunk.")
        // 49 convolutions, 49 normalisations of four tensors, weight and bias of the classifier.
        #expect(names.count == 49 + 4 * 49 + 2)
        #expect(Set(names.values).count == names.count)
        #expect(names["visual.trunk.bn1.running_var"] == "_bn0.running_var")
        #expect(names["visual.trunk.bn2.weight"] == "_bn1.weight")
        #expect(names["visual.trunk.blocks.0.0.conv_pw.weight"] == "_blocks.0._project_conv.weight")
        #expect(names["visual.trunk.blocks.0.0.bn1.bias"] == "_blocks.0._bn1.bias")
        #expect(names["visual.trunk.blocks.3.2.conv_pw.weight"] == "_blocks.7._expand_conv.weight")
        #expect(names["visual.trunk.blocks.6.0.bn3.weight"] == "_blocks.15._bn2.weight")
        #expect(names["visual.trunk.classifier.weight"] == "_fc.weight")
    }

    @Test("A directory's two files give the whole configuration, and it writes them again")
    func roundTrip() throws {
        let configuration = try tinyCLIP()
        #expect(configuration.embeddingDimension == 16)
        #expect(configuration.preprocessing == .init(size: 75))
        #expect(configuration.textTower.width == 24)
        #expect(configuration.contextLength == 12)
        #expect(configuration.unknownKeys == [])
        let again = try OpenCLIPConfiguration(
            json: configuration.configurationJSON(),
            textTower: configuration.textTower.configurationJSON(),
            imageTowerNamed: { _ in tinyImageTower }
        )
        #expect(again == configuration)
    }

    @Test("Preprocessing is read with the fill colour")
    func preprocessing() throws {
        let json = """
            {"model_cfg": {"embed_dim": 8, "vision_cfg": {"timm_model_name": "tf_efficientnet_lite2", "image_size": 260},
             "text_cfg": {"hf_model_name": "."}},
             "preprocess_cfg": {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6], "interpolation": "bilinear",
             "resize_mode": "longest", "fill_color": 255}}
            """
        let configuration = try OpenCLIPConfiguration(
            json: Data(json.utf8),
            textTower: Data(#"{"model_type": "bert"}"#.utf8)
        )
        let expected = OpenCLIPConfiguration.Preprocessing(
            size: 260,
            mean: [0.1, 0.2, 0.3],
            standardDeviation: [0.4, 0.5, 0.6],
            interpolation: .bilinear,
            resizeMode: .longest,
            fillColor: 255
        )
        #expect(configuration.preprocessing == expected)
        #expect(configuration.imageTower == EfficientNetLiteConfiguration(timm: "tf_efficientnet_lite2"))
    }

    @Test("Unknown keys are listed with their path")
    func unknownKeys() throws {
        let json = """
            {"model_cfg": {"embed_dim": 8, "colour": 1, "vision_cfg": {"timm_model_name": "tf_efficientnet_lite0"},
             "text_cfg": {"hf_model_name": ".", "tint": 2}}}
            """
        let bert = #"{"model_type": "bert", "hue": 3}"#
        let configuration = try OpenCLIPConfiguration(json: Data(json.utf8), textTower: Data(bert.utf8))
        #expect(configuration.unknownKeys == ["model_cfg.colour", "model_cfg.text_cfg.tint", "hue"])
    }

    @Test(
        "What cannot be built is refused with the key, what was expected and what was found",
        arguments: [
            (#""timm_model_name": "vit_base""#, #""hf_model_name": ".""#, "timm_model_name as \"vit_base\""),
            (#""timm_pool": "rot_attn""#, #""hf_model_name": ".""#, "timm_pool as \"rot_attn\""),
            (#""image_size": 1e9"#, #""hf_model_name": ".""#, "an integer from 32 to 4096"),
            (#""image_size": 64"#, #""width": 512"#, "hf_model_name as nothing"),
            (#""image_size": 64"#, #""hf_model_name": ".", "context_length": 513"#, "context_length as 513"),
            (#""image_size": 64"#, #""hf_model_name": ".", "context_length": 1"#, "context_length as 1"),
            (#""image_size": 64"#, #""hf_model_name": ".", "hf_proj_type": null"#, "hf_proj_type as null"),
        ]
    )
    func refusals(vision: String, text: String, sentence: String) throws {
        let tower = vision.contains("timm_model_name") ? "" : #""timm_model_name": "tf_efficientnet_lite0", "#
        let json = #"{"model_cfg": {"embed_dim": 8, "vision_cfg": {\#(tower)\#(vision)}, "text_cfg": {\#(text)}}}"#
        let error = try #require(throws: ConfigurationError.self) {
            try OpenCLIPConfiguration(json: Data(json.utf8), textTower: Data(#"{"model_type": "bert"}"#.utf8))
        }
        #expect(error.description.contains(sentence), "\(error)")
    }
}

/// The image tower of the fixtures: Lite0 at a tenth of its width.
let tinyImageTower = EfficientNetLiteConfiguration(
    widthMultiplier: 0.1,
    depthMultiplier: 1,
    stemChannels: 8,
    featureChannels: 40
)

/// The configuration of the fixtures' dual encoder.
func tinyCLIP() throws -> OpenCLIPConfiguration {
    try OpenCLIPConfiguration(
        json: fixtureData("clip/open_clip_config.json"),
        textTower: fixtureData("clip/config.json"),
        imageTowerNamed: { $0 == "tf_efficientnet_lite_narrow" ? tinyImageTower : nil }
    )
}
