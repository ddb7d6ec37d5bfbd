import Foundation
import LienzoModels
import Testing

@Suite("The configuration of a U-Net")
struct UNetConfigurationTests {
    static func edited(_ folder: String, _ changes: [String: Any]) throws -> Data {
        let json = try JSONSerialization.jsonObject(with: DiffusersFixture(folder).configuration)
        guard var object = json as? [String: Any] else { return Data() }
        object.merge(changes) { $1 }
        return try JSONSerialization.data(withJSONObject: object)
    }

    @Test("the reference's file is read, key by key")
    func reads() throws {
        let configuration = try UNet2DConditionConfiguration(json: DiffusersFixture("unet/kandinsky22").configuration)
        #expect(configuration.downBlockTypes == [.simpleCrossAttention, .simpleCrossAttention, .resnetDownsample])
        #expect(configuration.conditioning == .image)
        #expect(configuration.layersPerBlock == [1, 2, 1])
        #expect(configuration.attentionHeadDim == [4, 8, 2])
        #expect(configuration.onlyCrossAttention == [false, true, false])
        #expect(!configuration.midBlockOnlyCrossAttention)
        #expect(configuration.resnetTimeScaleShift == .shift)
        #expect(configuration.timeEmbeddingDim == 20)
        #expect(configuration.downsamplingFactor == 4)
        #expect(configuration.unknownKeys.isEmpty)
    }

    @Test("one value stands for all blocks, and a width of the time follows from the first block")
    func defaults() throws {
        let json = try Self.edited("unet/kandinsky21", ["only_cross_attention": true])
        let configuration = try UNet2DConditionConfiguration(json: json)
        #expect(configuration.attentionHeadDim == [8, 8, 8])
        #expect(configuration.onlyCrossAttention == [true, true, true])
        #expect(configuration.midBlockOnlyCrossAttention)
        #expect(configuration.timeEmbeddingDim == 32)
    }

    @Test("what is written is read back the same", arguments: ["unet/kandinsky21", "unet/kandinsky22"])
    func roundTrip(folder: String) throws {
        let configuration = try UNet2DConditionConfiguration(json: DiffusersFixture(folder).configuration)
        #expect(try UNet2DConditionConfiguration(json: configuration.configurationJSON()) == configuration)
    }

    @Test("a new network's shape is the one its file gives")
    func new() throws {
        let new = try UNet2DConditionConfiguration(
            sampleSize: 8,
            inChannels: 4,
            outChannels: 8,
            downBlockTypes: [.resnetDownsample, .simpleCrossAttention, .simpleCrossAttention],
            blockOutChannels: [8, 8, 16],
            layersPerBlock: 1,
            attentionHeadDim: 8,
            normNumGroups: 4,
            crossAttentionDim: 12,
            encoderHidDim: 10
        )
        #expect(try new == UNet2DConditionConfiguration(json: DiffusersFixture("unet/kandinsky21").configuration))
    }

    @Test("keys that nobody knows are reported")
    func unknownKeys() throws {
        let json = try Self.edited("unet/kandinsky21", ["rotary": 3, "_commit_hash": "x"])
        #expect(try UNet2DConditionConfiguration(json: json).unknownKeys == ["rotary"])
    }

    @Test(
        "what Lienzo does not build, or nobody can, is refused by its key",
        arguments: [
            (#"{"down_block_types": ["KDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"]}"#, "down_block_types"),
            (#"{"up_block_types": ["ResnetUpsampleBlock2D"]}"#, "up_block_types"),
            (#"{"mid_block_type": "UNetMidBlock2D"}"#, "mid_block_type"),
            (#"{"mid_block_type": null}"#, "mid_block_type"),
            (#"{"block_out_channels": [8, 9, 16]}"#, "block_out_channels"),
            (#"{"block_out_channels": []}"#, "block_out_channels"),
            (#"{"attention_head_dim": 3}"#, "attention_head_dim"),
            (#"{"attention_head_dim": 0}"#, "attention_head_dim"),
            (#"{"layers_per_block": [1, 1]}"#, "layers_per_block"),
            (#"{"addition_embed_type": "text_time"}"#, "addition_time_embed_dim"),
            (#"{"addition_embed_type": "text"}"#, "addition_embed_type"),
            (#"{"addition_embed_type": null}"#, "encoder_hid_dim_type"),
            (#"{"reverse_transformer_layers_per_block": [1, 1, 1]}"#, "reverse_transformer_layers_per_block"),
            (#"{"downsample_padding": 0}"#, "downsample_padding"),
            (#"{"encoder_hid_dim_type": "image_proj"}"#, "encoder_hid_dim_type"),
            (#"{"encoder_hid_dim": null}"#, "encoder_hid_dim"),
            (#"{"class_embed_type": "simple_projection"}"#, "class_embed_type"),
            (#"{"class_embed_type": "projection"}"#, "projection_class_embeddings_input_dim"),
            (#"{"num_attention_heads": 4}"#, "num_attention_heads"),
            (#"{"cross_attention_norm": "layer_norm"}"#, "cross_attention_norm"),
            (#"{"act_fn": "mish"}"#, "act_fn"),
            (#"{"dropout": 0.1}"#, "dropout"),
            (#"{"norm_num_groups": 0}"#, "norm_num_groups"),
            (#"{"conv_in_kernel": 2}"#, "conv_in_kernel"),
            (#"{"in_channels": "four"}"#, "in_channels"),
            (#"{"in_channels": 1e300}"#, "in_channels"),
        ]
    )
    func refused(change: String, key: String) throws {
        let changes = try JSONSerialization.jsonObject(with: Data(change.utf8)) as? [String: Any]
        let json = try Self.edited("unet/kandinsky21", #require(changes))
        let error = #expect(throws: ConfigurationError.self) { try UNet2DConditionConfiguration(json: json) }
        #expect(error?.description.contains(key) == true)
    }

    @Test("a new network that cannot be is refused")
    func newRefused() {
        #expect(throws: ConfigurationError.self) {
            try UNet2DConditionConfiguration(
                sampleSize: 8,
                inChannels: 4,
                outChannels: 4,
                downBlockTypes: [],
                blockOutChannels: [],
                crossAttentionDim: 12,
                encoderHidDim: 10
            )
        }
        #expect(throws: ConfigurationError.self) {
            try UNet2DConditionConfiguration(
                sampleSize: 8,
                inChannels: 4,
                outChannels: 4,
                downBlockTypes: [.simpleCrossAttention],
                blockOutChannels: [8],
                normNumGroups: 0,
                crossAttentionDim: 12,
                encoderHidDim: 10
            )
        }
    }
}
