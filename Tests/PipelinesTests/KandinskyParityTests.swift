import Foundation
import LienzoCheckpoints
import LienzoDiffusion
import LienzoImages
import LienzoModels
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoPipelines

/// Whole runs against diffusers' own pipelines of Kandinsky 2.1 and 2.2, with the same noise.
@Suite("Kandinsky gives diffusers' pictures", .tags(.parity))
struct KandinskyParityTests {
    /// A whole run of the reference.
    struct Run: Sendable, CustomTestStringConvertible {
        let kind: KandinskyModel.Kind
        let name: String
        let change: @Sendable (inout GenerationRequest) throws -> Void

        var testDescription: String { "\(kind.version).\(name)" }
    }

    static let runs =
        ["21", "22"].flatMap { version -> [Run] in
            let decoder: KandinskyModel.Kind = version == "21" ? .decoder21 : .decoder22
            let inpainting: KandinskyModel.Kind = version == "21" ? .inpaint21 : .inpaint22
            return [
                Run(kind: decoder, name: "text") { $0.width = 24 },
                Run(kind: decoder, name: "negative") { $0.negativePrompt = "a photo" },
                Run(kind: decoder, name: "changed") {
                    $0.image = try KandinskyModel.picture("picture")
                    $0.strength = 0.6
                },
                Run(kind: inpainting, name: "inpainted") {
                    $0.image = try KandinskyModel.picture("picture")
                    $0.mask = try KandinskyModel.picture("mask")
                },
                Run(kind: decoder, name: "varied") {
                    $0.imageEmbedding = .variation(of: try KandinskyModel.picture("large"))
                },
                Run(kind: decoder, name: "blended") {
                    $0.imageEmbedding = .blend([
                        .init(.picture(try KandinskyModel.picture("large")), weight: 0.5),
                        .init(.text("a red apple"), weight: 0.3),
                        .init(.picture(try KandinskyModel.picture("picture")), weight: 0.2),
                    ])
                },
                Run(kind: decoder, name: "blended-negative") {
                    $0.imageEmbedding = .blend([
                        .init(.picture(try KandinskyModel.picture("large")), weight: 0.4),
                        .init(.text("a red apple"), weight: 0.6),
                    ])
                    $0.negativePrompt = "a photo"
                },
            ]
        } + [
            Run(kind: .decoder22, name: "large") {
                $0.image = try KandinskyModel.picture("large")
                $0.strength = 0.4
            },
            Run(kind: .decoder22, name: "given") { $0.imageEmbedding = .given(try KandinskyModel.embedding()) },
            Run(kind: .depth22, name: "hinted") {
                $0.imageEmbedding = .given(try KandinskyModel.embedding())
                $0.hints = [ControlHint(try KandinskyModel.picture("hint"))]
            },
        ]

    private func request(_ run: Run) throws -> GenerationRequest {
        var request = GenerationRequest(
            prompt: "a red apple",
            seed: 7,
            steps: 5,
            priorSteps: 4,
            guidance: 2,
            priorGuidance: 3,
            candidates: 1,
            width: 16,
            height: 16
        )
        try run.change(&request)
        return request
    }

    /// The embeddings, the last latents and the picture of a run.
    private func results(
        _ run: Run,
        computeType: DType = .float32
    ) throws -> (embedding: Tensor, negative: Tensor, latents: Tensor, picture: Tensor) {
        try withTemporaryFolder { folder in
            let configurations = try KandinskyModel.configurations(run.kind, in: folder)
            let model = try UnCLIPModel(configurations, LoadingOptions(computeType: computeType))
            let request = try request(run)
            let plan = try UnCLIPPlan(request, configurations)
            let generation = Generation(request, plan, model: model) { _ in }
            let made = try generation.firstLatents()
            return try torchScope {
                (
                    made.embeddings.conditional, made.embeddings.unconditional, made.latents,
                    try model.picture(made.latents)
                )
            }
        }
    }

    @Test("Embeddings, latents and picture of a whole run in float32", arguments: runs)
    func float32(run: Run) throws {
        let expected = try KandinskyModel.expected()
        func given(_ part: String) throws -> Tensor {
            try expected.tensor(named: "\(run.kind.version).\(run.name).\(part)")
        }
        let found = try results(run)
        try torchScope {
            // Float32 sums in another order, carried through up to eight steps with guidance.
            for (name, tensor) in [
                ("embedding", found.embedding), ("negative", found.negative), ("latents", found.latents),
            ] {
                let difference = (tensor - (try given(name))).abs().max().item
                #expect(tensor.shape == (try given(name).shape) && difference <= 1e-3, "\(name) \(difference)")
            }
            let likeness = peakSignalToNoise(found.picture, try given("picture"))
            #expect(likeness >= 50, "\(likeness) dB")
        }
    }

    /// The network that reads a hint is a loud one, in which rounding grows; that of the Models tests bounds it there.
    @Test("The picture of a whole run in bfloat16", arguments: runs.filter { $0.kind != .depth22 })
    func bfloat16(run: Run) throws {
        let found = try results(run, computeType: .bfloat16)
        try torchScope {
            let expected = try KandinskyModel.expected()
                .tensor(named: "\(run.kind.version).\(run.name).picture")
            let likeness = peakSignalToNoise(found.picture, expected)
            #expect(likeness >= 35, "\(likeness) dB")
        }
    }

    @Test("Tokens, texts and pictures are seen as the reference sees them")
    func encoders() throws {
        let expected = try KandinskyModel.expected()
        try withTemporaryFolder { folder in
            let configurations = try KandinskyModel.configurations(.decoder21, in: folder)
            let model = try UnCLIPModel(configurations, LoadingOptions(computeType: .float32))
            let prior = try #require(model.prior)
            try torchScope {
                let ids = prior.tokenized(["a red apple", ""]).ids
                #expect(ids.int64s() == (try expected.tensor(named: "ids").int64s()))
                let text = try #require(try model.decoderCondition("a red apple", nil))
                for (name, tensor) in [("embedding", text.embedding), ("states", text.encoding)] {
                    let reference = try expected.tensor(named: "multilingual.\(name)")
                    // The reference has the prompt first, the condition the empty text.
                    for (row, other) in [(0, 1), (1, 0)] {
                        #expect(difference(tensor[row..<row + 1], reference[other..<other + 1]) <= 1e-5, "\(name)")
                    }
                }
                let picture = try prior.embed(images: [KandinskyModel.picture("large")])
                #expect(difference(picture, try expected.tensor(named: "picture.embedding")) <= 1e-5)
            }
        }
    }

    @Test("Another weight of an ingredient, and a sphere in place of a sum, are told apart")
    func negativeControls() throws {
        let expected = try KandinskyModel.expected()
        let reference = try expected.tensor(named: "22.blended.embedding")
        let pictures = try (KandinskyModel.picture("large"), KandinskyModel.picture("picture"))
        for (weight, blending) in [(0.52, ImageEmbeddingSource.Blending.sum), (0.5, .spherical)] {
            let run = Run(kind: .decoder22, name: "blended") {
                $0.imageEmbedding = .blend(
                    [
                        .init(.picture(pictures.0), weight: weight), .init(.text("a red apple"), weight: 0.3),
                        .init(.picture(pictures.1), weight: 0.2),
                    ],
                    blending
                )
            }
            let found = try results(run)
            try torchScope { #expect((found.embedding - reference).abs().max().item > 1e-2) }
        }
    }
}
