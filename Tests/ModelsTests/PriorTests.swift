import LienzoCheckpoints
import LienzoNN
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoModels

/// The ladder against diffusers: tokens, each block fed with the reference's own input, the whole network (which runs
/// the text once and three tokens a step), the gradients, and bfloat16 with prepared weights.
@Suite("Prior", .tags(.parity))
struct PriorTests {
    static let folders = ["prior/kandinsky", "prior/normed"]

    @Test("text, time and noisy embedding become the reference's tokens", arguments: folders)
    func tokens(folder: String) throws {
        let fixture = try DiffusersFixture(folder)
        try torchScope {
            let prior = try fixture.prior()
            let prefix = prior.prefix(
                textEmbedding: try fixture["text_embedding"],
                textEncoding: try fixture["text_encoding"]
            )
            let suffix = prior.suffix(try fixture["sample"], try fixture["timestep"])
            expectEqual(.cat([prefix, suffix], dim: 1), try fixture["tokens"], "tokens")
        }
    }

    @Test("each block answers as the reference's does to the same input", arguments: folders)
    func blocks(folder: String) throws {
        let fixture = try DiffusersFixture(folder)
        try torchScope {
            let prior = try fixture.prior()
            let mask = prior.mask(try fixture["text_mask"])
            var x = try fixture["tokens"]
            for (index, block) in prior.blocks.enumerated() {
                let output = block(x, mask: mask)
                x = try fixture["transformer_blocks.\(index)"]
                expectEqual(output, x, "block \(index)")
            }
        }
    }

    @Test("the prediction is the reference's, and so is the embedding it stands for", arguments: folders)
    func output(folder: String) throws {
        let fixture = try DiffusersFixture(folder)
        try torchScope {
            let prior = try fixture.prior()
            let output = try prior(fixture)
            expectEqual(output, try fixture["output"], "output")
            expectEqual(prior.unstandardised(output), try fixture["processed"], "processed")
            expectEqual(prior.standardised(prior.unstandardised(output)), output, "standardised")
        }
    }

    @Test(
        "a swapped weight is noticed",
        arguments: [
            ("transformer_blocks.0.attn1.to_k.weight", "transformer_blocks.0.attn1.to_v.weight"),
            ("transformer_blocks.1.norm1.weight", "transformer_blocks.1.norm3.weight"),
            ("embedding_proj.weight", "proj_in.weight"),
        ]
    )
    func negativeControl(first: String, second: String) throws {
        let fixture = try DiffusersFixture("prior/kandinsky")
        let found = try torchScope {
            let source = Swapped(source: fixture.weights, names: [first, second])
            return Agreement(try fixture.prior(source)(fixture), try fixture["output"])
        }
        #expect(found.difference > 1e-3)
    }

    @Test("prepared weights in bfloat16 predict the same but for rounding", arguments: folders)
    func halfPrecision(folder: String) throws {
        let fixture = try DiffusersFixture(folder)
        try torchScope {
            try withoutGradient {
                let store = ParameterStore(loading: fixture.weights, computeType: .bfloat16)
                let output = try fixture.prior(store)(fixture)
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
            let prior = try fixture.prior(store)
            let loss = try (prior(fixture) * fixture["loss_weight"]).mean()
            expectEqual(loss.reshape(1), try fixture["loss"], "loss", difference: type == .float32 ? 1e-4 : 0.05)
            loss.backward()
            try fixture.expectGradients(of: store)
        }
    }

    @Test("a mask of another shape, or without the start of a text, is refused")
    func badMask() throws {
        let fixture = try DiffusersFixture("prior/kandinsky")
        try torchScope {
            let prior = try fixture.prior()
            let (embedding, encoding) = (try fixture["text_embedding"], try fixture["text_encoding"])
            let mask = try fixture["text_mask"]
            #expect(throws: PriorError.maskShape(expected: [3, 6], found: [3, 5])) {
                try prior.context(
                    textEmbedding: embedding,
                    textEncoding: encoding,
                    textMask: mask.narrow(dim: 1, start: 0, length: 5)
                )
            }
            #expect(throws: PriorError.maskedStart) {
                try prior.context(textEmbedding: embedding, textEncoding: encoding, textMask: mask.logicalNot())
            }
        }
    }

    @Test("a feed-forward network answers as the reference's does", arguments: ["gelu", "geglu"])
    func feedForward(activation: String) throws {
        let file = try SafetensorsFile(fixture("prior/feed_forward.safetensors"))
        try torchScope {
            let store = ParameterStore(loading: file, computeType: .float32)
            let network = try FeedForward(
                store.root[activation],
                width: 8,
                activation: activation == "geglu" ? .geglu : .gelu
            )
            expectEqual(
                network(try file.tensor(named: "input")),
                try file.tensor(named: "\(activation).output"),
                activation
            )
        }
    }

    @Test("a fresh prior has the reference's parameters and first distributions")
    func initialisation() throws {
        let fixture = try DiffusersFixture("prior/normed")
        try torchScope {
            let store = ParameterStore(training: nil, generator: Generator(seed: 3), computeType: .float32)
            _ = try PriorTransformer(store.root, PriorTransformerConfiguration(json: fixture.configuration))
            #expect(Set(store.entries.map(\.name)) == Set(fixture.weights.names))
            for name in ["positional_embedding", "prd_embedding", "clip_mean", "clip_std", "norm_out.bias"] {
                #expect(store.parameter(named: name)?.abs().max().item == 0)
            }
            #expect(store.parameter(named: "norm_out.weight")?.min().item == 1)

            // U(−1/√fan-in, 1/√fan-in), whose standard deviation is 1/√(3 fan-in).
            let weight = try #require(store.parameter(named: "transformer_blocks.0.ff.net.0.proj.weight"))
            #expect(weight.abs().max().item <= 0.25)
            #expect(abs(weight.std().item * 48.squareRoot() - 1) < 0.05)
        }
    }
}

extension DiffusersFixture {
    fileprivate func prior() throws -> PriorTransformer { try prior(weights) }

    fileprivate func prior(_ source: some ParameterSource) throws -> PriorTransformer {
        try prior(ParameterStore(loading: source, computeType: .float32))
    }

    /// The network of all parameters of a store.
    fileprivate func prior(_ store: ParameterStore) throws -> PriorTransformer {
        let prior = try PriorTransformer(store.root, PriorTransformerConfiguration(json: configuration))
        try store.finish()
        return prior
    }
}

extension PriorTransformer {
    fileprivate func callAsFunction(_ fixture: DiffusersFixture) throws -> Tensor {
        let context = try context(
            textEmbedding: fixture["text_embedding"],
            textEncoding: fixture["text_encoding"],
            textMask: fixture["text_mask"]
        )
        return self(try fixture["sample"], try fixture["timestep"], context)
    }
}
