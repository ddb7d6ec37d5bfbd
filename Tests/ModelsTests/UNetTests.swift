import LienzoCheckpoints
import LienzoNN
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoModels

/// The ladder against diffusers: projections, each block fed with the reference's own input, the whole network, the
/// gradients, and bfloat16 with prepared weights.
@Suite("U-Net", .tags(.parity))
struct UNetTests {
    static let folders = ["unet/kandinsky21", "unet/kandinsky22", "unet/kandinsky22-hint"]

    @Test("what the network is told becomes what the reference makes of it", arguments: folders)
    func conditioning(folder: String) throws {
        let fixture = try DiffusersFixture(folder)
        try torchScope {
            let unet = try fixture.unet()
            let context = try unet.context(fixture)
            let tokens = try unet.tokens(fixture)
            expectEqual(try #require(context.time), try fixture["add_embedding"], "time")
            expectEqual(tokens, try fixture["encoder_hid_proj"], "tokens")
            if let hint = context.hint { expectEqual(hint, try fixture["encoded_hint"], "hint") }

            let time = try fixture["time_embedding"] + fixture["add_embedding"]
            let skipsActivation = unet.configuration.resnetSkipTimeAct
            let expected = skipsActivation ? time : time.silu()
            expectEqual(unet.encoder.time(try fixture["timestep"], context), expected, "activated time")
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
            expectEqual(
                unet.encoder.middle(x, time: time, condition: context.middle),
                try fixture["mid_block"],
                "middle block"
            )

            x = try fixture["mid_block"]
            for (index, block) in unet.up.enumerated() {
                let output = block(x, skips: &skips, time: time, condition: context.up[index])
                x = try fixture["up_blocks.\(index)"]
                expectEqual(output, x, "up block \(index)")
            }
            #expect(skips.isEmpty)
        }
    }

    @Test("the prediction is the reference's", arguments: folders)
    func output(folder: String) throws {
        let fixture = try DiffusersFixture(folder)
        try torchScope {
            expectEqual(try fixture.unet()(fixture), try fixture["output"], "output")
        }
    }

    @Test(
        "a swapped weight is noticed",
        arguments: [
            ("down_blocks.1.attentions.0.add_k_proj.weight", "down_blocks.1.attentions.0.add_v_proj.weight"),
            ("mid_block.resnets.0.conv1.weight", "mid_block.resnets.0.conv2.weight"),
            ("up_blocks.1.resnets.0.norm2.weight", "up_blocks.1.resnets.0.norm2.bias"),
        ]
    )
    func negativeControl(first: String, second: String) throws {
        let fixture = try DiffusersFixture("unet/kandinsky21")
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
                let store = ParameterStore(loading: fixture.weights, computeType: .bfloat16)
                let output = try fixture.unet(store)(fixture)
                expectEqual(output, try fixture["output"], "output", difference: 0.05, cosine: 0.999)
            }
        }
    }

    @Test(
        "loss and gradients are the reference's; with bfloat16 between float32 parameters, up to rounding",
        arguments: folders,
        [DType.float32, .bfloat16]
    )
    func gradients(folder: String, type: DType) throws {
        let fixture = try DiffusersFixture(folder)
        try torchScope {
            let store = ParameterStore(training: fixture.weights, generator: nil, computeType: type)
            let unet = try fixture.unet(store)
            let loss = try (unet(fixture) * fixture["loss_weight"]).mean()
            expectEqual(loss.reshape(1), try fixture["loss"], "loss", difference: type == .float32 ? 1e-4 : 0.05)
            loss.backward()
            try fixture.expectGradients(of: store)
        }
    }

    @Test("a condition that the network has no projections for is refused")
    func otherCondition() throws {
        let fixture = try DiffusersFixture("unet/kandinsky22")
        try torchScope {
            let unet = try fixture.unet()
            let image = try fixture["image_embedding"]
            #expect(throws: UNetError.self) {
                try unet.context(textEmbedding: image, textEncoding: image, imageEmbedding: image)
            }
        }
    }

    @Test("a fresh network has the reference's parameters and first distributions")
    func initialisation() throws {
        let fixture = try DiffusersFixture("unet/kandinsky21")
        try torchScope {
            let store = ParameterStore(training: nil, generator: Generator(seed: 3), computeType: .float32)
            let configuration = try UNet2DConditionConfiguration(json: fixture.configuration)
            _ = try UNet2DConditionModel(store.root, configuration)
            #expect(Set(store.entries.map(\.name)) == Set(fixture.weights.names))

            // U(−1/√fan-in, 1/√fan-in), whose standard deviation is 1/√(3 fan-in); norms begin as the identity.
            let weight = try #require(store.parameter(named: "up_blocks.0.resnets.0.conv1.weight"))
            let bound = 1 / (Double(weight.shape.dropFirst().reduce(1, *))).squareRoot()
            #expect(weight.abs().max().item <= bound)
            #expect(abs(weight.std().item * 3.squareRoot() / bound - 1) < 0.05)
            let bias = try #require(store.parameter(named: "up_blocks.0.resnets.0.conv1.bias"))
            #expect(bias.abs().max().item <= bound && bias.abs().max().item > bound / 4)
            #expect(store.parameter(named: "conv_norm_out.weight")?.min().item == 1)
            #expect(store.parameter(named: "conv_norm_out.bias")?.abs().max().item == 0)
        }
    }
}

extension DiffusersFixture {
    fileprivate func unet() throws -> UNet2DConditionModel { try unet(weights) }

    fileprivate func unet(_ source: some ParameterSource) throws -> UNet2DConditionModel {
        try unet(ParameterStore(loading: source, computeType: .float32))
    }

    /// The network of all parameters of a store.
    fileprivate func unet(_ store: ParameterStore) throws -> UNet2DConditionModel {
        let unet = try UNet2DConditionModel(store.root, UNet2DConditionConfiguration(json: configuration))
        try store.finish()
        return unet
    }
}

extension UNet2DConditionModel {
    fileprivate func callAsFunction(_ fixture: DiffusersFixture) throws -> Tensor {
        self(try fixture["sample"], try fixture["timestep"], try context(fixture))
    }

    fileprivate func context(_ fixture: DiffusersFixture) throws -> Context {
        switch configuration.conditioning {
        case .textImage:
            try context(
                textEmbedding: fixture["text_embedding"],
                textEncoding: fixture["text_encoding"],
                imageEmbedding: fixture["image_embedding"]
            )
        case .imageHint:
            try context(imageEmbedding: fixture["image_embedding"], hint: fixture["hint"])
        default:
            try context(imageEmbedding: fixture["image_embedding"])
        }
    }

    /// The condition's tokens.
    fileprivate func tokens(_ fixture: DiffusersFixture) throws -> Tensor {
        let image = try fixture["image_embedding"]
        switch encoder.conditioning {
        case .textImage(let projection, _):
            return projection(textEncoding: try fixture["text_encoding"], imageEmbedding: image)
        case .image(let projection, _), .imageHint(let projection, _, _): return projection(image)
        case .text, .textTime: return try fixture["text_encoding"]
        }
    }
}
