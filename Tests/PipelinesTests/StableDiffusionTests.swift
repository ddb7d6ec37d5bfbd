import Foundation
import LienzoCheckpoints
import LienzoDiffusion
import LienzoImages
import LienzoModels
import LienzoNN
import LienzoTokenizers
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoPipelines

/// Whole runs against diffusers' own pipelines: `Tools/reference/pipelines_stable_diffusion.py`.
@Suite("Stable Diffusion, against the reference", .tags(.parity))
struct StableDiffusionParityTests {
    /// Sums in another order, carried through six steps of guidance; the latents reach 48.
    static let tolerance = 2e-4

    @Test("the last latents are the reference's", arguments: StableDiffusionRun.all)
    func latents(run: StableDiffusionRun) throws {
        try expectSame(run.latents(), run.expected("latents"), within: Self.tolerance)
    }

    @Test(
        "the pipeline's pictures are the reference's: 50 dB in float32, 35 dB in bfloat16",
        arguments: StableDiffusionRun.all
    )
    func pictures(run: StableDiffusionRun) async throws {
        try await expectPicture(run.expected("pixels")) {
            let pipeline = try StableDiffusionPipeline(modelDirectory: run.directory, loading: $0)
            return try await allPictures(pipeline, run.request)
        }
    }

    @Test("another guidance, strength, negative prompt and rescale are told apart")
    func negativeControls() throws {
        func expectOther(_ name: String, _ change: (inout GenerationRequest) -> Void) throws {
            var run = try #require(StableDiffusionRun.all.first { $0.name == name })
            change(&run.request)
            let (found, expected) = try (run.latents(), run.expected("latents"))
            try torchScope { #expect((found - expected).abs().max().item > 10 * Self.tolerance, "\(name)") }
        }
        try expectOther("sd1.text") { $0.guidance = 7.6 }
        try expectOther("sd1.odd") { $0.guidanceRescale = 0.6 }
        try expectOther("sd1.odd") { $0.negativePrompt = nil }
        try expectOther("xl.negative") { $0.negativePrompt = nil }
        try expectOther("sd1.inside") { $0.mask = try? Image(width: 64, height: 64, filledWith: .white) }
        try expectOther("sd1.picture") { $0.strength = 0.9 }
        try expectOther("xl.text") { $0.negativePrompt = "" }
        try expectOther("sd1.dpm") { $0.scheduler = "dpm++2m" }
    }
}

/// One run of the reference.
struct StableDiffusionRun: Sendable, CustomTestStringConvertible {
    let name: String
    var request: GenerationRequest

    var testDescription: String { name }

    static let all: [StableDiffusionRun] = [
        run("sd1.text") { $0.width = 48 },
        run("sd1.odd") {
            ($0.steps, $0.guidance, $0.guidanceRescale) = (4, 5, 0.7)
            ($0.width, $0.height, $0.negativePrompt) = (72, 56, "grey")
        },
        run("sd1.picture", picture: true) { $0.strength = 0.6 },
        run("sd1.inside", picture: true, mask: true) { _ in },
        run("sd1.inside-euler-a", picture: true, mask: true) { ($0.strength, $0.scheduler) = (0.7, "euler-a") },
        run("sd1.dpm") { $0.scheduler = "dpm++2m-karras" },
        run("lcm.text") { ($0.steps, $0.guidance) = (4, 8.5) },
        run("sd-inpaint.inside", picture: true, mask: true) { $0.strength = 1 },
        run("sd-inpaint.strength", picture: true, mask: true) { $0.strength = 0.6 },
        run("xl.text") { ($0.width, $0.guidance) = (48, 5) },
        run("xl.negative") { ($0.steps, $0.guidance, $0.negativePrompt) = (4, 5, "grey") },
        run("xl.picture", picture: true) { ($0.strength, $0.guidance) = (0.6, 5) },
        run("xl.inside", picture: true, mask: true) { ($0.strength, $0.guidance) = (0.8, 5) },
        run("refiner.picture", picture: true) { ($0.strength, $0.guidance, $0.negativePrompt) = (0.6, 5, "grey") },
    ]

    private static func run(
        _ name: String,
        picture: Bool = false,
        mask: Bool = false,
        _ change: (inout GenerationRequest) -> Void
    ) -> StableDiffusionRun {
        var request = GenerationRequest(prompt: "a red apple", seed: 7, steps: 6, guidance: 7.5)
        request.image = picture ? try? image("picture.png") : nil
        request.mask = mask ? try? image("mask.png") : nil
        change(&request)
        return StableDiffusionRun(name: name, request: request)
    }

    static func fixture(_ name: String) throws -> String { try TinyModel.fixture("stable-diffusion/\(name)") }

    static func image(_ name: String) throws -> Image { try Image(contentsOf: fixture(name)) }

    var directory: String {
        get throws { try Self.fixture(String(name.prefix { $0 != "." })) }
    }

    func expected(_ kind: String) throws -> Tensor {
        let file = try SafetensorsFile(Self.fixture("expected.safetensors"))
        return try torchScope { try file.tensor(named: "\(name).\(kind)") }
    }

    /// The last sample of the run in float32.
    func latents() throws -> Tensor {
        let configurations = try StableDiffusionConfigurations(ModelDirectory(directory))
        let model = try StableDiffusionModel(configurations, LoadingOptions(computeType: .float32))
        let generation = StableDiffusionGeneration(
            request,
            try StableDiffusionPlan(request, configurations),
            model: model
        ) { _ in }
        return try generation.latents(seed: request.seed)
    }
}

@Suite("Making pictures with Stable Diffusion")
struct StableDiffusionTests {
    static let request = GenerationRequest(prompt: "a red apple", seed: 7, steps: 3, guidance: 5)

    static func pipeline(_ name: String = "sd1") throws -> StableDiffusionPipeline {
        try StableDiffusionPipeline(
            modelDirectory: StableDiffusionRun.fixture(name),
            loading: LoadingOptions(computeType: .float32)
        )
    }

    @Test("picture i of a batch is the picture of seed + i")
    func seeds() async throws {
        let pipeline = try Self.pipeline()
        var (batch, single) = (Self.request, Self.request)
        batch.count = 2
        single.seed = 8
        let two = try await allPictures(pipeline, batch)
        let one = try await allPictures(pipeline, single)
        #expect(two.map(\.seed) == [7, 8])
        #expect(two[1].image == one[0].image)
        #expect(two[0].image != two[1].image)
    }

    @Test("events tell each stage and step in order")
    func events() async throws {
        var request = Self.request
        (request.previewEvery, request.image, request.strength) = (1, try StableDiffusionRun.image("picture.png"), 0.7)
        var seen: [String] = []
        for try await event in try Self.pipeline().generate(request) {
            switch event {
            case .notice: seen.append("notice")
            case .progress(let progress): seen.append("\(progress.stage) \(progress.step)/\(progress.steps)")
            case .preview(let image, _): seen.append("preview \(image.width)")
            case .finishedStage(let stage, _): seen.append("\(stage) done")
            case .picture(let picture): seen.append("picture \(picture.image.width)×\(picture.image.height)")
            }
        }
        #expect(
            seen == [
                "loading done", "text done", "encoding done", "decoder 0/3", "decoder 1/3", "preview 64", "decoder 2/3",
                "preview 64", "decoder 3/3", "decoder done", "autoencoder done", "picture 64×64",
            ]
        )
    }

    @Test("parts that come and go give the picture that parts which stay give, and large pictures in tiles")
    func lowMemory() async throws {
        var request = Self.request
        // The autoencoder's pictures have 32 pixels a side.
        (request.count, request.width, request.height) = (2, 32, 32)
        let low = try StableDiffusionPipeline(
            modelDirectory: StableDiffusionRun.fixture("sd1"),
            loading: LoadingOptions(computeType: .float32, keepsParts: false)
        )
        let pictures = try await allPictures(low, request)
        #expect(try await allPictures(Self.pipeline(), request) == pictures)
        request.image = try StableDiffusionRun.image("picture.png")
        #expect(try await allPictures(low, request) == allPictures(Self.pipeline(), request))

        (request.width, request.count) = (64, 1)
        let (tiled, whole) = (try await allPictures(low, request), try await allPictures(Self.pipeline(), request))
        #expect(tiled != whole)
        let ratio = signalToNoise(try #require(tiled.first).image.pixels, try #require(whole.first).image.pixels)
        // Random weights see far; those of a trained autoencoder hardly beyond the quarter that tiles share.
        #expect(ratio > 15, "\(ratio) dB")
    }

    @Test("previews have the size of the picture and change nothing in it", arguments: [true, false])
    func previews(keepsParts: Bool) async throws {
        let pipeline = try StableDiffusionPipeline(
            modelDirectory: StableDiffusionRun.fixture("sd1"),
            loading: LoadingOptions(computeType: .float32, keepsParts: keepsParts)
        )
        var request = Self.request
        (request.width, request.height, request.steps, request.scheduler) = (32, 24, 6, "ddim")
        let plain = try await allPictures(pipeline, request)
        request.previewEvery = 1
        var previews: [Image] = []
        var pictures: [GeneratedPicture] = []
        for try await event in pipeline.generate(request) {
            if case .preview(let image, _) = event { previews.append(image) }
            if case .picture(let picture) = event { pictures.append(picture) }
        }
        #expect(pictures == plain)
        #expect(previews.map { [$0.width, $0.height] } == Array(repeating: [32, 24], count: 5))
    }

    @Test("several candidates are refused, because there is nothing to choose by")
    func candidates() async throws {
        var request = Self.request
        request.candidates = 4
        let error = await #expect(throws: PipelineError.self) { try await allPictures(Self.pipeline(), request) }
        #expect(error?.description.contains("no dual encoder") == true)
    }

    @Test("weights of 8 bits give nearly the picture that full ones give")
    func int8() async throws {
        let small = try StableDiffusionPipeline(
            modelDirectory: StableDiffusionRun.fixture("sd1"),
            loading: LoadingOptions(computeType: .float32, storesInt8: true)
        )
        let (found, exact) = (
            try await allPictures(small, Self.request), try await allPictures(Self.pipeline(), Self.request)
        )
        let (a, b) = (try #require(found.first).image.pixels, try #require(exact.first).image.pixels)
        #expect(a != b)
        let error = zip(a, b).reduce(0.0) { $0 + pow(Double($1.0) - Double($1.1), 2) } / Double(a.count)
        #expect(10 * log10(255 * 255 / error) > 25)
    }

    @Test("LoRA changes the picture, by nothing where it is zero, and one of another model is refused")
    func adaptations() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let weights = try openCheckpoint(
            "\(StableDiffusionRun.fixture("sd1"))/unet/diffusion_pytorch_model.safetensors"
        )
        let shape = try #require(weights.shape(of: "conv_in.weight"))
        func pictures(_ up: Double, outputs: Int) async throws -> [GeneratedPicture] {
            let path = "\(folder)/\(up)-\(outputs).safetensors"
            try writeSafetensors(
                [
                    ("lora_unet_conv_in.lora_down.weight", .full([2] + shape.dropFirst(), 0.1)),
                    ("lora_unet_conv_in.lora_up.weight", .full([outputs, 2, 1, 1], up)),
                ],
                to: path
            )
            let options = LoadingOptions(computeType: .float32, adaptations: [(path, 1)])
            let pipeline = try StableDiffusionPipeline(
                modelDirectory: StableDiffusionRun.fixture("sd1"),
                loading: options
            )
            return try await allPictures(pipeline, Self.request)
        }
        let plain = try await allPictures(Self.pipeline(), Self.request)
        #expect(try await pictures(0, outputs: shape[0]) == plain)
        #expect(try await pictures(1, outputs: shape[0]) != plain)
        await #expect(throws: AdaptationError.self) { try await pictures(1, outputs: shape[0] + 1) }
    }

    @Test("words taught to a model become the reference's tokens and encodings", .tags(.parity))
    func textualInversion() throws {
        let prompts = ["a red <my-cat> with a hat*", "<my-cat><my-cat>, red", "a red apple"]
        let configurations = try StableDiffusionConfigurations(ModelDirectory(StableDiffusionRun.fixture("sd1")))
        let folder = try TinyModel.fixture("textual-inversion")
        let learned = try LearnedTokens([("\(folder)/cat.safetensors", nil), ("\(folder)/hat.pt", "hat*")])
        let loader = PartLoader(LoadingOptions(computeType: .float32))
        let text = try #require(configurations.texts.first)
        let encoder = try StableDiffusionText(configurations.files, text, loader, learned)
        let expected = try SafetensorsFile("\(folder)/expected.safetensors")
        let tokenizer = try configurations.files.tokenizer(text.tokenizer, adding: learned, part: text.part)
        for (index, prompt) in prompts.enumerated() {
            let ids = tokenizer.encode(learned.expanded(prompt, part: text.part)).ids.map(Int64.init)
            #expect(ids == (try expected.tensor(named: "ids.\(index)").int64s()))
            let encoding = try torchScope { encoder.encode([prompt]).encoding.last }
            let difference = (encoding - (try expected.tensor(named: "encoding.\(index)"))).abs().max().item
            #expect(difference < 1e-4)
        }
        #expect(throws: PipelineError.self) { try learned.requireFit(part: text.part, width: 7) }
        #expect(throws: PipelineError.self) { try learned.requireFit(part: "text_encoder_2", width: 7) }
        #expect(throws: PipelineError.self) { try LearnedTokens([("\(folder)/expected.safetensors", nil)]) }
    }

    @Test("leaving the loop stops the work, and the pipeline serves the next request", .timeLimit(.minutes(5)))
    func leaving() async throws {
        let pipeline = try Self.pipeline()
        var long = Self.request
        (long.steps, long.count) = (900, 64)
        for try await case .progress in pipeline.generate(long) { break }
        #expect(try await allPictures(pipeline, Self.request).count == 1)
    }

    @Test("the picture has the model's size, the size of a given picture, or what is asked for")
    func sizes() async throws {
        let pipeline = try Self.pipeline()
        func size(_ change: (inout GenerationRequest) throws -> Void) async throws -> [Int] {
            var request = Self.request
            try change(&request)
            let image = try #require(try await allPictures(pipeline, request).first).image
            return [image.width, image.height]
        }
        #expect(try await size { _ in } == [64, 64])
        #expect(try await size { ($0.width, $0.height) = (8, 40) } == [8, 40])
        #expect(try await size { $0.image = try Image(width: 37, height: 21, filledWith: .white) } == [32, 16])
    }

    @Test(
        "model_index.json decides the pipeline",
        arguments: [("stable-diffusion/sd1", true), ("stable-diffusion/refiner", true), ("tiny", false)]
    )
    func opening(folder: String, isStableDiffusion: Bool) throws {
        guard folder != "tiny" else {
            // Its narrow image tower has no published name, which its own pipeline says.
            let error = #expect(throws: (any Error).self) {
                try openPictureGenerator(modelDirectory: TinyModel.fixture(folder))
            }
            #expect("\(try #require(error))".contains("narrow"))
            return
        }
        let generator = try openPictureGenerator(modelDirectory: TinyModel.fixture(folder))
        #expect(generator is StableDiffusionPipeline)
        #expect(generator.request(prompt: "a").guidance == (folder.hasSuffix("sd1") ? 7.5 : 5))
    }

    @Test("a model of a class without a pipeline is refused with the classes that there are")
    func otherClass() throws {
        try withChangedModel("sd1", in: "model_index.json", "StableDiffusionPipeline", "FluxPipeline") { path in
            let error = #expect(throws: PipelineError.self) { try openPictureGenerator(modelDirectory: path) }
            #expect(error?.description.contains("FluxPipeline; expected one of UnCLIPPipeline") == true)
        }
    }

    @Test(
        "parts that do not fit each other are refused with what was expected",
        arguments: [
            ("unet/config.json", "\"cross_attention_dim\": 16", "\"cross_attention_dim\": 20", "20; expected 16"),
            ("unet/config.json", "\"in_channels\": 4", "\"in_channels\": 5", "expected 4"),
            ("unet/config.json", "\"out_channels\": 4", "\"out_channels\": 8", "8 channels; expected 4"),
            ("unet/config.json", "\"sample_size\": 8", "\"sample_size\": 800", "6400 pixels"),
            ("unet/config.json", "\"class_embed_type\": null", "\"class_embed_type\": \"timestep\"", "class embedding"),
            ("vae/config.json", "\"out_channels\": 3", "\"out_channels\": 4", "expected 3 and 3"),
            ("scheduler/scheduler_config.json", "PNDMScheduler", "MyScheduler", "MyScheduler"),
            ("model_index.json", "CLIPTokenizer", "T5Tokenizer", "T5Tokenizer"),
        ]
    )
    func misfits(file: String, text: String, other: String, mention: String) throws {
        try withChangedModel("sd1", in: file, text, other) { path in
            let error = #expect(throws: PipelineError.self) { try StableDiffusionPipeline(modelDirectory: path) }
            #expect(error?.description.contains(mention) == true, "\(error?.description ?? "")")
        }
    }

    @Test("weights that are not the model's are refused when they are read")
    func otherWeights() async throws {
        try await withChangedModel(
            "sd1",
            in: "unet/config.json",
            "\"attention_head_dim\": 2",
            "\"attention_head_dim\": 2, \"use_linear_projection\": true"
        ) { path in
            let pipeline = try StableDiffusionPipeline(modelDirectory: path)
            let error = await #expect(throws: (any Error).self) { try await pipeline.prepare() }
            #expect("\(try #require(error))".contains("proj_in.weight has the shape [8, 8, 1, 1]"))
        }
    }

    @Test(
        "a request that cannot be served is refused with one sentence",
        arguments: [
            Refusal("The width is 60 pixels; it must be a multiple of 8, at most 4096.") { $0.width = 60 },
            Refusal("The height is 8192 pixels; it must be a multiple of 8, at most 4096.") { $0.height = 8192 },
            Refusal("The guidance rescale is 2.0; it must be from 0 to 1.") { $0.guidanceRescale = 2 },
            Refusal("A strength was given without a picture; give the picture that shall change.") { $0.strength = 1 },
            Refusal("The strength is 0.0; it must be above 0 and at most 1.") {
                ($0.image, $0.strength) = (try? Image(width: 64, height: 64, filledWith: .white), 0)
            },
            Refusal("A strength of 0.1 leaves none of 3 steps; expected a larger strength or more steps.") {
                ($0.image, $0.strength) = (try? Image(width: 64, height: 64, filledWith: .white), 0.1)
            },
            Refusal("A mask was given without a picture; give the picture of which a part shall change.") {
                $0.mask = try? Image(width: 64, height: 64, filledWith: .white)
            },
            Refusal("The mask has 32 × 64 pixels and the picture 64 × 64; give a mask as large as the picture.") {
                $0.image = try? Image(width: 64, height: 64, filledWith: .white)
                $0.mask = try? Image(width: 32, height: 64, filledWith: .white)
            },
            Refusal(
                "This model makes parts of pictures anew and nothing else; give it a picture and a mask.",
                "sd-inpaint"
            ) { $0.width = 64 },
        ]
    )
    func refused(refusal: Refusal) async throws {
        let pipeline = try Self.pipeline(refusal.model)
        let error = await #expect(throws: (any Error).self) { try await allPictures(pipeline, refusal.request) }
        #expect("\(try #require(error))" == refusal.sentence)
    }

    @Test("weights may be in several files, and a missing file is told by its name")
    func shards() async throws {
        let (folder, name) = ("unet", "diffusion_pytorch_model")
        let path = try changedModel("sd1", in: "model_index.json", "StableDiffusionPipeline", "StableDiffusionPipeline")
        defer { try? FileManager.default.removeItem(atPath: path) }
        let whole = "\(path)/\(folder)/\(name).safetensors"
        let names = try SafetensorsFile(whole).names.sorted()
        let halves = [Array(names.prefix(names.count / 2)), Array(names.suffix(names.count - names.count / 2))]
        var places: [String: String] = [:]
        for (index, half) in halves.enumerated() {
            let file = "\(name)-0000\(index + 1)-of-00002.safetensors"
            let source = try SafetensorsFile(whole)
            let tensors = try torchScope { try half.map { ($0, try source.tensor(named: $0)) } }
            try writeSafetensors(tensors, to: "\(path)/\(folder)/\(file)")
            for name in half { places[name] = file }
        }
        try FileManager.default.removeItem(atPath: whole)
        let pipeline = {
            try StableDiffusionPipeline(modelDirectory: path, loading: LoadingOptions(computeType: .float32))
        }
        let error = await #expect(throws: (any Error).self) { try await pipeline().prepare() }
        #expect("\(try #require(error))".contains("\(name).safetensors"))

        try JSONSerialization.data(withJSONObject: ["weight_map": places])
            .write(to: URL(filePath: "\(path)/\(folder)/\(name).safetensors.index.json"))
        let sharded = try await allPictures(pipeline(), Self.request)
        #expect(try await sharded[0].image == allPictures(Self.pipeline(), Self.request)[0].image)
    }

    @Test("a prompt of a thousand words is cut with a notice")
    func longPrompt() async throws {
        var request = Self.request
        request.prompt = Array(repeating: "apple", count: 1000).joined(separator: " ")
        var notices: [String] = []
        for try await case .notice(let sentence) in try Self.pipeline().generate(request) { notices.append(sentence) }
        #expect(notices == ["The prompt is longer than the model reads; its end was left out."])
    }

    @Test("a single file makes pictures, and what is no such file is refused")
    func singleFile() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lienzo-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "tiny.safetensors").path
        try writeSingleFile(to: path)

        let generator = try openPictureGenerator(modelDirectory: path)
        #expect(generator.directory.name == "tiny")
        var request = generator.request(prompt: "a red apple")
        (request.steps, request.width, request.height) = (2, 32, 16)
        var pictures: [GeneratedPicture] = []
        for try await case .picture(let picture) in generator.generate(request) { pictures.append(picture) }
        #expect(pictures.map { [$0.image.width, $0.image.height] } == [[32, 16]])

        let other = try StableDiffusionRun.fixture("sd1/unet/diffusion_pytorch_model.safetensors")
        #expect(throws: (any Error).self) { try openPictureGenerator(modelDirectory: other) }
    }

    /// Random weights under the names of `Tools/reference/models_stable_diffusion.py`.
    private func writeSingleFile(to path: String) throws {
        let tensors = try SingleFileTensor.all("single-tiny.txt")
        try writeSafetensors(tensors.map { ($0.name, $0.tensor) }, to: path)
    }

    @Test("a single file of XL makes the pictures of the directory with the same weights", .tags(.parity))
    func singleFileOfXL() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lienzo-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (path, directory) = (folder.appending(path: "xl.safetensors").path, folder.appending(path: "xl"))
        try FileManager.default.copyItem(atPath: TinyModel.fixture("single-xl"), toPath: directory.path)
        let tensors = try SingleFileTensor.all("single-xl/names.txt")
        try writeSafetensors(tensors.map { ($0.name, $0.tensor) }, to: path)
        for (start, file) in [
            ("model.", "unet/diffusion_pytorch_model"), ("first_stage_model.", "vae/diffusion_pytorch_model"),
            ("conditioner.embedders.0.", "text_encoder/model"), ("conditioner.embedders.1.", "text_encoder_2/model"),
        ] {
            let own = tensors.filter { $0.name.hasPrefix(start) }
            let parts = try torchScope { own.flatMap(\.inDirectory) }
            try writeSafetensors(parts, to: directory.appending(path: "\(file).safetensors").path)
        }
        try writeTokenizer(to: directory.appending(path: "tokenizer"), padding: "<|endoftext|>")
        try writeTokenizer(to: directory.appending(path: "tokenizer_2"), padding: "!")

        let loading = LoadingOptions(computeType: .float32)
        let single = try StableDiffusionPipeline(file: path, loading: loading)
        var request = single.request(prompt: "a red apple on a blue table")
        #expect(request.guidance == 5 && single.pictureSize == 256)
        (request.steps, request.width, request.height) = (3, 32, 16)
        let whole = try StableDiffusionPipeline(modelDirectory: directory.path, loading: loading)
        let pictures = try await allPictures(single, request)
        #expect(try await allPictures(whole, request) == pictures)
        request.negativePrompt = "grey"
        #expect(try await allPictures(whole, request) == allPictures(single, request))
        #expect(try await allPictures(single, request) != pictures)
        request.scheduler = "euler-a"
        #expect(try await allPictures(whole, request) == allPictures(single, request))
    }

    /// CLIP's tokenizer as a model directory has it.
    private func writeTokenizer(to folder: URL, padding: String) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let pieces = try CLIPVocabulary.published().pieces
        let numbers = Dictionary(uniqueKeysWithValues: pieces.enumerated().map { ($1, $0) })
        try JSONEncoder().encode(numbers).write(to: folder.appending(path: "vocab.json"))
        let lines = try String(contentsOfFile: Clone.clipMerges, encoding: .utf8).split(separator: "\n")
        let merges = lines.dropFirst().prefix(CLIPVocabulary.originalMergeCount)
        try (["#version: 0.2"] + merges).joined(separator: "\n")
            .write(to: folder.appending(path: "merges.txt"), atomically: true, encoding: .utf8)
        try JSONEncoder().encode(["tokenizer_class": "CLIPTokenizer", "pad_token": padding])
            .write(to: folder.appending(path: "tokenizer_config.json"))
    }

    @Test("pictures of XL have the reference's watermark, unless they shall not", .tags(.parity))
    func watermark() async throws {
        let pipeline = try Self.pipeline("xl")
        var request = Self.request
        (request.steps, request.width, request.height) = (2, 256, 256)
        let marked = try #require(try await allPictures(pipeline, request).first).image
        let expected = try SafetensorsFile(TinyModel.fixture("watermark.safetensors")).tensor(named: "pixels")
            .elements(as: UInt8.self)
        let ratio = signalToNoise(Array(marked.pixels.prefix(expected.count)), expected)
        #expect(ratio >= 50, "\(ratio) dB")
        #expect(Watermark.isIn(marked))

        request.addsWatermark = false
        let plain = try #require(try await allPictures(pipeline, request).first).image
        let other = signalToNoise(Array(plain.pixels.prefix(expected.count)), expected)
        #expect(other < 45, "\(other) dB")
        #expect(!Watermark.isIn(plain))
    }

    @Test("an unknown scheduler is refused with the names that there are")
    func unknownScheduler() async throws {
        var request = Self.request
        request.scheduler = "magic"
        let error = await #expect(throws: DiffusionError.self) {
            try await allPictures(Self.pipeline(), request)
        }
        #expect(error?.description.contains("euler-a") == true)
    }
}

/// A tensor of a single file with random numbers, by the lists of `Tools/reference/models_stable_diffusion.py`.
private struct SingleFileTensor {
    let name: String
    /// The name in a directory; the first one where it is several there.
    let newName: String
    let tensor: Tensor

    static func all(_ list: String) throws -> [SingleFileTensor] {
        let generator = Generator(seed: 3)
        var (name, newName) = ("", "")
        return try String(contentsOfFile: TinyModel.fixture(list), encoding: .utf8).split(separator: "\n").map { line in
            let words = line.split(separator: " ", omittingEmptySubsequences: false)
            name = String(name.prefix(try #require(Int(words[0])))) + words[1]
            newName = String(newName.prefix(try #require(Int(words[3])))) + words[4]
            let shape = words[2].split(separator: ",").compactMap { Int($0) }
            let tensor = try torchScope { Tensor.randn(shape, generator: generator, dtype: .float32) * 0.1 }
            return SingleFileTensor(name: name, newName: newName, tensor: tensor)
        }
    }

    /// What it is in a directory: OpenCLIP's three projections in one are three, and linear layers are no convolutions.
    var inDirectory: [(String, Tensor)] {
        if name.contains(".in_proj_") {
            let rows = tensor.size(0) / 3
            return ["q", "k", "v"].enumerated().map { place, letter in
                (
                    newName.replacing(".q_proj.", with: ".\(letter)_proj."),
                    tensor.narrow(dim: 0, start: place * rows, length: rows)
                )
            }
        }
        if newName == "text_projection.weight" { return [(newName, tensor.transpose(0, 1).contiguous())] }
        let isLinear = newName.contains(".mid_block.attentions.0.to_")
        return [(newName, isLinear ? tensor.reshape(Array(tensor.shape.prefix(2))) : tensor)]
    }
}

struct Refusal: Sendable, CustomTestStringConvertible {
    let sentence: String
    let model: String
    let request: GenerationRequest

    var testDescription: String { sentence }

    init(_ sentence: String, _ model: String = "sd1", _ change: (inout GenerationRequest) -> Void) {
        var request = StableDiffusionTests.request
        change(&request)
        (self.sentence, self.model, self.request) = (sentence, model, request)
    }
}

/// Calls `body` with the path of a copy of a model in which a text of a file has become another.
private func withChangedModel(
    _ name: String,
    in file: String,
    _ text: String,
    _ other: String,
    _ body: (String) throws -> Void
) throws {
    let path = try changedModel(name, in: file, text, other)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(path)
}

private func withChangedModel(
    _ name: String,
    in file: String,
    _ text: String,
    _ other: String,
    _ body: (String) async throws -> Void
) async throws {
    let path = try changedModel(name, in: file, text, other)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await body(path)
}

private func changedModel(_ name: String, in file: String, _ text: String, _ other: String) throws -> String {
    let folder = FileManager.default.temporaryDirectory.appending(path: "lienzo-\(UUID().uuidString)")
    try FileManager.default.copyItem(atPath: StableDiffusionRun.fixture(name), toPath: folder.path)
    let url = folder.appending(path: file)
    let content = try String(contentsOf: url, encoding: .utf8)
    #expect(content.contains(text))
    try content.replacingOccurrences(of: text, with: other).write(to: url, atomically: true, encoding: .utf8)
    return folder.path
}
