import Foundation
import LienzoCheckpoints
import LienzoImages
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoPipelines

/// Whole runs against diffusers' own pipelines: `Tools/reference/pipelines_karlo.py`.
@Suite("Karlo, against the reference", .tags(.parity))
struct KarloParityTests {
    static let tolerance = 1e-4

    @Test("the last samples of decoder and super-resolution are the reference's", arguments: KarloRun.all)
    func samples(run: KarloRun) throws {
        let found = try run.samples()
        for (kind, sample) in [("small", found.small), ("large", found.large)] {
            try expectSame(sample, run.expected(kind), within: Self.tolerance, kind)
        }
    }

    @Test("the pipeline's pictures are the reference's: 50 dB in float32, 35 dB in bfloat16", arguments: KarloRun.all)
    func pictures(run: KarloRun) async throws {
        let folder = try run.directory()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await expectPicture(run.expected("pixels")) {
            try await allPictures(KarloPipeline(modelDirectory: folder, loading: $0), run.request)
        }
    }

    @Test("another prompt, guidance and picture are told apart")
    func negativeControls() throws {
        func expectOther(_ name: String, _ change: (inout GenerationRequest) throws -> Void) throws {
            var run = try #require(KarloRun.all.first { $0.name == name })
            try change(&run.request)
            let (found, expected) = try (run.samples().small, run.expected("small"))
            try torchScope { #expect((found - expected).abs().max().item > 10 * Self.tolerance, "\(name)") }
        }
        try expectOther("words.text") { $0.prompt = "a red apple pie" }
        try expectOther("words.text") { $0.guidance = 3.5 }
        try expectOther("words.text") { $0.priorGuidance = 2 }
        try expectOther("pictures.varied") {
            $0.imageEmbedding = .variation(of: try Image(width: 8, height: 8, filledWith: .white))
        }
    }

    @Test("picture i of a batch is the picture of seed + i, also where parts come and go; stages come in their order")
    func seeds() async throws {
        let run = KarloRun.all[0]
        let folder = try run.directory()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var (batch, single) = (run.request, run.request)
        (batch.count, single.seed) = (2, 8)
        func pipeline(keepsParts: Bool) throws -> KarloPipeline {
            let loading = LoadingOptions(computeType: .float32, keepsParts: keepsParts)
            return try #require(
                try openPictureGenerator(modelDirectory: folder, prior: nil, loading: loading) as? KarloPipeline
            )
        }
        let two = try await allPictures(pipeline(keepsParts: true), batch)
        #expect(try await allPictures(pipeline(keepsParts: false), single)[0].image == two[1].image)
        #expect(two[0].image != two[1].image)
        var stages: [GenerationStage] = []
        for try await case .finishedStage(let stage, _) in try pipeline(keepsParts: true).generate(single) {
            stages.append(stage)
        }
        #expect(stages == [.loading, .text, .prior, .decoder, .enlarging])
    }

    @Test("what the model cannot do is refused with one sentence")
    func refused() throws {
        let run = KarloRun.all[0]
        let folder = try run.directory()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let configurations = try KarloConfigurations(ModelDirectory(folder))
        func expect(_ sentence: String, _ change: (inout GenerationRequest) throws -> Void) throws {
            var request = run.request
            try change(&request)
            let error = #expect(throws: PipelineError.self) { try KarloPlan(request, configurations) }
            #expect(error?.description.hasPrefix(sentence) == true, "\(error?.description ?? "")")
        }
        try expect("The width is 64 pixels; this model's pictures have 32.") { $0.width = 64 }
        try expect("This model reads no negative prompt") { $0.negativePrompt = "grey" }
        try expect("This model has no image encoder") { $0.imageEmbedding = .variation(of: try KarloRun.picture()) }
        try expect("This model begins with no picture") { $0.image = try KarloRun.picture() }
        try expect("This model puts no noise") { $0.embeddingNoise = 1 }
    }
}

/// One run of the reference.
struct KarloRun: Sendable, CustomTestStringConvertible {
    let name: String
    var request: GenerationRequest

    var testDescription: String { name }

    static let all: [KarloRun] = [
        run("words.text") { ($0.steps, $0.guidance, $0.priorSteps, $0.priorGuidance) = (5, 3, 4, 3) },
        run("words.unguided") { ($0.steps, $0.guidance, $0.priorSteps, $0.priorGuidance) = (4, 1, 3, 2) },
        run("pictures.varied") {
            ($0.prompt, $0.steps, $0.guidance) = ("", 5, 3)
            if let picture = try? picture() { $0.imageEmbedding = .variation(of: picture) }
        },
    ]

    private static func run(_ name: String, _ change: (inout GenerationRequest) -> Void) -> KarloRun {
        var request = GenerationRequest(prompt: "a red apple", seed: 7)
        change(&request)
        return KarloRun(name: name, request: request)
    }

    private static func fixture(_ name: String) throws -> String { try TinyModel.fixture("karlo/\(name)") }

    static func picture() throws -> Image { try Image(contentsOf: fixture("picture.png")) }

    /// The whole directory of the run's model in a folder of its own; that of pictures shares most of its parts.
    func directory() throws -> String {
        let model = String(name.prefix { $0 != "." })
        let folder = FileManager.default.temporaryDirectory.appending(path: "lienzo-\(UUID().uuidString)").path
        try FileManager.default.copyItem(atPath: Self.fixture(model), toPath: folder)
        guard model == "pictures" else { return folder }
        let parts = [
            "decoder", "decoder_scheduler", "super_res_first", "super_res_last", "super_res_scheduler", "text_encoder",
            "text_proj", "tokenizer",
        ]
        for part in parts {
            try FileManager.default.copyItem(atPath: "\(Self.fixture("words"))/\(part)", toPath: "\(folder)/\(part)")
        }
        return folder
    }

    func expected(_ kind: String) throws -> Tensor {
        let file = try SafetensorsFile(Self.fixture("expected.safetensors"))
        return try torchScope { try file.tensor(named: "\(name).\(kind)") }
    }

    /// The last samples of the run in float32.
    func samples() throws -> (small: Tensor, large: Tensor) {
        let folder = try directory()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let configurations = try KarloConfigurations(ModelDirectory(folder))
        let model = try KarloModel(configurations, LoadingOptions(computeType: .float32))
        let plan = try KarloPlan(request, configurations)
        return try KarloGeneration(request: request, plan: plan, model: model) { _ in }.samples(seed: request.seed)
    }
}
