import Foundation
import LienzoCheckpoints
import LienzoImages
import LienzoModels
import LienzoNN
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoPipelines

/// A tiny random checker against diffusers': `Tools/reference/pipelines_safety_checker.py`.
@Suite("The safety checker, against the reference", .tags(.parity))
struct SafetyCheckerParityTests {
    static func checker(_ folder: String) throws -> PictureChecker {
        func json(_ file: String) throws -> Data {
            try Data(contentsOf: URL(filePath: StableDiffusionRun.fixture("checked/\(file)")))
        }
        let configuration = try SafetyCheckerConfiguration(
            json: json("safety_checker/config.json"),
            preprocessor: json("feature_extractor/preprocessor_config.json")
        )
        return try PictureChecker(configuration, folder, PartLoader(LoadingOptions(computeType: .float32)))
    }

    static func picture(_ name: String) throws -> Image {
        guard name == "sd1.text" else { return try StableDiffusionRun.image("\(name).png") }
        let run = try #require(StableDiffusionRun.all.first { $0.name == name })
        let pixels = try run.expected("pixels")
        return try Image(
            width: pixels.size(1),
            height: pixels.size(0),
            channels: 3,
            pixels: pixels.elements(as: UInt8.self)
        )
    }

    static func expected(_ picture: String, _ kind: String) throws -> [Float] {
        let file = try SafetensorsFile(StableDiffusionRun.fixture("checked/expected.safetensors"))
        return try torchScope { try file.tensor(named: "\(picture).\(kind)").to(.float32).floats() }
    }

    /// Near to nothing; near to a special concept, whose 0.01 makes another one near; near to a concept.
    @Test(
        "scores and decisions are the reference's, to its three decimals",
        arguments: [("picture", false), ("mask", true), ("sd1.text", true)]
    )
    func scores(picture: String, isFlagged: Bool) throws {
        let scores = try Self.checker(StableDiffusionRun.fixture("checked/safety_checker")).scores(
            Self.picture(picture)
        )
        #expect(scores.special == (try Self.expected(picture, "special")))
        #expect(scores.concepts == (try Self.expected(picture, "concepts")))
        #expect(scores.isFlagged == isFlagged)
        #expect(try Self.expected(picture, "flagged") == [isFlagged ? 1 : 0])
    }

    @Test("files of old versions, whose tower is one module deeper, are the same; a swapped weight is noticed")
    func names() throws {
        try withTemporaryFolder { folder in
            let source = try SafetensorsFile(
                StableDiffusionRun.fixture("checked/safety_checker/model.safetensors")
            )
            func scores(_ renamed: (String) -> String) throws -> SafetyChecker.Scores {
                let tensors = try torchScope {
                    try source.names.sorted().map { (renamed($0), try source.tensor(named: $0)) }
                        + [("vision_model.vision_model.embeddings.position_ids", Tensor([Int64(0)]))]
                }
                try writeSafetensors(tensors, to: "\(folder)/model.safetensors")
                return try Self.checker(folder).scores(Self.picture("mask"))
            }
            let expected = try Self.expected("mask", "concepts")
            let old = try scores { $0.hasPrefix("vision_model.") ? "vision_model.\($0)" : $0 }
            #expect(old.concepts == expected)
            let norms = [1, 2].map { "vision_model.encoder.layers.0.layer_norm\($0).weight" }
            let swapped = try scores { $0 == norms[0] ? norms[1] : $0 == norms[1] ? norms[0] : $0 }
            #expect(swapped.concepts != expected)
        }
    }
}

@Suite("Pictures that a safety checker looks at")
struct SafetyCheckerTests {
    /// Calls `body` with the path of a copy of a model that has the checker, with other thresholds by so much.
    private func withCheckedModel(
        thresholdsBy change: Double = 0,
        _ body: (String) async throws -> Void
    ) async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "lienzo-\(UUID().uuidString)").path
        try FileManager.default.copyItem(atPath: StableDiffusionRun.fixture("sd1"), toPath: path)
        defer { try? FileManager.default.removeItem(atPath: path) }
        for part in ["safety_checker", "feature_extractor"] {
            try FileManager.default.copyItem(
                atPath: StableDiffusionRun.fixture("checked/\(part)"),
                toPath: "\(path)/\(part)"
            )
        }
        let index = URL(filePath: "\(path)/model_index.json")
        var parts = try #require(JSONSerialization.jsonObject(with: Data(contentsOf: index)) as? [String: Any])
        parts["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]
        parts["feature_extractor"] = ["transformers", "CLIPImageProcessor"]
        try JSONSerialization.data(withJSONObject: parts).write(to: index)
        if change != 0 {
            let weights = "\(path)/safety_checker/model.safetensors"
            let source = try SafetensorsFile(StableDiffusionRun.fixture("checked/safety_checker/model.safetensors"))
            let tensors = try torchScope {
                try source.names.sorted().map { name in
                    let tensor = try source.tensor(named: name)
                    return (name, name.hasSuffix("_weights") ? tensor + change : tensor)
                }
            }
            try writeSafetensors(tensors, to: weights)
        }
        try await body(path)
    }

    private func made(
        _ path: String,
        _ request: GenerationRequest,
        keepsParts: Bool = true
    ) async throws -> (image: Image, notices: [String]) {
        let pipeline = try StableDiffusionPipeline(
            modelDirectory: path,
            loading: LoadingOptions(computeType: .float32, keepsParts: keepsParts)
        )
        var (images, notices): ([Image], [String]) = ([], [])
        for try await event in pipeline.generate(request) {
            if case .picture(let picture) = event { images.append(picture.image) }
            if case .notice(let sentence) = event { notices.append(sentence) }
        }
        return (try #require(images.first), notices)
    }

    @Test(
        "a flagged picture is black and told, another stays, and the checker can be turned off",
        arguments: [(-2.0, true), (2.0, true), (-2.0, false), (2.0, false)]
    )
    func pictures(change: Double, keepsParts: Bool) async throws {
        try await withCheckedModel(thresholdsBy: change) { path in
            var request = StableDiffusionTests.request
            (request.width, request.height, request.checksSafety) = (24, 32, false)
            let plain = try await made(path, request)
            #expect(plain.notices.isEmpty && plain.image.pixels.contains { $0 != 0 })
            request.checksSafety = true
            let checked = try await made(path, request, keepsParts: keepsParts)
            guard change < 0 else {
                #expect(checked.image == plain.image && checked.notices.isEmpty)
                return
            }
            #expect(checked.image == (try Image(width: 24, height: 32, filledWith: .black)))
            #expect(
                checked.notices == [
                    "The safety checker finds that the picture of seed 7 shall not be shown; it is black instead."
                ]
            )
        }
    }

    @Test(
        "a checker that the model names and that is not there is an error, unless nobody asks for it",
        arguments: ["safety_checker/model.safetensors", "safety_checker", "feature_extractor/preprocessor_config.json"]
    )
    func missing(file: String) async throws {
        try await withCheckedModel { path in
            try FileManager.default.removeItem(atPath: "\(path)/\(file)")
            let error = await #expect(throws: (any Error).self) { try await made(path, StableDiffusionTests.request) }
            let name = try #require(file.split(separator: "/").last)
            #expect("\(try #require(error))".contains(name))
            var request = StableDiffusionTests.request
            request.checksSafety = false
            #expect(try await made(path, request).notices.isEmpty)
        }
    }
}
