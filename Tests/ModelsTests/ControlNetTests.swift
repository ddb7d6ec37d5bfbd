import Foundation
import LienzoNN
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoModels

/// The ladder against diffusers for the shapes of Stable Diffusion 1.5 and XL, names in single files, and what is
/// refused.
@Suite("ControlNet", .tags(.parity))
struct ControlNetTests {
    static let folders = ["control/sd1", "control/xl"]

    @Test("the hint, and the middle behind it, become what the reference makes of them", arguments: folders)
    func hint(folder: String) throws {
        let fixture = try DiffusersFixture(folder)
        try torchScope {
            let control = try fixture.control()
            let context = try control.context(fixture)
            expectEqual(try #require(context.hint), try fixture["encoded_hint"], "hint")
            let x = control.encoder.input(try fixture["sample"].channelsLast()) + (try fixture["encoded_hint"])
            let time = control.encoder.time(try fixture["timestep"], context)
            expectEqual(control.encoder(x, time: time, context).middle, try fixture["mid_block"], "middle")
        }
    }

    @Test(
        "what is added is the reference's: as it is, scaled, guessing and pooled",
        arguments: folders,
        ["plain", "scaled", "guessing", "pooling"]
    )
    func output(folder: String, kind: String) throws {
        let fixture = try DiffusersFixture(folder)
        try torchScope { try expect(fixture.control(pools: kind == "pooling"), kind, fixture) }
    }

    @Test("prepared weights in bfloat16 add the same but for rounding", arguments: folders)
    func halfPrecision(folder: String) throws {
        let fixture = try DiffusersFixture(folder)
        try torchScope {
            try expect(
                fixture.control(computeType: .bfloat16),
                "scaled",
                fixture,
                difference: 0.05,
                cosine: 0.999
            )
        }
    }

    @Test(
        "a swapped weight is noticed",
        arguments: [
            ("control/sd1", "controlnet_down_blocks.0.weight", "controlnet_down_blocks.1.weight"),
            (
                "control/sd1", "controlnet_cond_embedding.blocks.2.weight",
                "controlnet_cond_embedding.blocks.3.weight"
            ),
            ("control/xl", "controlnet_mid_block.weight", "controlnet_down_blocks.3.weight"),
        ]
    )
    func negativeControl(folder: String, first: String, second: String) throws {
        let fixture = try DiffusersFixture(folder)
        let found = try torchScope {
            let source = Swapped(source: fixture.weights, names: [first, second])
            let added = try fixture.control(source).added("plain", fixture)
            let expected = try fixture.added("plain", count: added.count)
            return zip(added, expected).map { Agreement($0, $1).difference }.max() ?? 0
        }
        #expect(found > 1e-3)
    }

    @Test("two networks add their sum, and nothing to the batch before")
    func sums() throws {
        let fixture = try DiffusersFixture("control/sd1")
        try torchScope {
            let network = try fixture.control()
            let context = try network.context(fixture)
            let one = network(try fixture["sample"], try fixture["timestep"], context)
            let both = (one + one).behindNothing
            for (sum, map) in zip(both.down + [both.middle], one.down + [one.middle]) {
                let halves = sum.chunk(2, dim: 0)
                #expect(halves[0].abs().max().item == 0)
                expectEqual(halves[1], map * 2, "sum")
            }
        }
    }

    @Test(
        "a single file has the names that the reference gives them, with a prefix too",
        arguments: ["", "control_model."]
    )
    func names(prefix: String) throws {
        let list = try NamesOnly("published/single-control-sd15.txt")
        let unet = try UNet2DConditionConfiguration(json: fixtureData("published/unet-sd15.json"))
        for (old, new) in list.newNames {
            #expect(ControlNetNames.name(old, layersPerBlock: 2, hints: 7) == new, "\(old)")
        }
        var file = list
        file.shapes = Dictionary(uniqueKeysWithValues: list.shapes.map { (prefix + $0, $1) })
        // What a file has that holds the whole model.
        if !prefix.isEmpty { file.shapes["model.diffusion_model.out.0.bias"] = [320] }
        let source = try ControlNetNames.network(in: file, beside: unet)
        let configuration = try ControlNetConfiguration(beside: unet, inChannels: 4, shapesOf: source)
        let published = try ControlNetConfiguration(json: fixtureData("published/control-sd15.json"))
        #expect(configuration.hintWidths == published.hintWidths)
        #expect(configuration.unet.downBlockTypes == published.unet.downBlockTypes)
        try torchScope {
            let store = ParameterStore(training: source, generator: nil, computeType: .bfloat16) { _ in false }
            _ = try ControlNetModel(store.root, configuration)
            try store.finish()
        }
    }

    @Test("a file of diffusers' names is taken as it is, and what is no whole network is refused with a sentence")
    func files() throws {
        let unet = try UNet2DConditionConfiguration(json: fixtureData("published/unet-sd15.json"))
        let published = try NamesOnly("published/control-sd15.txt")
        #expect(Set(try ControlNetNames.network(in: published, beside: unet).names) == Set(published.names))
        for (name, mention) in [
            ("difference", "difference"), ("lora_controlnet", "difference"), ("", "no control network"),
        ] {
            var file = try NamesOnly("published/unet-sd15.txt")
            if !name.isEmpty { file.shapes[name] = [1] }
            let error = #expect(throws: ConfigurationError.self) {
                try ControlNetNames.network(in: file, beside: unet)
            }
            #expect(error?.description.contains(mention) == true)
        }
    }

    @Test(
        "a configuration that Lienzo does not build is refused with a sentence",
        arguments: [
            (#""controlnet_conditioning_channel_order": "rgb""#, #""controlnet_conditioning_channel_order": "hsv""#),
            (#""class_embed_type": null"#, #""class_embed_type": "identity""#),
            (#""in_channels": 4"#, #""in_channels": 4, "conditioning_channels": 4"#),
            (#""in_channels": 4"#, #""in_channels": 4, "_class_name": "ControlNetUnionModel""#),
        ]
    )
    func otherConfigurations(text: String, other: String) throws {
        let json = String(decoding: try fixtureData("published/control-sd15.json"), as: UTF8.self)
        #expect(json.contains(text))
        let changed = Data(json.replacingOccurrences(of: text, with: other).utf8)
        #expect(throws: ConfigurationError.self) { try ControlNetConfiguration(json: changed) }
    }

    private func expect(
        _ control: ControlNetModel,
        _ kind: String,
        _ fixture: DiffusersFixture,
        difference: Double = 1e-4,
        cosine: Double = 0.99999
    ) throws {
        let added = try control.added(kind, fixture)
        let expected = try fixture.added(kind, count: added.count)
        for (place, (map, expected)) in zip(added, expected).enumerated() {
            expectEqual(
                map.to(.float32),
                expected,
                "\(kind) \(place)",
                difference: difference,
                cosine: cosine
            )
        }
    }
}

extension DiffusersFixture {
    fileprivate func control(
        _ source: (any ParameterSource)? = nil,
        computeType: DType = .float32,
        pools: Bool = false
    ) throws -> ControlNetModel {
        var json = String(decoding: configuration, as: UTF8.self)
        if pools {
            json = json.replacing("\"global_pool_conditions\": false", with: "\"global_pool_conditions\": true")
        }
        let store = ParameterStore(loading: source ?? weights, computeType: computeType)
        let network = try ControlNetModel(store.root, ControlNetConfiguration(json: Data(json.utf8)))
        try store.finish()
        #expect(network.configuration.unknownKeys.isEmpty && network.configuration.poolsGlobally == pools)
        return network
    }

    /// What the reference adds to each map, and to the middle last.
    fileprivate func added(_ kind: String, count: Int) throws -> [Tensor] {
        try (0..<count - 1).map { try self["\(kind).\($0)"] } + [self["\(kind).middle"]]
    }
}

extension ControlNetModel {
    fileprivate func context(_ fixture: DiffusersFixture) throws -> UNetContext {
        let isXL = configuration.unet.conditioning != .text
        return try context(
            hint: fixture["hint"],
            textEncoding: fixture["text_encoding"],
            textEmbedding: isXL ? fixture["text_embedding"] : nil,
            numbers: isXL ? fixture["numbers"] : nil
        )
    }

    /// What is added to each map, and to the middle last.
    fileprivate func added(_ kind: String, _ fixture: DiffusersFixture) throws -> [Tensor] {
        let control = self(
            try fixture["sample"],
            try fixture["timestep"],
            try context(fixture),
            scale: kind == "plain" ? 1 : 0.7,
            guesses: kind == "guessing" || kind == "pooling"
        )
        return control.down + [control.middle]
    }
}
