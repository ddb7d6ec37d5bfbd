import Foundation
import LienzoImages
import TestSupport
import Testing

/// `lienzo train` on a handful of pictures with mini's configurations and its dual encoder.
@Suite(.tags(.slow))
struct TrainToolTests {
    private struct Trained: Decodable {
        let stage: String
        let steps: Int
        let loss: Double?
        let evaluation: [String: Double]
        let weights: String?
    }

    /// Shards of plain squares as `tar` writes them, and a copy of mini that has no weights but the dual encoder's.
    private func prepare(_ folder: String) throws {
        let files = FileManager.default
        for split in ["train", "validation"] {
            let samples = "\(folder)/\(split)"
            try files.createDirectory(atPath: samples, withIntermediateDirectories: true)
            for (number, name) in ["red", "green", "blue", "white"].enumerated() {
                var color: [UInt8] = [0, 0, 0]
                if number < 3 { color[number] = 255 } else { color = [255, 255, 255] }
                let pixels = (0..<64 * 64).flatMap { _ in color }
                try Image(width: 64, height: 64, channels: 3, pixels: pixels).write(to: "\(samples)/\(number).png")
                let captions = #"{"captions": {"en": ["\#(name) square"], "es": ["cuadrado"]}}"#
                try Data(captions.utf8).write(to: URL(fileURLWithPath: "\(samples)/\(number).json"))
            }
            let tar = try Tool(folder: folder).shell(
                "tar --mtime=@0 -cf \(split)-00000.tar -C \(split) --sort=name $(ls \(split))"
            )
            #expect(tar.status == 0, "\(tar.errors)")
        }
        let mini = Clone.mini
        for part in ["autoencoder", "prior", "prior_scheduler", "scheduler", "unet"] {
            try files.createDirectory(atPath: "\(folder)/model/\(part)", withIntermediateDirectories: true)
            for file in try files.contentsOfDirectory(atPath: "\(mini)/\(part)") where file.hasSuffix(".json") {
                try files.copyItem(atPath: "\(mini)/\(part)/\(file)", toPath: "\(folder)/model/\(part)/\(file)")
            }
        }
        try files.copyItem(atPath: "\(mini)/model_index.json", toPath: "\(folder)/model/model_index.json")
        try files.createSymbolicLink(atPath: "\(folder)/model/clip", withDestinationPath: "\(mini)/clip")
    }

    @Test func `autoencoder, prior and decoder make a model directory that generates`() throws {
        try withTemporaryFolder { folder in
            try prepare(folder)
            let tool = Tool(folder: folder)
            for stage in ["autoencoder", "prior", "decoder"] {
                let result = try tool(
                    "train",
                    stage,
                    "--model",
                    "model",
                    "--data",
                    ".",
                    "--run",
                    "runs/\(stage)",
                    "--steps",
                    "2",
                    "--batch",
                    "2",
                    "--json"
                )
                #expect(result.status == 0, "\(stage): \(result.errors)")
                let report = try JSONDecoder().decode(Trained.self, from: Data(result.output.utf8))
                #expect(report.steps == 2)
                #expect(try #require(report.loss).isFinite)
                #expect(report.evaluation.values.allSatisfy(\.isFinite) && !report.evaluation.isEmpty)
                #expect(FileManager.default.fileExists(atPath: "\(folder)/\(try #require(report.weights))"))
            }
            // The decoder took the embeddings that were made for the prior.
            let encoded = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/runs/encoded")
            #expect(encoded.filter { $0.hasSuffix("-embeddings.safetensors") }.count == 2)
            #expect(encoded.filter { $0.hasSuffix("-latents.safetensors") }.count == 2)
            // A run that begins with weights begins where they are.
            let weights = "trained.safetensors"
            try FileManager.default.copyItem(
                atPath: "\(folder)/model/unet/diffusion_pytorch_model.safetensors",
                toPath: "\(folder)/\(weights)"
            )
            let arguments = [
                "train", "decoder", "--model", "model", "--data", ".", "--steps", "1", "--batch", "2",
                "--learning-rate", "1e-9", "--json",
            ]
            func loss(_ more: String...) throws -> Double {
                let result = try tool.run(arguments + more)
                #expect(result.status == 0, "\(result.errors)")
                return try #require(JSONDecoder().decode(Trained.self, from: Data(result.output.utf8)).loss)
            }
            let fresh = try loss("--run", "runs/fresh")
            let trained = try loss("--run", "runs/again", "--start", weights)
            #expect(fresh != trained)
            #expect(try loss("--run", "runs/again-2", "--start", weights) == trained)

            let made = try tool("generate", "a red square", "--model", "model", "--steps", "2", "--output", "a.png")
            #expect(made.status == 0, "\(made.errors)")
        }
    }

    @Test func `a checkpoint that does not fit ends the training in a sentence and leaves nothing half-written`() throws
    {
        try withTemporaryFolder { folder in
            try prepare(folder)
            // No file may grow beyond 1 MiB, so the checkpoint fails while it is written, as on a full disk.
            let result = try Tool(folder: folder).shell(
                "trap '' XFSZ; ulimit -f 2048; exec .build/release/lienzo train autoencoder --model model --data . "
                    + "--run run --steps 1 --batch 1"
            )
            #expect(result.status == 1, "\(result.errors)")
            #expect(result.lastError.contains("checkpoint-00000001.safetensors could not be written"))
            #expect(result.lastError.hasSuffix("."))
            let left = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/run")
            #expect(Set(left) == ["plan.json", "log.jsonl", ".lock"])
        }
    }

    @Test func `a run does not go on with other pictures or other weights`() throws {
        try withTemporaryFolder { folder in
            try prepare(folder)
            let tool = Tool(folder: folder)
            let arguments = [
                "train", "autoencoder", "--model", "model", "--data", ".", "--run", "run", "--steps", "1", "--batch",
                "1",
            ]
            let first = try tool.run(arguments)
            #expect(first.status == 0, "\(first.status) \(first.errors)")
            #expect(try tool.run(arguments).status == 0, "the same run again")
            let fewer = try tool.run(arguments + ["--pictures", "2"])
            #expect(fewer.status == 1)
            #expect(fewer.lastError.contains("--pictures was all and is 2"))
            try FileManager.default.removeItem(atPath: "\(folder)/train-00000.tar")
            try FileManager.default.copyItem(
                atPath: "\(folder)/validation-00000.tar",
                toPath: "\(folder)/train-00000.tar"
            )
            #expect(try tool.run(arguments).status == 0, "a copy with the same bytes is the same")
            let tar = try tool.shell("rm train/0.*; tar -cf train-00000.tar -C train --sort=name $(ls train)")
            #expect(tar.status == 0, "\(tar.errors)")
            let others = try tool.run(arguments)
            #expect(others.status == 1)
            #expect(others.lastError.contains("data/train-00000.tar"))
        }
    }

    @Test func `a stage whose forerunner is missing says which to train`() throws {
        try withTemporaryFolder { folder in
            try prepare(folder)
            let result = try Tool(folder: folder)("train", "decoder", "--model", "model", "--data", ".")
            #expect(result.status == 1)
            #expect(result.lastError.contains("lienzo train autoencoder --model model"))
        }
    }
}
