import Foundation
import LienzoModels
import Testing

@Suite("The configuration of a prior")
struct PriorConfigurationTests {
    @Test("the reference's file is read, key by key")
    func reads() throws {
        let configuration = try PriorTransformerConfiguration(json: DiffusersFixture("prior/normed").configuration)
        #expect(configuration.width == 16)
        #expect(configuration.numLayers == 3)
        #expect(configuration.numEmbeddings == 5)
        #expect(configuration.normInType == .layer)
        #expect(configuration.embeddingProjNormType == .layer)
        #expect(configuration.timeEmbedActFn == .gelu)
        #expect(configuration.timeEmbedDim == 24)
        #expect(configuration.embeddingProjDim == 10)
        #expect(configuration.clipEmbedDim == 14)
        #expect(configuration.unknownKeys.isEmpty)
    }

    @Test("what is written is read back the same", arguments: ["prior/kandinsky", "prior/normed"])
    func roundTrip(folder: String) throws {
        let configuration = try PriorTransformerConfiguration(json: DiffusersFixture(folder).configuration)
        #expect(try PriorTransformerConfiguration(json: configuration.configurationJSON()) == configuration)
    }

    @Test("a new network's shape is the one its file gives")
    func new() throws {
        let new = try PriorTransformerConfiguration(
            numAttentionHeads: 2,
            attentionHeadDim: 8,
            numLayers: 2,
            embeddingDim: 12,
            numEmbeddings: 6
        )
        #expect(try new == PriorTransformerConfiguration(json: DiffusersFixture("prior/kandinsky").configuration))
    }

    @Test(
        "what Lienzo does not build, or nobody can, is refused by its key",
        arguments: [
            (#"{"added_emb_type": "image"}"#, "added_emb_type"),
            (#"{"encoder_hid_proj_type": "conv"}"#, "encoder_hid_proj_type"),
            (#"{"additional_embeddings": 3}"#, "additional_embeddings"),
            (#"{"norm_in_type": "group"}"#, "norm_in_type"),
            (#"{"time_embed_act_fn": "mish"}"#, "time_embed_act_fn"),
            (#"{"dropout": 0.5}"#, "dropout"),
            (#"{"num_layers": 0}"#, "num_layers"),
            (#"{"num_attention_heads": -1}"#, "num_attention_heads"),
            (#"{"num_attention_heads": 3, "attention_head_dim": 3}"#, "attention_head_dim"),
            (#"{"embedding_dim": [12]}"#, "embedding_dim"),
        ]
    )
    func refused(json: String, key: String) {
        let error = #expect(throws: ConfigurationError.self) {
            try PriorTransformerConfiguration(json: Data(json.utf8))
        }
        #expect(error?.description.contains(key) == true)
    }

    @Test("a new network that cannot be is refused")
    func newRefused() {
        #expect(throws: ConfigurationError.self) {
            try PriorTransformerConfiguration(
                numAttentionHeads: 0,
                attentionHeadDim: 8,
                numLayers: 2,
                embeddingDim: 12,
                numEmbeddings: 6
            )
        }
    }
}
