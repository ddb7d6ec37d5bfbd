import Foundation
import LienzoCheckpoints
import LienzoPipelines
import LienzoTorch
import TestSupport
import Testing

@Suite("Model directories")
struct ModelDirectoryTests {
    /// What a person or a broken download can do to a model directory.
    struct Damage: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// What the sentence must tell.
        let mentions: [String]
        let apply: @Sendable (_ folder: String) throws -> Void
    }

    static let damages: [Damage] = [
        Damage(testDescription: "no index", mentions: ["model_index.json is missing"]) {
            try FileManager.default.removeItem(atPath: "\($0)/model_index.json")
        },
        Damage(testDescription: "an index that is no JSON", mentions: ["model_index.json is not a JSON object"]) {
            try "pictures".write(toFile: "\($0)/model_index.json", atomically: true, encoding: .utf8)
        },
        Damage(testDescription: "an index without the prior", mentions: ["no part \"prior\""]) {
            try replace("\"prior\":", "\"_prior\":", in: "\($0)/model_index.json")
        },
        Damage(testDescription: "another class", mentions: ["\"unet\"", "UNet2DModel", "UNet2DConditionModel"]) {
            try replace("UNet2DConditionModel", "UNet2DModel", in: "\($0)/model_index.json")
        },
        Damage(testDescription: "no configuration", mentions: ["prior/config.json is missing"]) {
            try FileManager.default.removeItem(atPath: "\($0)/prior/config.json")
        },
        Damage(testDescription: "a configuration that is no JSON", mentions: ["autoencoder/config.json", "JSON"]) {
            try "{".write(toFile: "\($0)/autoencoder/config.json", atomically: true, encoding: .utf8)
        },
        Damage(testDescription: "an unknown scheduler", mentions: ["EDMEulerScheduler"]) {
            try replace("DDIMScheduler\",", "EDMEulerScheduler\",", in: "\($0)/scheduler/scheduler_config.json")
        },
        Damage(testDescription: "parts that do not fit", mentions: ["the prior takes 13 text tokens", "12"]) {
            try replace("\"num_embeddings\": 12", "\"num_embeddings\": 13", in: "\($0)/prior/config.json")
        },
        Damage(testDescription: "no weights", mentions: ["unet/diffusion_pytorch_model.safetensors", "no such file"]) {
            try FileManager.default.removeItem(atPath: "\($0)/unet/\(weights)")
        },
        Damage(testDescription: "text in place of weights", mentions: ["unet/diffusion_pytorch_model.safetensors"]) {
            try "weights".write(toFile: "\($0)/unet/\(weights)", atomically: true, encoding: .utf8)
        },
        Damage(testDescription: "a missing tensor", mentions: ["prior/", "proj_in.weight"]) {
            try rewrite("\($0)/prior/\(weights)") { $0["proj_in.weight"] = nil }
        },
        Damage(testDescription: "a misshapen tensor", mentions: ["unet/", "conv_in.bias", "[3]", "[8]"]) {
            try rewrite("\($0)/unet/\(weights)") { $0["conv_in.bias"] = Tensor.zeros([3]) }
        },
        Damage(testDescription: "a surplus tensor", mentions: ["autoencoder/", "lora"]) {
            try rewrite("\($0)/autoencoder/\(weights)") { $0["lora"] = Tensor.zeros([3]) }
        },
    ]

    private static let weights = "diffusion_pytorch_model.safetensors"

    @Test("What is wrong with a directory is one sentence", arguments: damages)
    func damaged(_ damage: Damage) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lienzo-\(UUID())").path
        try FileManager.default.copyItem(atPath: TinyModel.path, toPath: folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try damage.apply(folder)
        let error = await #expect(throws: (any Error).self) { try await TinyModel.pipeline(folder).prepare() }
        let sentence = error.map { "\($0)" } ?? ""
        for part in damage.mentions { #expect(sentence.contains(part)) }
        #expect(!sentence.contains("\n"))
    }

    @Test("Unknown keys are reported and change nothing")
    func unknownKeys() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "lienzo-\(UUID())").path
        try FileManager.default.copyItem(atPath: TinyModel.path, toPath: folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Self.replace("\"num_layers\"", "\"flux\": 3, \"num_layers\"", in: "\(folder)/prior/config.json")
        var notices: [String] = []
        let request = GenerationRequest(prompt: "a lion", steps: 1, priorSteps: 2)
        for try await case .notice(let notice) in try TinyModel.pipeline(folder).generate(request) {
            notices.append(notice)
        }
        #expect(
            notices == ["The configuration of the model's prior has keys that are not known and change nothing: flux."]
        )
    }

    @Test("A folder that is not there is one sentence")
    func absent() throws {
        let error = #expect(throws: PipelineError.self) { try ModelDirectory("/nowhere/at/all") }
        #expect(error?.description == "The model at /nowhere/at/all cannot be loaded: there is no such folder.")
    }

    @Test("In a cache of the hub, a model that does not say its name has its id", arguments: ["org--name", "name"])
    func nameInCache(folder: String) throws {
        try withTemporaryFolder { cache in
            let path = "\(cache)/models--\(folder)/snapshots/0123"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            try Data("{}".utf8).write(to: URL(fileURLWithPath: "\(path)/model_index.json"))
            #expect(try ModelDirectory(path).name == folder.replacingOccurrences(of: "--", with: "/"))
        }
    }

    @Test("Name and version are the index's")
    func name() throws {
        let directory = try ModelDirectory(TinyModel.path)
        #expect(directory.name == "tiny")
        #expect(directory.version == "0")
    }

    private static func replace(_ old: String, _ new: String, in path: String) throws {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try #require(text.contains(old))
        try text.replacing(old, with: new).write(toFile: path, atomically: true, encoding: .utf8)
    }

    private static func rewrite(_ path: String, change: (inout [String: Tensor]) -> Void) throws {
        try torchScope {
            let file = try SafetensorsFile(path)
            var tensors: [String: Tensor] = [:]
            for name in file.names { tensors[name] = try file.tensor(named: name).copy() }
            change(&tensors)
            try writeSafetensors(tensors.map { ($0.key, $0.value) }, to: path)
        }
    }
}
