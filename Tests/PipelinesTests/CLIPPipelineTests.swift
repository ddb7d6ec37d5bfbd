import LienzoCheckpoints
import LienzoImages
import LienzoPipelines
import LienzoTorch
import TestSupport
import Testing

@Suite("Pictures against texts, against open_clip", .tags(.parity))
struct CLIPPipelineTests {
    /// Float32 sums in another order, through one tower each.
    static let tolerance = 1e-4

    private func pipeline(_ path: String) throws -> CLIPPipeline {
        try CLIPPipeline(
            modelDirectory: path,
            device: .cpu,
            computeType: .float32,
            imageTowerNamed: TinyModel.imageTower
        )
    }

    @Test("Embeddings, cosines and probabilities, from picture files on", arguments: ["tiny", "tiny/clip"])
    func table(directory: String) async throws {
        let expected = try TinyModel.expected()
        let pipeline = try pipeline(TinyModel.fixture(directory))
        let images = try (0...1).map { try pipeline.prepare(Image(contentsOf: TinyModel.fixture("picture\($0).png"))) }
        let pictures = try await pipeline.embed(images)
        let texts = try await pipeline.embed(texts: ["a red apple", "a lion", "una apple roja"])
        let table = try await pipeline.compare(pictures, texts)
        try torchScope {
            func expect(_ rows: [[Float]], _ name: String) throws {
                let tensor = Tensor(rows.flatMap(\.self), shape: [rows.count, rows[0].count])
                #expect(difference(tensor, try expected.tensor(named: name)) <= Self.tolerance, "\(name)")
            }
            try expect(pictures, "image_embeddings")
            try expect(texts, "text_embeddings")
            try expect(table.cosine, "cosine")
            try expect(table.probability, "probability")
            let swapped = Tensor(pictures.reversed().flatMap(\.self), shape: [2, pictures[0].count])
            #expect(difference(swapped, try expected.tensor(named: "image_embeddings")) > Self.tolerance)
        }
    }

    @Test("A text does not depend on the batch it is in")
    func batches() async throws {
        let pipeline = try pipeline(TinyModel.path)
        let alone = try await pipeline.embed(texts: ["a lion"])
        let among = try await pipeline.embed(texts: ["a red apple a red apple", "a lion"])
        #expect(zip(alone[0], among[1]).allSatisfy { abs($0 - $1) < 1e-5 })
    }

    @Test("Nothing in gives nothing out")
    func empty() async throws {
        let pipeline = try pipeline(TinyModel.path)
        #expect(try await pipeline.embed([]).isEmpty)
        #expect(try await pipeline.embed(texts: []).isEmpty)
        #expect(SimilarityTable(images: [], texts: [], logitScale: 100).cosine.isEmpty)
    }
}
