import Foundation
import LienzoCheckpoints
import LienzoDiffusion
import LienzoImages
import LienzoModels
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoPipelines

/// Whole runs against diffusers' own pipelines: `Tools/reference/pipelines_stable_unclip.py`.
@Suite("Stable unCLIP, against the reference", .tags(.parity))
struct StableUnCLIPParityTests {
    /// Sums in another order, carried through six steps of guidance.
    static let tolerance = 1e-4

    @Test("the last latents are the reference's", arguments: StableUnCLIPRun.all)
    func latents(run: StableUnCLIPRun) throws {
        try expectSame(run.latents(), run.expected("latents"), within: Self.tolerance)
    }

    @Test(
        "the pipeline's pictures are the reference's: 50 dB in float32, 35 dB in bfloat16",
        arguments: StableUnCLIPRun.all
    )
    func pictures(run: StableUnCLIPRun) async throws {
        try await expectPicture(run.expected("pixels"), run.pictures)
    }

    @Test("another noise on the embedding, guidance, prompt and picture are told apart")
    func negativeControls() throws {
        func expectOther(_ name: String, _ change: (inout GenerationRequest) throws -> Void) throws {
            var run = try #require(StableUnCLIPRun.all.first { $0.name == name })
            try change(&run.request)
            let (found, expected) = try (run.latents(), run.expected("latents"))
            try torchScope { #expect((found - expected).abs().max().item > 10 * Self.tolerance, "\(name)") }
        }
        try expectOther("pictures.varied") { $0.embeddingNoise = 20 }
        try expectOther("pictures.varied") { $0.guidance = 4.1 }
        try expectOther("pictures.words") { $0.prompt = "" }
        try expectOther("pictures.words") { $0.embeddingNoise = 290 }
        try expectOther("pictures.varied") {
            $0.imageEmbedding = .variation(of: try Image(width: 8, height: 8, filledWith: .white))
        }
        try expectOther("words.text") { $0.priorGuidance = 3.5 }
        try expectOther("words.noisy") { $0.priorSteps = 4 }
    }
}

/// One run of the reference.
struct StableUnCLIPRun: Sendable, CustomTestStringConvertible {
    let name: String
    var request: GenerationRequest

    var testDescription: String { name }

    static let all: [StableUnCLIPRun] = [
        run("pictures.varied") { _ in },
        run("pictures.words") {
            ($0.prompt, $0.negativePrompt, $0.embeddingNoise) = ("a red apple", "grey", 300)
            ($0.steps, $0.guidance, $0.width, $0.height) = (4, 3, 72, 56)
        },
        run("pictures.unguided") { ($0.steps, $0.guidance, $0.embeddingNoise) = (4, 1, 50) },
        run("pictures.euler-a") { ($0.steps, $0.scheduler) = (5, "euler-a") },
        run("words.text") { ($0.prompt, $0.priorSteps, $0.priorGuidance) = ("a red apple", 4, 3) },
        run("words.noisy") {
            ($0.prompt, $0.negativePrompt, $0.embeddingNoise) = ("a red apple", "grey", 200)
            ($0.steps, $0.guidance, $0.priorSteps, $0.priorGuidance) = (4, 3, 3, 1)
        },
    ]

    private static func run(_ name: String, _ change: (inout GenerationRequest) -> Void) -> StableUnCLIPRun {
        var request = GenerationRequest(prompt: "", seed: 7, steps: 6, guidance: 4)
        if name.hasPrefix("pictures"), let picture = try? picture() { request.imageEmbedding = .variation(of: picture) }
        change(&request)
        return StableUnCLIPRun(name: name, request: request)
    }

    static func fixture(_ name: String) throws -> String { try TinyModel.fixture("stable-unclip/\(name)") }

    static func picture() throws -> Image { try Image(contentsOf: fixture("picture.png")) }

    /// Calls `body` with the whole directory of a model; that from words shares most of its parts with the other.
    static func withModel<Result>(_ name: String, _ body: (String) throws -> Result) throws -> Result {
        guard name == "words" else { return try body(fixture(name)) }
        let folder = try joined()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try body(folder)
    }

    /// The directory of the model from words in a folder of its own.
    static func joined() throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lienzo-\(UUID().uuidString)").path
        try FileManager.default.copyItem(atPath: fixture("words"), toPath: folder)
        for part in [
            "image_noising_scheduler", "image_normalizer", "scheduler", "text_encoder", "tokenizer", "unet", "vae",
        ] {
            try FileManager.default.copyItem(atPath: "\(fixture("pictures"))/\(part)", toPath: "\(folder)/\(part)")
        }
        return folder
    }

    private var model: String { String(name.prefix { $0 != "." }) }

    func expected(_ kind: String) throws -> Tensor {
        let file = try SafetensorsFile(Self.fixture("expected.safetensors"))
        return try torchScope { try file.tensor(named: "\(name).\(kind)") }
    }

    /// The last sample of the run in float32.
    func latents() throws -> Tensor {
        try Self.withModel(model) { path in
            let configurations = try StableDiffusionConfigurations(ModelDirectory(path))
            let model = try StableDiffusionModel(configurations, LoadingOptions(computeType: .float32))
            let plan = try StableDiffusionPlan(request, configurations)
            return try StableDiffusionGeneration(request, plan, model: model) { _ in }.latents(seed: request.seed)
        }
    }

    func pictures(_ loading: LoadingOptions) async throws -> [GeneratedPicture] {
        let isJoined = model == "words"
        let folder = try isJoined ? Self.joined() : Self.fixture(model)
        defer { if isJoined { try? FileManager.default.removeItem(atPath: folder) } }
        return try await allPictures(StableDiffusionPipeline(modelDirectory: folder, loading: loading), request)
    }
}

@Suite("Making pictures with Stable unCLIP")
struct StableUnCLIPTests {
    static var request: GenerationRequest {
        get throws {
            var request = GenerationRequest(prompt: "", seed: 7, steps: 2, guidance: 4)
            request.imageEmbedding = .variation(of: try StableUnCLIPRun.picture())
            return request
        }
    }

    static func pictures(_ request: GenerationRequest, keepsParts: Bool = true) async throws -> [GeneratedPicture] {
        let pipeline = try StableDiffusionPipeline(
            modelDirectory: StableUnCLIPRun.fixture("pictures"),
            loading: LoadingOptions(computeType: .float32, keepsParts: keepsParts)
        )
        return try await allPictures(pipeline, request)
    }

    @Test("its directory is opened by its class, with the guidance that is usual for it")
    func opening() throws {
        for model in ["pictures", "words"] {
            try StableUnCLIPRun.withModel(model) { path in
                let generator = try openPictureGenerator(modelDirectory: path)
                #expect(generator is StableDiffusionPipeline)
                #expect(generator.request(prompt: "a").guidance == 10)
            }
        }
    }

    @Test("picture i of a batch is the picture of seed + i, also where parts come and go")
    func seeds() async throws {
        var (batch, single) = try (Self.request, Self.request)
        (batch.count, single.seed) = (2, 8)
        // Of the size that the autoencoder was made for: larger pictures are decoded in tiles where parts come and go.
        (batch.width, batch.height, single.width, single.height) = (32, 32, 32, 32)
        let (two, one) = (try await Self.pictures(batch), try await Self.pictures(single, keepsParts: false))
        #expect(two[1].image == one[0].image)
        #expect(two[0].image != two[1].image)
    }

    @Test(
        "a blend of one picture with itself is its variation, one with another is not, and the embedding can be given"
    )
    func blends() async throws {
        let (plain, picture) = (try Self.request, try StableUnCLIPRun.picture())
        let white = try Image(width: 8, height: 8, filledWith: .white)
        var (same, other, given) = (plain, plain, plain)
        same.imageEmbedding = .blend([.init(.picture(picture), weight: 0.5), .init(.picture(picture), weight: 0.5)])
        other.imageEmbedding = .blend([.init(.picture(picture)), .init(.picture(white))], .spherical)
        let path = try StableUnCLIPRun.fixture("pictures")
        let configuration = try #require(try StableDiffusionConfigurations(ModelDirectory(path)).unCLIP)
        let network = try StableUnCLIP(configuration, PartLoader(LoadingOptions(computeType: .float32)))
        let embedding = try network.embedder.embedding(
            configuration.plan(plain),
            plain,
            picture: 0,
            noise: NoiseSource(Generator(seed: 7)),
            report: GenerationReport(pictures: 1, emit: { _ in })
        )
        let numbers = try torchScope { embedding.floats() }
        given.imageEmbedding = .given(ImageEmbedding(numbers))
        let expected = try await Self.pictures(plain)
        #expect(try await Self.pictures(same) == expected)
        #expect(try await Self.pictures(given) == expected)
        #expect(try await Self.pictures(other) != expected)
    }

    @Test(
        "a request that cannot be served is refused with one sentence",
        arguments: [
            ("pictures", "This model has no prior"), ("words", "This model has no image encoder"),
            ("noise", "The noise on the image embedding is 1000; it must be from 0 to 999."),
            ("shift", "This model has not both encoders"), ("image", "This model begins with no picture"),
            ("width", "An image embedding has 3 numbers; it must have 16, all of them finite."),
            ("negative", "This model pushes away from no image embedding"),
        ]
    )
    func refused(what: String, sentence: String) throws {
        var request = try Self.request
        let picture = try StableUnCLIPRun.picture()
        switch what {
        case "pictures": (request.prompt, request.imageEmbedding) = ("a red apple", .prompt)
        case "noise": request.embeddingNoise = 1000
        case "shift": request.imageEmbedding = .shift(picture, from: "a", to: "b", share: 0.5)
        case "image": request.image = picture
        case "width": request.imageEmbedding = .given(ImageEmbedding([1, 2, 3]))
        case "negative":
            let numbers = [Float](repeating: 1, count: 16)
            request.imageEmbedding = .given(ImageEmbedding(numbers, negative: numbers))
        default: break
        }
        try StableUnCLIPRun.withModel(what == "words" ? "words" : "pictures") { path in
            let configurations = try StableDiffusionConfigurations(ModelDirectory(path))
            let error = #expect(throws: PipelineError.self) { try StableDiffusionPlan(request, configurations) }
            #expect(error?.description.hasPrefix(sentence) == true, "\(error?.description ?? "")")
        }
    }

    @Test("noise on an image embedding is refused by models that put none on it")
    func noNoise() throws {
        var request = StableDiffusionTests.request
        request.embeddingNoise = 1
        let configurations = try StableDiffusionConfigurations(ModelDirectory(StableDiffusionRun.fixture("sd1")))
        let error = #expect(throws: PipelineError.self) { try StableDiffusionPlan(request, configurations) }
        #expect(error?.description.hasPrefix("This model puts no noise on image embeddings") == true)
    }

    @Test("parts that do not fit each other are refused")
    func misfits() throws {
        for (model, file, text, other, mention) in [
            ("pictures", "image_encoder/config.json", "\"projection_dim\": 16", "\"projection_dim\": 12", "12 numbers"),
            ("words", "prior/config.json", "\"num_embeddings\": 77", "\"num_embeddings\": 70", "70 tokens"),
        ] {
            try StableUnCLIPRun.withModel(model) { path in
                let folder = FileManager.default.temporaryDirectory.appending(path: "lienzo-\(UUID().uuidString)")
                try FileManager.default.copyItem(atPath: path, toPath: folder.path)
                defer { try? FileManager.default.removeItem(at: folder) }
                let url = folder.appending(path: file)
                let content = try String(contentsOf: url, encoding: .utf8)
                #expect(content.contains(text))
                try content.replacingOccurrences(of: text, with: other).write(
                    to: url,
                    atomically: true,
                    encoding: .utf8
                )
                let error = #expect(throws: PipelineError.self) {
                    try openPictureGenerator(modelDirectory: folder.path)
                }
                #expect(error?.description.contains(mention) == true, "\(error?.description ?? "")")
            }
        }
    }
}
