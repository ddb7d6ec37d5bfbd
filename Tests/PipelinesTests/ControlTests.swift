import Foundation
import LienzoCheckpoints
import LienzoDiffusion
import LienzoImages
import LienzoModels
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoPipelines

/// Whole runs against diffusers' own pipelines: `Tools/reference/pipelines_control.py`.
@Suite("Control networks beside Stable Diffusion, against the reference", .tags(.parity))
struct ControlParityTests {
    /// Sums in another order, carried through five steps of guidance; the latents reach 17.
    static let tolerance = 2e-4

    @Test("the last latents are the reference's", arguments: ControlRunFixture.all)
    func latents(run: ControlRunFixture) throws {
        try expectSame(run.latents(), run.expected("latents"), within: Self.tolerance)
    }

    @Test(
        "the pipeline's pictures are the reference's: 50 dB in float32, 35 dB in bfloat16",
        arguments: ControlRunFixture.all
    )
    func pictures(run: ControlRunFixture) async throws {
        try await expectPicture(run.expected("pixels")) {
            var loading = $0
            loading.controlNetworks = try run.networks
            let pipeline = try StableDiffusionPipeline(modelDirectory: run.directory, loading: loading)
            return try await allPictures(pipeline, run.request)
        }
    }

    @Test("another hint, scale, part of the steps and mode are told apart")
    func negativeControls() throws {
        func expectOther(_ name: String, _ change: (inout GenerationRequest) throws -> Void) throws {
            var run = try #require(ControlRunFixture.all.first { $0.name == name })
            try change(&run.request)
            let (found, expected) = try (run.latents(), run.expected("latents"))
            try torchScope { #expect((found - expected).abs().max().item > 10 * Self.tolerance, "\(name)") }
        }
        try expectOther("sd1.text") { $0.hints[0].scale = 0.81 }
        try expectOther("sd1.text") { $0.guessMode = true }
        try expectOther("sd1.guess") { $0.guessMode = false }
        try expectOther("sd1.alone") { $0.hints[0].image = try ControlRunFixture.image("depth.png") }
        try expectOther("sd1.two") { ($0.hints[0].image, $0.hints[1].image) = ($0.hints[1].image, $0.hints[0].image) }
        try expectOther("sd1.two") { $0.hints[0].end = 0.8 }
        try expectOther("sd1.picture") { $0.hints[0].end = 1 }
        try expectOther("sd1.inside") { $0.hints[0].scale = 0.9 }
        try expectOther("sd-inpaint.inside") { $0.hints[0].scale = 0.9 }
        try expectOther("xl.picture") { $0.hints[0].scale = 0.9 }
    }
}

/// One run of the reference.
struct ControlRunFixture: Sendable, CustomTestStringConvertible {
    let name: String
    var request: GenerationRequest

    var testDescription: String { name }

    static let all: [ControlRunFixture] = [
        run("sd1.text", "edges") { $0.hints[0].scale = 0.8 },
        run("sd1.guess", "edges") { $0.guessMode = true },
        run("sd1.alone", "edges") { ($0.steps, $0.guidance) = (4, 1) },
        run("sd1.two", "edges", "depth") {
            ($0.width, $0.height) = (nil, nil)
            ($0.hints[0].scale, $0.hints[0].end) = (0.7, 0.6)
            ($0.hints[1].scale, $0.hints[1].start) = (1.2, 0.3)
        },
        run("sd1.picture", "edges", from: "picture") {
            ($0.strength, $0.scheduler, $0.hints[0].end) = (0.6, "unipc", 0.7)
        },
        run("sd1.inside", "edges", from: "picture", mask: "mask") { $0.strength = 0.8 },
        run("sd-inpaint.inside", "edges", from: "picture", mask: "mask") { _ in },
        run("xl.text", "depth") { $0.guidance = 5 },
        run("xl.picture", "depth", from: "picture") { ($0.strength, $0.guidance) = (0.6, 5) },
    ]

    private static func run(
        _ name: String,
        _ hints: String...,
        from picture: String? = nil,
        mask: String? = nil,
        _ change: (inout GenerationRequest) -> Void
    ) -> ControlRunFixture {
        var request = GenerationRequest(prompt: "a red apple", seed: 7, steps: 5, guidance: 7.5, width: 32, height: 40)
        request.hints = hints.compactMap { try? image("\($0).png") }.map { ControlHint($0) }
        request.image = picture.flatMap { try? StableDiffusionRun.image("\($0).png") }
        request.mask = mask.flatMap { try? StableDiffusionRun.image("\($0).png") }
        change(&request)
        return ControlRunFixture(name: name, request: request)
    }

    static func fixture(_ name: String) throws -> String { try TinyModel.fixture("control/\(name)") }

    static func image(_ name: String) throws -> Image { try Image(contentsOf: fixture(name)) }

    var directory: String {
        get throws { try StableDiffusionRun.fixture(String(name.prefix { $0 != "." })) }
    }

    /// The network for each hint.
    var networks: [String] {
        get throws {
            let network = try Self.fixture(name.hasPrefix("xl") ? "xl" : "sd1")
            return request.hints.map { _ in network }
        }
    }

    func expected(_ kind: String) throws -> Tensor {
        let file = try SafetensorsFile(Self.fixture("expected.safetensors"))
        return try torchScope { try file.tensor(named: "\(name).\(kind)") }
    }

    /// The last sample of the run in float32.
    func latents() throws -> Tensor {
        let configurations = try StableDiffusionConfigurations(ModelDirectory(directory)).controlled(by: networks)
        let model = try StableDiffusionModel(configurations, LoadingOptions(computeType: .float32))
        let generation = StableDiffusionGeneration(
            request,
            try StableDiffusionPlan(request, configurations),
            model: model
        ) { _ in }
        return try generation.latents(seed: request.seed)
    }
}

@Suite("Making pictures along hints")
struct ControlTests {
    /// Two steps along the edges.
    static func request() throws -> GenerationRequest {
        var request = GenerationRequest(prompt: "a red apple", seed: 7, steps: 2, guidance: 5)
        request.hints = [ControlHint(try ControlRunFixture.image("edges.png"))]
        return request
    }

    static func pipeline(
        _ networks: [String],
        of model: String = "sd1",
        keepsParts: Bool = true,
        storesInt8: Bool = false
    ) throws -> StableDiffusionPipeline {
        try StableDiffusionPipeline(
            modelDirectory: StableDiffusionRun.fixture(model),
            loading: LoadingOptions(
                computeType: .float32,
                storesInt8: storesInt8,
                keepsParts: keepsParts,
                controlNetworks: networks
            )
        )
    }

    @Test("the picture has the size of the hint, in whole latents, where nobody says")
    func size() async throws {
        let network = try ControlRunFixture.fixture("sd1")
        let picture = try await allPictures(Self.pipeline([network]), Self.request())[0].image
        #expect(picture.width == 40 && picture.height == 48)
    }

    @Test("networks that come and go give the pictures that networks which stay give")
    func lowMemory() async throws {
        var request = try Self.request()
        // Larger pictures are made in tiles.
        (request.count, request.width, request.height) = (2, 32, 32)
        let network = try ControlRunFixture.fixture("sd1")
        let pictures = try await allPictures(Self.pipeline([network]), request)
        #expect(try await allPictures(Self.pipeline([network], keepsParts: false), request) == pictures)
    }

    @Test(
        "networks that go are read again for the next request, and those that stay are not",
        arguments: [true, false]
    )
    func released(keepsParts: Bool) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lienzo-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.copyItem(atPath: ControlRunFixture.fixture("sd1"), toPath: folder.path)
        let pipeline = try Self.pipeline([folder.path], keepsParts: keepsParts)
        let pictures = try await allPictures(pipeline, Self.request())
        try FileManager.default.removeItem(at: folder)
        guard !keepsParts else { return #expect(try await allPictures(pipeline, Self.request()) == pictures) }
        await #expect(throws: (any Error).self) { try await allPictures(pipeline, Self.request()) }
    }

    @Test("weights of 8 bits give nearly the picture that full ones give")
    func int8() async throws {
        let network = try ControlRunFixture.fixture("sd1")
        let full = try await allPictures(Self.pipeline([network]), Self.request())[0].image
        let small = try await allPictures(Self.pipeline([network], storesInt8: true), Self.request())[0].image
        #expect(full != small)
        #expect(signalToNoise(full.pixels, small.pixels) > 25)
    }

    @Test("a file of weights alone is the network of its folder")
    func singleFile() async throws {
        let folder = try ControlRunFixture.fixture("sd1")
        let file = "\(folder)/diffusion_pytorch_model.safetensors"
        let pictures = try await allPictures(Self.pipeline([folder]), Self.request())
        #expect(try await allPictures(Self.pipeline([file]), Self.request()) == pictures)
    }

    @Test("a pipeline that was saved with its control network has it")
    func saved() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lienzo-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.copyItem(atPath: StableDiffusionRun.fixture("sd1"), toPath: folder.path)
        let network = try ControlRunFixture.fixture("sd1")
        try FileManager.default.copyItem(atPath: network, toPath: folder.appending(path: "controlnet").path)
        let index = folder.appending(path: "model_index.json")
        try String(contentsOf: index, encoding: .utf8)
            .replacing("\"StableDiffusionPipeline\"", with: "\"StableDiffusionControlNetPipeline\"")
            .replacing("\"unet\":", with: "\"controlnet\": [\"diffusers\", \"ControlNetModel\"], \"unet\":")
            .write(to: index, atomically: true, encoding: .utf8)
        let generator = try openPictureGenerator(
            modelDirectory: folder.path,
            prior: nil,
            loading: LoadingOptions(computeType: .float32)
        )
        let pipeline = try #require(generator as? StableDiffusionPipeline)
        #expect(
            try await allPictures(pipeline, Self.request())[0].image
                == allPictures(Self.pipeline([network]), Self.request())[0].image
        )
    }

    @Test(
        "a network that does not fit the model, or none at all, is refused with a sentence",
        arguments: [
            ("xl", "control/sd1", "it controls a U-Net of 8, 16 channels that reads text of width 16"),
            ("sd1", "control/xl", "text of width 40"),
            ("xl", "control/sd1/diffusion_pytorch_model.safetensors", "which this model needs"),
            ("sd1", "stable-diffusion/sd1", "config.json is missing"),
            ("sd1", "stable-diffusion/sd1/unet", "\"ControlNetModel\""),
            ("sd1", "stable-diffusion/sd1/unet/diffusion_pytorch_model.safetensors", "is no control network"),
            ("sd1", "control/edges.png", "edges.png"),
            ("sd1", "control/nothing", "nothing"),
        ]
    )
    func otherNetworks(model: String, network: String, mention: String) async throws {
        let error = await #expect(throws: (any Error).self) {
            try await Self.pipeline([TinyModel.fixture(network)], of: model).prepare()
        }
        let sentence = "\(try #require(error))"
        #expect(sentence.contains(mention), "\(sentence)")
    }

    @Test("control networks are refused beside other models, and beside Stable unCLIP")
    func otherModels() throws {
        let network = try ControlRunFixture.fixture("sd1")
        let tiny = #expect(throws: PipelineError.self) {
            try openPictureGenerator(modelDirectory: TinyModel.path, controlNetworks: [network])
        }
        #expect(tiny?.description.contains("beside Stable Diffusion only") == true)
        let unCLIP = #expect(throws: PipelineError.self) {
            try StableDiffusionPipeline(
                modelDirectory: TinyModel.fixture("stable-unclip/pictures"),
                controlNetworks: [network]
            )
        }
        #expect(unCLIP?.description.contains("Stable unCLIP") == true)
    }

    @Test("hints that cannot be followed are refused with a sentence")
    func refusals() async throws {
        let network = try ControlRunFixture.fixture("sd1")
        func refusal(_ networks: [String], _ change: (inout GenerationRequest) -> Void) async throws -> String {
            var request = try Self.request()
            change(&request)
            let error = await #expect(throws: PipelineError.self) {
                try await allPictures(Self.pipeline(networks), request)
            }
            return error?.description ?? ""
        }
        #expect(
            try await refusal([]) { _ in }
                == "This model looks at a hint through a control network; name one for it (--control-model), or leave "
                + "the hint out."
        )
        #expect(
            try await refusal([network]) { $0.hints += $0.hints }
                == "The number of hints is 2 and that of control networks 1; give each network its hint."
        )
        #expect(try await refusal([network]) { $0.hints = [] }.contains("The number of hints is 0"))
        #expect(
            try await refusal([network]) { $0.hints[0].scale = .nan }
                == "The scale of a hint is nan; it must be from 0 to 10."
        )
        #expect(
            try await refusal([network]) { ($0.hints[0].start, $0.hints[0].end) = (0.6, 0.5) }
                == "A hint acts from 0.6 to 0.5 of the steps; give a part of 0 to 1, its end above its start."
        )
    }

    @Test("a prompt may be empty where the networks guess, and only there")
    func guessing() async throws {
        let network = try ControlRunFixture.fixture("sd1")
        var request = try Self.request()
        (request.prompt, request.guessMode) = ("", true)
        #expect(try await allPictures(Self.pipeline([network]), request).count == 1)
        request.guessMode = false
        await #expect(throws: PipelineError.self) { try await allPictures(Self.pipeline([network]), request) }
    }
}
