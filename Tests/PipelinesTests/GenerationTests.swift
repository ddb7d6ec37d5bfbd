import Foundation
import LienzoImages
import LienzoPipelines
import LienzoTorch
import Testing

@Suite("Making pictures")
struct GenerationTests {
    static let request = GenerationRequest(prompt: "a red apple", seed: 7, steps: 3, priorSteps: 2, candidates: 1)

    @Test("Picture i of a batch is the picture of seed + i")
    func seeds() async throws {
        let pipeline = try TinyModel.pipeline()
        var batch = Self.request
        batch.count = 3
        var single = Self.request
        single.seed = 8
        let three = try await allPictures(pipeline, batch)
        let one = try await allPictures(pipeline, single)
        #expect(three.map(\.seed) == [7, 8, 9])
        #expect(three.map(\.index) == [0, 1, 2])
        #expect(three[1].image == one[0].image)
        #expect(three[0].image != three[1].image)
    }

    @Test("Events tell each stage and step in order")
    func events() async throws {
        var request = Self.request
        request.previewEvery = 2
        var seen: [String] = []
        for try await event in try TinyModel.pipeline().generate(request) {
            switch event {
            case .notice: seen.append("notice")
            case .progress(let progress): seen.append("\(progress.stage) \(progress.step)/\(progress.steps)")
            case .preview(let image, _): seen.append("preview \(image.width)")
            case .finishedStage(let stage, let seconds):
                #expect(seconds >= 0)
                seen.append("\(stage) done")
            case .picture(let picture): seen.append("picture \(picture.image.width)×\(picture.image.height)")
            }
        }
        #expect(
            seen == [
                "loading done", "text done", "prior 0/2", "prior 1/2", "prior 2/2", "prior done", "decoder 0/3",
                "decoder 1/3", "decoder 2/3", "preview 64", "decoder 3/3", "decoder done", "autoencoder done",
                "picture 64×64",
            ]
        )
    }

    @Test("Previews change nothing in the picture")
    func previews() async throws {
        let pipeline = try TinyModel.pipeline()
        var request = Self.request
        let plain = try await allPictures(pipeline, request)
        request.previewEvery = 1
        #expect(try await allPictures(pipeline, request) == plain)
    }

    @Test("Of several candidates the one that the dual encoder finds nearest to the words is kept")
    func candidates() async throws {
        let pipeline = try TinyModel.pipeline()
        var several = Self.request
        several.candidates = 3
        let kept = try #require(try await allPictures(pipeline, several).first)
        #expect(kept.seed == 7)
        var alone: [Image] = []
        for candidate in 0..<3 {
            var single = Self.request
            single.seed = 7 &+ UInt64(candidate) &* 0x9E37_79B9_7F4A_7C15
            alone.append(try #require(try await allPictures(pipeline, single).first).image)
        }
        let clip = try CLIPPipeline(
            modelDirectory: TinyModel.path,
            device: .cpu,
            computeType: .float32,
            imageTowerNamed: TinyModel.imageTower
        )
        let table = try await clip.compare(
            clip.embed(alone.map { try clip.prepare($0) }),
            clip.embed(texts: [Self.request.prompt])
        )
        let cosines = table.cosine.map { $0[0] }
        let best = try #require(cosines.indices.max { cosines[$0] < cosines[$1] })
        // A batch may round another way than a single picture.
        func difference(_ other: Image) -> Int {
            zip(kept.image.pixels, other.pixels).map { abs(Int($0) - Int($1)) }.max() ?? 255
        }
        #expect(difference(alone[best]) <= 2)
        #expect(alone.indices.filter { difference(alone[$0]) <= 2 } == [best])
    }

    @Test("Leaving the loop stops the work, and the pipeline serves the next request", .timeLimit(.minutes(5)))
    func leaving() async throws {
        let pipeline = try TinyModel.pipeline()
        var long = Self.request
        long.steps = 1000
        long.count = 64
        // All of it would take more than ten minutes on a quiet machine, and the next request would wait for it.
        for try await case .progress(let progress) in pipeline.generate(long) where progress.stage == .decoder {
            break
        }
        #expect(try await allPictures(pipeline, Self.request).count == 1)
    }

    @Test("Without guidance the unconditional half is left out and the picture differs")
    func unguided() async throws {
        let pipeline = try TinyModel.pipeline()
        var plain = Self.request
        plain.guidance = 1
        plain.priorGuidance = 1
        let first = try #require(try await allPictures(pipeline, Self.request).first)
        let second = try #require(try await allPictures(pipeline, plain).first)
        #expect(first.image != second.image)
    }

    @Test("A picture for which a machine has not the memory is refused with how much it takes")
    func memory() throws {
        let need = PictureMemory(pictures: 64, width: 4096, height: 4096, channels: 48, type: .float32)
        let error = #expect(throws: PipelineError.self) { try need.require(within: 24 << 30) }
        #expect(
            error?.description
                == "Decoding takes at least 413 GB of memory, and this machine has 26; ask for a smaller "
                + "picture or fewer candidates."
        )
        try PictureMemory(pictures: 1, width: 128, height: 128, channels: 48, type: .float32).require()
        // In tiles the maps are those of a tile, and what counts are the pictures.
        let tiled = PictureMemory(pictures: 64, width: 4096, height: 4096, channels: 48, type: .float32, tile: 512)
        try tiled.require(within: 27 << 30)
        #expect(throws: PipelineError.self) { try tiled.require(within: 20 << 30) }
        let small = PictureMemory(pictures: 64, width: 512, height: 512, channels: 48, type: .float32, tile: 512)
        #expect(throws: PipelineError.self) { try small.require(within: 5 << 30) }
    }

    @Test("A prompt of a thousand words is cut with a notice")
    func longPrompt() async throws {
        var request = Self.request
        request.prompt = Array(repeating: "apple", count: 1000).joined(separator: " ")
        var notices: [String] = []
        for try await case .notice(let sentence) in try TinyModel.pipeline().generate(request) {
            notices.append(sentence)
        }
        #expect(notices == ["The prompt is longer than the model reads; its end was left out."])
    }

    @Test(
        "A request that cannot be served is refused with one sentence",
        arguments: [
            (GenerationRequest(prompt: " \n"), "The prompt is empty; say what the picture shall show."),
            (
                GenerationRequest(prompt: "an apple", count: 65),
                "The number of pictures is 65; it must be from 1 to 64."
            ),
            (
                GenerationRequest(prompt: "an apple", steps: 0),
                "The number of decoder steps is 0; it must be from 1 to 1000."
            ),
            (
                GenerationRequest(prompt: "an apple", priorSteps: 1),
                "The number of prior steps is 1; it must be from 2 to 1000."
            ),
            (
                GenerationRequest(prompt: "an apple", candidates: 0),
                "The number of candidates is 0; it must be from 1 to 64."
            ),
            (
                GenerationRequest(prompt: "an apple", guidance: .nan),
                "The guidance is nan; it must be from 0 to 100."
            ),
            (
                GenerationRequest(prompt: Array(repeating: "a", count: 10_000).joined(separator: " ")),
                "The prompt has 19999 bytes; at most 10000 are read."
            ),
        ]
    )
    func refused(request: GenerationRequest, sentence: String) async throws {
        let pipeline = try TinyModel.pipeline()
        let error = await #expect(throws: PipelineError.self) { _ = try await allPictures(pipeline, request) }
        #expect(error?.description == sentence)
    }
}
