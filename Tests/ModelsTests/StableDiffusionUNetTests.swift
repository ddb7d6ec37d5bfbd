import LienzoNN
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoModels

/// The ladder against diffusers for the shapes of Stable Diffusion 1 (with the guidance of latent consistency models),
/// 2 (with the class embedding of Stable unCLIP and the channels of inpainting) and XL.
@Suite("The U-Net of Stable Diffusion", .tags(.parity))
struct StableDiffusionUNetTests {
    static let folders = ["unet/sd1", "unet/sd2", "unet/xl"]

    @Test("what is added to the time is the reference's", arguments: ["unet/sd2", "unet/xl"])
    func conditioning(folder: String) throws {
        let fixture = try DiffusersFixture(folder)
        try torchScope {
            let unet = try fixture.unet()
            let context = try unet.context(fixture)
            expectEqual(try #require(context.time), try fixture["add_embedding"], "added to the time")
            let time = try (fixture["time_embedding"] + fixture["add_embedding"]).silu()
            expectEqual(unet.encoder.time(try fixture["timestep"], context), time, "activated time")
        }
    }

    @Test("each block answers as the reference's does to the same input", arguments: folders)
    func blocks(folder: String) throws {
        let fixture = try DiffusersFixture(folder)
        try torchScope {
            let unet = try fixture.unet()
            let context = try unet.context(fixture)
            let time = unet.encoder.time(try fixture["timestep"], context)

            var skips = [try fixture["conv_in"]]
            for (index, block) in unet.encoder.down.enumerated() {
                let outputs = block(try #require(skips.last), time: time, condition: context.down[index])
                let expected = try outputs.indices.map { try fixture["down_blocks.\(index).\($0)"] }
                for (output, expected) in zip(outputs, expected) {
                    expectEqual(output, expected, "down block \(index)")
                }
                skips += expected
            }

            var x = try #require(skips.last)
            let middle = try fixture["mid_block"]
            expectEqual(unet.encoder.middle(x, time: time, condition: context.middle), middle, "middle block")

            x = middle
            for (index, block) in unet.up.enumerated() {
                let output = block(x, skips: &skips, time: time, condition: context.up[index])
                x = try fixture["up_blocks.\(index)"]
                expectEqual(output, x, "up block \(index)")
            }
            #expect(skips.isEmpty)
        }
    }

    @Test("the prediction is the reference's, with and without what a ControlNet adds", arguments: folders)
    func output(folder: String) throws {
        let fixture = try DiffusersFixture(folder)
        try torchScope {
            let unet = try fixture.unet()
            expectEqual(try unet(fixture), try fixture["output"], "output")
            let layers = unet.configuration.layersPerBlock
            let skips = layers.reduce(layers.count, +)
            let control = UNetControl(
                down: try (0..<skips).map { try fixture["control.\($0)"] },
                middle: try fixture["control.middle"]
            )
            expectEqual(try unet(fixture, control: control), try fixture["controlled"], "with control")
        }
    }

    @Test(
        "a swapped weight is noticed",
        arguments: [
            ("unet/sd1", "down_blocks.0.attentions.0.proj_in.weight", "down_blocks.0.attentions.0.proj_out.weight"),
            (
                "unet/sd2", "up_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight",
                "up_blocks.0.attentions.0.transformer_blocks.0.attn2.to_v.weight"
            ),
            (
                "unet/xl", "mid_block.attentions.0.transformer_blocks.0.norm1.weight",
                "mid_block.attentions.0.transformer_blocks.1.norm1.weight"
            ),
        ]
    )
    func negativeControl(folder: String, first: String, second: String) throws {
        let fixture = try DiffusersFixture(folder)
        let found = try torchScope {
            let source = Swapped(source: fixture.weights, names: [first, second])
            return Agreement(try fixture.unet(source)(fixture), try fixture["output"])
        }
        #expect(found.difference > 1e-3)
    }

    @Test("prepared weights in bfloat16 predict the same but for rounding", arguments: folders)
    func halfPrecision(folder: String) throws {
        let fixture = try DiffusersFixture(folder)
        try torchScope {
            try withoutGradient {
                let output = try fixture.unet(computeType: .bfloat16)(fixture)
                expectEqual(output, try fixture["output"], "output", difference: 0.05, cosine: 0.999)
            }
        }
    }

    @Test("a condition with a part missing or to spare is refused")
    func otherCondition() throws {
        try torchScope {
            let fixture = try DiffusersFixture("unet/xl")
            let text = try fixture["text_encoding"]
            let xl = try fixture.unet()
            #expect(throws: UNetError.self) { try xl.context(textEncoding: text) }
            #expect(throws: UNetError.self) { try xl.context(imageEmbedding: text) }
            let sd2 = try DiffusersFixture("unet/sd2").unet()
            #expect(throws: UNetError.missingLabel) { try sd2.context(textEncoding: text) }
            #expect(throws: UNetError.self) { try sd2.context(textEncoding: text, textEmbedding: text, numbers: text) }
        }
    }

    @Test("what is written is read back the same", arguments: folders)
    func roundTrip(folder: String) throws {
        let configuration = try UNet2DConditionConfiguration(json: DiffusersFixture(folder).configuration)
        #expect(configuration.unknownKeys.isEmpty)
        #expect(try UNet2DConditionConfiguration(json: configuration.configurationJSON()) == configuration)
    }
}

extension DiffusersFixture {
    fileprivate func unet(computeType: DType = .float32) throws -> UNet2DConditionModel {
        try unet(weights, computeType: computeType)
    }

    /// The network of all parameters of a source.
    fileprivate func unet(
        _ source: some ParameterSource,
        computeType: DType = .float32
    ) throws -> UNet2DConditionModel {
        let store = ParameterStore(loading: source, computeType: computeType)
        let unet = try UNet2DConditionModel(store.root, UNet2DConditionConfiguration(json: configuration))
        try store.finish()
        return unet
    }
}

extension UNet2DConditionModel {
    fileprivate func callAsFunction(_ fixture: DiffusersFixture, control: UNetControl? = nil) throws -> Tensor {
        self(try fixture["sample"], try fixture["timestep"], try context(fixture), control: control)
    }

    fileprivate func context(_ fixture: DiffusersFixture) throws -> Context {
        var isXL = false
        if case .textTime = configuration.conditioning { isXL = true }
        return try context(
            textEncoding: fixture["text_encoding"],
            textEmbedding: isXL ? fixture["text_embedding"] : nil,
            numbers: isXL ? fixture["numbers"] : nil,
            label: configuration.classEmbedding == nil ? nil : fixture["label"],
            guidance: configuration.timeConditionWidth == nil ? nil : fixture["guidance"]
        )
    }
}
