import Foundation
import LienzoCheckpoints
import LienzoDiffusion
import LienzoImages
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoPipelines

/// The prior alone of every kind of model that has one.
@Suite("A prior alone")
struct PriorPipelineTests {
    private static let loading = LoadingOptions(computeType: .float32)

    /// The parts of a model that its prior needs, copied into `folder` with its index.
    private static func copy(_ parts: [String], of model: String, to folder: String) throws -> String {
        let path = "\(folder)/model"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for part in parts + ["model_index.json"] {
            try FileManager.default.copyItem(atPath: "\(model)/\(part)", toPath: "\(path)/\(part)")
        }
        return path
    }

    @Test(
        "Karlo's and Stable unCLIP's make the embeddings of their whole runs, from no other part of the model",
        arguments: ["karlo", "stable-unclip"],
        [true, false]
    )
    func textPriors(family: String, keepsParts: Bool) async throws {
        try await withTemporaryFolder { folder in
            let prefix = family == "karlo" ? "" : "prior_"
            let parts = ["prior", "prior_scheduler", "\(prefix)text_encoder", "\(prefix)tokenizer"]
            let path = try Self.copy(parts, of: TinyModel.fixture("\(family)/words"), to: folder)
            var request = GenerationRequest(prompt: "a red apple", seed: 7, priorSteps: 4, priorGuidance: 3)
            let configuration = ImageEmbedderConfiguration.words(
                try TextPriorConfiguration(ModelDirectory(path), prefix: prefix)
            )
            let expected = try torchScope {
                try ImageEmbedder(ModelDirectory(path), configuration, PartLoader(Self.loading)).embedding(
                    ImageEmbeddingPlan(request, configuration),
                    request,
                    picture: 0,
                    noise: NoiseSource(Generator(seed: 7)),
                    report: GenerationReport(pictures: 1) { _ in }
                ).floats()
            }
            let loading = LoadingOptions(computeType: .float32, keepsParts: keepsParts)
            let prior = try PriorPipeline(modelDirectory: path, loading: loading)
            #expect(try await prior.imageEmbeddings(request)[0].map(\.values) == [expected])

            (request.candidates, request.count) = (3, 2)
            let ranked = try await prior.imageEmbeddings(request)
            #expect(ranked.map(\.count) == [3, 3])
            let similarities = ranked[0].compactMap(\.similarity)
            #expect(similarities == similarities.sorted(by: >) && Set(similarities).count == 3)
            #expect(ranked[0].contains { zip($0.values, expected).allSatisfy { abs($0 - $1) < 1e-4 } })

            request.negativePrompt = "a photo"
            await #expect(throws: PipelineError.self) { try await prior.imageEmbeddings(request) }
            request.negativePrompt = nil
            request.imageEmbedding = .given(ImageEmbedding([1]))
            await #expect(throws: PipelineError.self) { try await prior.imageEmbeddings(request) }
        }
    }

    @Test("mini's makes what its whole run is told, and four of them where nobody says")
    func mini() async throws {
        let prior = try PriorPipeline(
            modelDirectory: TinyModel.path,
            loading: Self.loading,
            imageTowerNamed: TinyModel.imageTower
        )
        let usual = prior.request(prompt: "a red apple")
        #expect(usual == GenerationRequest(prompt: "a red apple", candidates: 4))
        var request = GenerationRequest(prompt: "a red apple", seed: 7, priorSteps: 5, priorGuidance: 2, candidates: 1)
        let embedding = try #require(try await prior.imageEmbeddings(request).first?.first)
        try torchScope {
            let expected = try TinyModel.expected().tensor(named: "image_embeds")
            #expect(difference(Tensor(embedding.values, shape: expected.shape), expected) < 1e-4)
            #expect(embedding.negative?.allSatisfy { $0 == 0 } == true)
        }
        request.seed = 8
        #expect(try await prior.imageEmbeddings(request)[0][0] != embedding)
    }

    @Test("A model without a prior is told by a sentence")
    func refused() throws {
        try withTemporaryFolder { folder in
            for path in [
                try KandinskyModel.directory(of: .decoder22, in: folder), try TinyModel.fixture("karlo/pictures"),
            ] {
                let error = #expect(throws: PipelineError.self) { try PriorPipeline(modelDirectory: path) }
                #expect(error?.description.contains("it has no prior") == true, "\(error?.description ?? "")")
            }
        }
    }
}
