import Foundation
import LienzoCheckpoints
import LienzoNN
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoModels

/// The ladder against diffusers: each block of both halves, then the whole.
@Suite("The autoencoder of latent diffusion", .tags(.parity))
struct AutoencoderKLTests {
    static func fixture() throws -> DiffusersFixture { try DiffusersFixture("autoencoder-kl") }

    static func network(_ source: some ParameterSource, computeType: DType = .float32) throws -> AutoencoderKL {
        let store = ParameterStore(loading: source, computeType: computeType)
        let network = try AutoencoderKL(
            store.root,
            AutoencoderKLConfiguration(json: fixture().configuration)
        )
        try store.finish()
        return network
    }

    @Test("each block of the encoder is the reference's")
    func encoder() throws {
        let fixture = try Self.fixture()
        try torchScope {
            let encoder = try Self.network(fixture.weights).encoder
            var x = try fixture["encoder.conv_in"]
            expectEqual(encoder.input(try fixture["pixels"]), x, "first convolution")
            for (index, block) in encoder.blocks.enumerated() {
                let expected = try fixture["encoder.\(index)"]
                expectEqual(block(x), expected, "block \(index)")
                x = expected
            }
            expectEqual(encoder.middle(x), try fixture["encoder.mid_block"], "middle")
        }
    }

    @Test("each block of the decoder is the reference's")
    func decoder() throws {
        let fixture = try Self.fixture()
        try torchScope {
            let decoder = try Self.network(fixture.weights).decoder
            var x = try fixture["decoder.mid_block"]
            expectEqual(decoder.middle(try fixture["decoder.conv_in"]), x, "middle")
            for (index, block) in decoder.blocks.enumerated() {
                let expected = try fixture["decoder.\(index)"]
                expectEqual(block(x), expected, "block \(index)")
                x = expected
            }
        }
    }

    @Test("distributions and pictures are the reference's; in bfloat16 up to rounding", arguments: [true, false])
    func whole(isExact: Bool) throws {
        let fixture = try Self.fixture()
        try torchScope {
            let network = try Self.network(fixture.weights, computeType: isExact ? .float32 : .bfloat16)
            let (difference, cosine) = isExact ? (1e-4, 0.99999) : (0.05, 0.999)
            func expect(_ tensor: Tensor, _ name: String) throws {
                expectEqual(tensor, try fixture[name], name, difference: difference, cosine: cosine)
            }
            let distribution = network.encode(try fixture["pixels"])
            try expect(distribution.mean, "mean")
            try expect(distribution.deviation, "deviation")
            try expect(network.decode(try fixture["latents"]), "decoded")
        }
    }

    @Test("in tiles, distributions and pictures are the reference's, and not those of the whole")
    func tiles() throws {
        let expected = try Expected("autoencoder-kl/tiled.safetensors")
        try torchScope {
            let network = try Self.network(Self.fixture().weights)
            let (pixels, latents) = (try expected["pixels"], try expected["latents"])
            let distribution = network.encode(pixels, inTiles: true)
            expectEqual(distribution.mean, try expected["mean"], "mean")
            expectEqual(distribution.deviation, try expected["deviation"], "deviation")
            expectEqual(network.decode(latents, inTiles: true), try expected["decoded"], "decoded")
            for (found, name) in [(network.encode(pixels).mean, "mean"), (network.decode(latents), "decoded")] {
                #expect(Agreement(found, try expected[name]).difference > 1e-3, "\(name)")
            }
        }
    }

    @Test("what is no larger than a tile goes through whole")
    func oneTile() throws {
        try torchScope {
            let network = try Self.network(Self.fixture().weights)
            let latents = Tensor.randn([1, 4, 4, 3], generator: Generator(seed: 1), dtype: .float32)
            #expect(network.decode(latents, inTiles: true).floats() == network.decode(latents).floats())
        }
    }

    @Test("a swapped weight is noticed")
    func negativeControl() throws {
        let fixture = try Self.fixture()
        let found = try torchScope {
            let names = ["to_q", "to_v"].map { "decoder.mid_block.attentions.0.\($0).weight" }
            let network = try Self.network(Swapped(source: fixture.weights, names: names))
            return Agreement(network.decode(try fixture["latents"]), try fixture["decoded"])
        }
        #expect(found.difference > 1e-3)
    }

    @Test("the attention's old names stand for the same")
    func oldNames() throws {
        let fixture = try Self.fixture()
        try torchScope {
            let old = try fixture.weights.renamed(
                by: .replacing([
                    (".to_q.", ".query."), (".to_k.", ".key."), (".to_v.", ".value."), (".to_out.0.", ".proj_attn."),
                ])
            )
            #expect(old.names.contains("encoder.mid_block.attentions.0.proj_attn.bias"))
            expectEqual(try Self.network(old).decode(fixture["latents"]), try fixture["decoded"], "decoded")
        }
    }

    @Test("latents are scaled for diffusion and back, by two numbers or by each channel's")
    func scaling() throws {
        let fixture = try Self.fixture()
        try torchScope {
            let latents = try fixture["latents"]
            let network = try Self.network(fixture.weights)
            expectEqual(network.diffusionLatents(latents), (latents - 0.1) * 0.3, "scaled")
            expectEqual(network.rawLatents(network.diffusionLatents(latents)), latents, "and back")

            let json = try JSONSerialization.jsonObject(with: fixture.configuration) as? [String: Any]
            let edited = try #require(json).merging([
                "latents_mean": [1, 2, 3, 4], "latents_std": [0.5, 1, 2, 4], "scaling_factor": 0.5,
            ]) { $1 }
            let store = ParameterStore(loading: fixture.weights, computeType: .float32)
            let other = try AutoencoderKL(
                store.root,
                AutoencoderKLConfiguration(json: JSONSerialization.data(withJSONObject: edited))
            )
            let ones = Tensor.ones([1, 4, 1, 1])
            #expect(other.rawLatents(ones).floats() == [2, 4, 7, 12])
            expectEqual(other.diffusionLatents(other.rawLatents(latents)), latents, "and back")
        }
    }

    @Test(
        "what Lienzo does not build, or nobody can, is refused by its key",
        arguments: [
            (#"{"down_block_types": ["AttnDownEncoderBlock2D"]}"#, "down_block_types"),
            (#"{"norm_num_groups": 5}"#, "block_out_channels"),
            (#"{"act_fn": "mish"}"#, "act_fn"),
            (#"{"latents_mean": [1]}"#, "latents_mean"),
            (#"{"latent_channels": 0}"#, "latent_channels"),
        ]
    )
    func refused(change: String, key: String) throws {
        let json = try JSONSerialization.jsonObject(with: Self.fixture().configuration) as? [String: Any]
        let changes = try JSONSerialization.jsonObject(with: Data(change.utf8)) as? [String: Any]
        let edited = try #require(json).merging(#require(changes)) { $1 }
        let bytes = try JSONSerialization.data(withJSONObject: edited)
        let error = #expect(throws: ConfigurationError.self) { try AutoencoderKLConfiguration(json: bytes) }
        #expect(error?.description.contains(key) == true)
    }
}
