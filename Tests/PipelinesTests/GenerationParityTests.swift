import LienzoCheckpoints
import LienzoDiffusion
import LienzoImages
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoPipelines

/// A whole run of one picture against diffusers' own networks and schedulers, with the same noise.
@Suite("The way from words to a picture, against the reference", .tags(.parity))
struct GenerationParityTests {
    /// Float32 sums in another order: 1e-6 per network, carried through up to nine steps of guidance 3.
    static let tolerance = 1e-4

    let expected: SafetensorsFile

    init() throws {
        expected = try TinyModel.expected()
    }

    @Test("Each step of prior and decoder, and the pixels")
    func wholeRun() throws {
        let model = try TinyModel.networks()
        let prior = try #require(model.prior)
        try torchScope {
            let condition = try prior.encode("a red apple")
            try expect(condition.embedding, "text_embeds")
            try expect(condition.encoding, "text_encoding")
            #expect(!condition.truncated)

            let noise = NoiseSource(Generator(seed: 7))
            let embeddings = try imageEmbeddings(prior, condition, noise)
            let decoder = try model.decoderRun(
                model.decoderCondition("a red apple", condition),
                embeddings,
                canvas: Canvas(width: 8, height: 8),
                sampler: model.scheduler.sampler(steps: 4),
                guidance: Guidance(scale: 3),
                noise: noise
            )
            var last: Tensor?
            for (index, step) in decoder.enumerated() {
                try expect(step.sample, "decoder.\(index)")
                last = step.sample
            }
            try expect(model.picture(#require(last)), "picture")
        }
    }

    @Test("Another guidance is told apart")
    func negativeControl() throws {
        let prior = try #require(try TinyModel.networks().prior)
        try torchScope {
            let run = try prior.run(
                prior.encode("a red apple"),
                sampler: prior.configurations.scheduler.sampler(steps: 5),
                guidance: Guidance(scale: 2.01),
                noise: NoiseSource(Generator(seed: 7))
            )
            let last = try #require(Array(run).last).sample
            #expect(difference(last, try expected.tensor(named: "prior.4")) > Self.tolerance)
        }
    }

    @Test("The pipeline's picture has the reference's pixels")
    func pixels() async throws {
        let request = GenerationRequest(
            prompt: "a red apple",
            seed: 7,
            steps: 4,
            priorSteps: 5,
            guidance: 3,
            priorGuidance: 2,
            candidates: 1
        )
        let pixels = try torchScope { try expected.tensor(named: "pixels").elements(as: UInt8.self) }
        let picture = try #require(try await allPictures(TinyModel.pipeline(), request).first)
        #expect(picture.image.pixels.count == pixels.count)
        // One grey level, where a value lies at the edge between two.
        #expect(zip(picture.image.pixels, pixels).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
    }

    private func imageEmbeddings(
        _ prior: UnCLIPPrior,
        _ condition: UnCLIPCondition,
        _ noise: NoiseSource
    ) throws -> ImageEmbeddings {
        let run = try prior.run(
            condition,
            sampler: prior.configurations.scheduler.sampler(steps: 5),
            guidance: Guidance(scale: 2),
            noise: noise
        )
        var last: Tensor?
        for (index, step) in run.enumerated() {
            try expect(step.sample, "prior.\(index)")
            last = step.sample
        }
        let embeddings = try prior.imageEmbeddings(#require(last), condition)
        try expect(embeddings.conditional, "image_embeds")
        return embeddings
    }

    private func expect(_ tensor: Tensor, _ name: String) throws {
        let found = difference(tensor.to(.float32), try expected.tensor(named: name).to(.float32))
        #expect(found <= Self.tolerance, "\(name)")
    }
}
