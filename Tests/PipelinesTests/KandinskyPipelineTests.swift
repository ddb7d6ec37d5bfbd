import Foundation
import LienzoCheckpoints
import LienzoFiles
import LienzoImages
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoPipelines

@Suite("The pipeline of Kandinsky's two directories")
struct KandinskyPipelineTests {
    static let request = GenerationRequest(
        prompt: "a red apple",
        seed: 7,
        steps: 3,
        priorSteps: 2,
        candidates: 1,
        width: 16,
        height: 16
    )

    /// Calls `body` with a pipeline in float32.
    private func withPipeline(
        _ kind: KandinskyModel.Kind = .decoder22,
        _ body: (UnCLIPPipeline) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let decoder = try KandinskyModel.directory(of: kind, in: folder)
            try await body(
                UnCLIPPipeline(
                    prior: "\(KandinskyModel.fixtures)/prior",
                    decoder: decoder,
                    loading: LoadingOptions(computeType: .float32)
                )
            )
        }
    }

    private static func prior(keepsParts: Bool = true) throws -> PriorPipeline {
        try PriorPipeline(
            modelDirectory: "\(KandinskyModel.fixtures)/prior",
            loading: LoadingOptions(computeType: .float32, keepsParts: keepsParts)
        )
    }

    @Test("An embedding that was made alone gives a picture later, and the best candidate comes first")
    func priorAlone() async throws {
        try await withPipeline { pipeline in
            let prior = try Self.prior()
            var request = Self.request
            request.candidates = 4
            request.count = 2
            let embeddings = try await prior.imageEmbeddings(request)
            #expect(embeddings.map(\.count) == [4, 4] && embeddings[0][0].values.count == 16)
            let similarities = embeddings[0].compactMap(\.similarity)
            #expect(similarities == similarities.sorted(by: >) && Set(similarities).count == 4)

            // A candidate of a batch is the one that is made alone.
            let single = try await Self.prior(keepsParts: false).imageEmbeddings(Self.request)[0][0]
            #expect(embeddings[0].contains { distance($0.values, single.values) < 1e-4 })

            request = Self.request
            request.prompt = ""
            request.candidates = 2
            request.imageEmbedding = .given(embeddings[0][0])
            #expect(try await prior.imageEmbeddings(request)[0].map(\.similarity) == [nil, nil])
            let picture = try #require(try await allPictures(pipeline, request).first)
            #expect(picture.image.width == 16)
        }
    }

    @Test("A shift by 0 is the picture itself, and goes the share of the angle towards the difference of the texts")
    func shift() async throws {
        let pipeline = try Self.prior()
        let image = try KandinskyModel.picture("large")
        func embedding(_ source: ImageEmbeddingSource) async throws -> [Float] {
            var request = Self.request
            request.imageEmbedding = source
            return try await pipeline.imageEmbeddings(request)[0][0].values
        }
        func shifted(_ share: Double) async throws -> [Float] {
            try await embedding(.shift(image, from: "a photo", to: "a red apple", share: share))
        }
        let start = try await embedding(.variation(of: image))
        let (none, some, all) = try await (shifted(0), shifted(0.3), shifted(1))
        #expect(distance(none, start) < 1e-5)
        #expect(abs(angle(start, some) - 0.3 * angle(start, all)) < 1e-4)
        #expect(abs(angle(some, all) - 0.7 * angle(start, all)) < 1e-4)
        #expect(abs(length(some) - length(start)) < 1e-4)

        // At 1 nothing is left of the picture: the normalised difference of the normalised texts.
        for (share, found) in [("0.3", some), ("1.0", all)] {
            let expected = try torchScope {
                try KandinskyModel.expected().tensor(named: "shifted.\(share)").floats()
            }
            #expect(distance(found, expected) < 1e-4, "\(share)")
        }
        let back = try await embedding(.shift(image, from: "a red apple", to: "a photo", share: 1))
        #expect(distance(back, all.map { -$0 }) < 1e-4)
    }

    @Test("Blending along the sphere keeps to the great circle, and equal weights meet in the middle")
    func sphere() async throws {
        let pipeline = try Self.prior()
        let (first, second) = ([Float](repeating: 0, count: 15) + [2], [3] + [Float](repeating: 0, count: 15))
        func blended(_ weights: (Double, Double)) async throws -> [Float] {
            var request = Self.request
            request.imageEmbedding = .blend(
                [.init(.embedding(first), weight: weights.0), .init(.embedding(second), weight: weights.1)],
                .spherical
            )
            return try await pipeline.imageEmbeddings(request)[0][0].values
        }
        let middle = try await blended((0.5, 0.5))
        #expect(abs(length(middle) - 2.5) < 1e-5 && abs(angle(middle, first) - .pi / 4) < 1e-5)
        let nearer = try await blended((2, 1))
        #expect(abs(angle(nearer, first) - .pi / 6) < 1e-5)
    }

    @Test("Events of a changed picture, and a break that stops the work", .timeLimit(.minutes(5)))
    func events() async throws {
        try await withPipeline(.decoder21) { pipeline in
            var request = Self.request
            request.image = try KandinskyModel.picture("picture")
            request.strength = 0.67
            request.previewEvery = 1
            var seen: [String] = []
            for try await event in pipeline.generate(request) {
                switch event {
                case .notice: seen.append("notice")
                case .progress(let progress): seen.append("\(progress.stage) \(progress.step)/\(progress.steps)")
                case .preview: seen.append("preview")
                case .finishedStage(let stage, _): seen.append("\(stage) done")
                case .picture: seen.append("picture")
                }
            }
            #expect(
                seen == [
                    "loading done", "text done", "encoding done", "prior 0/2", "prior 1/2", "prior 2/2", "prior done",
                    "decoder 0/2", "decoder 1/2", "preview", "decoder 2/2", "decoder done", "autoencoder done",
                    "picture",
                ]
            )
            request.steps = 900
            request.count = 64
            for try await case .progress(let progress) in pipeline.generate(request) where progress.stage == .decoder {
                break
            }
            #expect(try await allPictures(pipeline, Self.request).count == 1)
        }
    }

    @Test("A request that the model cannot serve is refused with a sentence, before the weights are read")
    func refused() async throws {
        let picture = try KandinskyModel.picture("picture")
        let large = try KandinskyModel.picture("large")
        let changes: [(KandinskyModel.Kind, (inout GenerationRequest) -> Void, String)] = [
            (.decoder22, { $0.width = 18 }, "The width is 18 pixels; it must be a multiple of 4, at most 4096."),
            (.decoder22, { $0.mask = picture }, "A mask was given without a picture"),
            (
                .decoder22,
                {
                    $0.image = picture
                    $0.mask = large
                }, "The mask has 43 × 37 pixels and the picture 16 × 16; give a mask as large as the picture."
            ),
            (.inpaint22, { _ in }, "give it a picture and a mask"),
            (
                .inpaint22,
                {
                    $0.image = picture
                    $0.mask = picture
                    $0.strength = 0.5
                }, "leave the strength out"
            ),
            (.decoder22, { $0.hints = [ControlHint(picture)] }, "This model looks at no hint"),
            (.depth22, { _ in }, "give it one"),
            (.decoder22, { $0.scheduler = "no such" }, "no such"),
            (.decoder22, { $0.imageEmbedding = .given(ImageEmbedding([1, 2])) }, "has 2 numbers; it must have 16"),
            (
                .decoder22, { $0.imageEmbedding = .given(ImageEmbedding([Float](repeating: .nan, count: 16))) },
                "all of them finite"
            ),
            (.decoder22, { $0.imageEmbedding = .blend([]) }, "A blend has 0 ingredients"),
            (
                .decoder22,
                { $0.imageEmbedding = .blend([.init(.picture(picture), weight: 0)], .spherical) }, "weights above 0"
            ),
            (
                .decoder22,
                { $0.imageEmbedding = .shift(picture, from: "a", to: " ", share: 0.5) }, "go towards is empty"
            ),
            (
                .decoder22,
                { $0.imageEmbedding = .shift(picture, from: "a", to: "b", share: 1.5) }, "it must be from 0 to 1"
            ),
            (
                .decoder22,
                {
                    $0.image = picture
                    $0.strength = 0.1
                }, "strength"
            ),
        ]
        for (kind, change, sentence) in changes {
            try await withPipeline(kind) { pipeline in
                var request = Self.request
                change(&request)
                let error = await #expect(throws: (any Error).self) { _ = try await allPictures(pipeline, request) }
                let found = "\(try #require(error))"
                #expect(found.contains(sentence), "\(found)")
            }
        }
    }

    @Test("A decoder alone makes the picture of an embedding that its prior made, and says what it cannot do without")
    func decoderAlone() async throws {
        let embedding = try await Self.prior().imageEmbeddings(Self.request)[0][0]
        for kind in [KandinskyModel.Kind.decoder21, .decoder22] {
            try await withPipeline(kind) { whole in
                let alone = try #require(
                    try openPictureGenerator(
                        modelDirectory: whole.directory.path,
                        prior: nil,
                        loading: LoadingOptions(computeType: .float32)
                    ) as? UnCLIPPipeline
                )
                var request = Self.request
                request.imageEmbedding = .given(embedding)
                let picture = try #require(try await allPictures(whole, request).first)
                #expect(try await allPictures(alone, request) == [picture])

                func expectRefused(_ sentence: String, _ change: (inout GenerationRequest) -> Void) async throws {
                    var request = request
                    change(&request)
                    let error = await #expect(throws: PipelineError.self) { try await allPictures(alone, request) }
                    #expect(error?.description.contains(sentence) == true, "\(error?.description ?? "")")
                }
                try await expectRefused("published apart from its prior") { $0.imageEmbedding = .prompt }
                try await expectRefused("no dual encoder that could choose") { $0.candidates = 2 }
                try await expectRefused("leave it out here") { $0.negativePrompt = "a photo" }
                try await expectRefused("none was given") { $0.imageEmbedding = .given(.init(embedding.values)) }
                try await expectRefused("it must have 16") { $0.imageEmbedding = .given(.init([1, 2])) }
                request.imageEmbedding = .given(.init(embedding.values))
                request.guidance = 1
                #expect(try await allPictures(alone, request) == allPictures(whole, request))
            }
        }
    }

    @Test("A directory that is half, or has a part of another model, is told with its path")
    func directories() throws {
        let prior = "\(try KandinskyModel.fixtures)/prior"
        try withTemporaryFolder { folder in
            let decoder = try KandinskyModel.directory(of: .decoder22, in: folder)
            func sentence(_ body: () throws -> UnCLIPPipeline) throws -> String {
                "\(try #require(#expect(throws: (any Error).self) { _ = try body() }))"
            }
            #expect(try sentence { try UnCLIPPipeline(modelDirectory: decoder) }.contains("one half of a Kandinsky"))
            #expect(try sentence { try UnCLIPPipeline(prior: decoder, decoder: decoder) }.contains("text_encoder"))
            #expect(try sentence { try UnCLIPPipeline(prior: prior, decoder: prior) }.contains("movq"))

            let config = "\(decoder)/unet/config.json"
            let json = try String(contentsOfFile: config, encoding: .utf8)
            let other = json.replacing("\"encoder_hid_dim\": 16", with: "\"encoder_hid_dim\": 12")
            #expect(other != json)
            try AtomicFile.write(other.utf8, to: config)
            let found = try sentence { try UnCLIPPipeline(prior: prior, decoder: decoder) }
            #expect(found.contains("not conditioned on image embeddings of 16 numbers") && found.contains(decoder))
        }
    }

    @Test(
        "One directory with both halves, as diffusers saves its combined pipelines, makes the same picture",
        arguments: [KandinskyModel.Kind.decoder21, .decoder22]
    )
    func combined(kind: KandinskyModel.Kind) async throws {
        try await withTemporaryFolder { folder in
            let prior = "\(try KandinskyModel.fixtures)/prior"
            let decoder = try KandinskyModel.directory(of: kind, in: folder)
            let loading = LoadingOptions(computeType: .float32)
            let apart = try UnCLIPPipeline(prior: prior, decoder: decoder, loading: loading)
            let expected = try await allPictures(apart, Self.request)

            func index(_ folder: String) throws -> [String: Any] {
                let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/model_index.json"))
                return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
            }
            var joined = try index(decoder)
            for (part, value) in try index(prior) where !part.hasPrefix("_") {
                joined["prior_\(part)"] = value
                try FileManager.default.copyItem(atPath: "\(prior)/\(part)", toPath: "\(decoder)/prior_\(part)")
            }
            let name = try #require(joined["_class_name"] as? String).replacing("Pipeline", with: "CombinedPipeline")
            joined["_class_name"] = name
            try JSONSerialization.data(withJSONObject: joined)
                .write(to: URL(fileURLWithPath: "\(decoder)/model_index.json"))

            let generator = try openPictureGenerator(modelDirectory: decoder, prior: nil, loading: loading)
            #expect(generator.request(prompt: "a") == apart.request(prompt: "a"))
            #expect(try await allPictures(try #require(generator as? UnCLIPPipeline), Self.request) == expected)
            let surplus = #expect(throws: PipelineError.self) {
                try openPictureGenerator(modelDirectory: decoder, prior: prior)
            }
            #expect(surplus?.description.contains("a \(name) has its prior beside it") == true)

            joined["prior_prior"] = nil
            try JSONSerialization.data(withJSONObject: joined)
                .write(to: URL(fileURLWithPath: "\(decoder)/model_index.json"))
            let missing = #expect(throws: PipelineError.self) { try openPictureGenerator(modelDirectory: decoder) }
            #expect(missing?.description.contains("names no part \"prior_prior\"") == true)
        }
    }

    @Test("A directory of a prior alone is told to be one")
    func priorAsModel() throws {
        let error = #expect(throws: PipelineError.self) {
            try openPictureGenerator(modelDirectory: "\(KandinskyModel.fixtures)/prior")
        }
        #expect(error?.description.contains("makes image embeddings alone; give it as the prior (--prior)") == true)
    }

    private func length(_ a: [Float]) -> Double { a.reduce(0) { $0 + Double($1 * $1) }.squareRoot() }

    private func distance(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).map { abs($0 - $1) }.max() ?? .infinity }

    private func angle(_ a: [Float], _ b: [Float]) -> Double {
        let product = zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        return acos(min(max(product / (length(a) * length(b)), -1), 1))
    }
}
