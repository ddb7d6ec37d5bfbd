import Foundation
import LienzoCheckpoints
import LienzoModels
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoPipelines

/// The shipped model, run by Lienzo and by the reference from the same files.
///
/// `Tools/reference/mini.py` writes the fixture, anew whenever mini's weights change.
@Suite(.tags(.parity))
struct MiniTests {
    private let path = Clone.mini
    private let expected: SafetensorsFile

    init() throws {
        expected = try SafetensorsFile(TinyModel.fixture("mini.safetensors"))
    }

    private func networks(_ type: DType) throws -> UnCLIPModel {
        let directory = try ModelDirectory(path)
        return try UnCLIPModel(UnCLIPConfigurations(directory), LoadingOptions(computeType: type))
    }

    /// What float32 sums in another order may differ by, and what bfloat16's eight bits may, relative to the largest
    /// number of the output.
    @Test(arguments: [(DType.float32, 1e-4), (.bfloat16, 0.06)])
    func `mini's networks give what open_clip and diffusers give`(type: DType, tolerance: Double) throws {
        func expect(_ name: String, _ found: Tensor) throws {
            let difference = difference(found.to(.float32), try expected.tensor(named: name))
            #expect(difference <= tolerance, "\(name) differs by \(difference)")
        }
        func given(_ name: String) throws -> Tensor { try expected.tensor(named: name) }

        let model = try networks(type)
        let encoders = try #require(model.prior)
        try torchScope {
            let (embedding, encoding) = try encoders.texts().encodeTexts(given("ids"), mask: given("mask"))
            try expect("texts", embedding)
            try expect("states", encoding[0..<2].narrow(dim: 1, start: 0, length: 4))
            try expect("images", encoders.images().encodeImages(given("pixels")))

            let times = Tensor([Int64(500), 20])
            let prior = try encoders.network()
            let priorContext = try prior.context(
                textEmbedding: given("texts")[0..<2],
                textEncoding: encoding[0..<2],
                textMask: given("mask")[0..<2]
            )
            try expect("prior.made", prior(given("prior.sample"), times, priorContext))
            try expect("prior.embedding", prior.unstandardised(given("prior.made")))

            let decoder = try model.decoder()
            let context = try decoder.context(
                textEmbedding: given("texts")[0..<2],
                textEncoding: encoding[0..<2],
                imageEmbedding: given("prior.embedding")
            )
            try expect("unet.made", decoder(given("unet.sample"), Tensor([Int64(900), 100]), context))

            let autoencoder = try #require(model.autoencoder() as? AutoencoderTiny)
            try expect("autoencoder.latents", autoencoder.encode(given("autoencoder.picture")))
            let decoded = try autoencoder.decode(given("autoencoder.latents"))
            try expect("autoencoder.made", decoded)
        }
    }

    @Test func `the tokenizer that ships with mini gives the reference's ids`() throws {
        let model = try networks(.float32)
        let ids = try expected.tensor(named: "ids")
        let found = try #require(model.prior).tokenized(["a red apple", "una casa con un árbol", ""])
        #expect(found.ids.int64s() == ids.int64s())
        #expect(found.mask.elements(as: Bool.self) == (try expected.tensor(named: "mask").elements(as: Bool.self)))
    }

    @Test func `mini keeps to what a repository can carry`() throws {
        let files = try #require(FileManager.default.enumerator(atPath: path)).compactMap { $0 as? String }
        let sizes = try files.filter { $0.hasSuffix(".safetensors") }.map { file in
            try #require(FileManager.default.attributesOfItem(atPath: "\(path)/\(file)")[.size] as? Int)
        }
        #expect(sizes.count == 4)
        #expect(sizes.allSatisfy { $0 <= 50 << 20 })
        #expect(sizes.reduce(0, +) <= 96 << 20)
    }
}
