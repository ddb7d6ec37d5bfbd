import Foundation
import LienzoModels
import Testing

@Suite("Configuration of AutoencoderTiny")
struct AutoencoderTinyConfigurationTests {
    @Test("The reference's file is read and written again")
    func roundTrip() throws {
        let configuration = try AutoencoderTinyConfiguration(json: fixtureData("autoencoder/config.json"))
        #expect(configuration.latentChannels == 5)
        #expect(configuration.numEncoderBlocks == [1, 2, 1])
        #expect(configuration.downsamplingFactor == 4)
        #expect(configuration.scalingFactor == 0.75)
        #expect(configuration.unknownKeys == [])
        #expect(try AutoencoderTinyConfiguration(json: configuration.configurationJSON()) == configuration)
    }

    @Test("An empty object is TAESD's configuration, the reference's default")
    func defaults() throws {
        let configuration = try AutoencoderTinyConfiguration(json: Data("{}".utf8))
        #expect(configuration == AutoencoderTinyConfiguration(width: 64, latentChannels: 4))
        #expect(configuration.downsamplingFactor == 8)
    }

    @Test(
        "What cannot be built is refused in one sentence",
        arguments: [
            ("{", "is not valid JSON"),
            ("[]", "one JSON object"),
            (#"{"latent_channels": 0}"#, "latent_channels as 0, but an integer from 1 to 64 is expected"),
            (#"{"latent_channels": "4"}"#, #"latent_channels as "4""#),
            (#"{"encoder_block_out_channels": [8, 8, 16, 16]}"#, "one width for all stages"),
            (#"{"num_decoder_blocks": [3, 3]}"#, "one number for each of the 4 stages"),
            (#"{"upsample_fn": "bicubic"}"#, #""nearest" is expected"#),
            (#"{"scaling_factor": 0}"#, "scaling_factor as 0"),
        ]
    )
    func refusals(json: String, sentence: String) throws {
        let error = try #require(throws: ConfigurationError.self) {
            try AutoencoderTinyConfiguration(json: Data(json.utf8), file: "config.json")
        }
        #expect(error.description.contains(sentence), "\(error)")
        #expect(error.description.hasPrefix("config.json"))
    }
}
