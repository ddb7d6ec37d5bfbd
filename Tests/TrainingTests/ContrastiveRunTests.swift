import Foundation
import LienzoCheckpoints
import LienzoImages
import LienzoModels
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoData
@testable import LienzoTraining

/// A contrastive run from shards to the folder of the model, on a handful of plain squares.
@Suite(.tags(.slow)) struct ContrastiveRunTests {
    private static let colors: [(name: String, color: Color)] = [
        ("red", Color(red: 255, green: 0, blue: 0)), ("green", Color(red: 0, green: 255, blue: 0)),
        ("blue", Color(red: 0, green: 0, blue: 255)), ("yellow", Color(red: 255, green: 255, blue: 0)),
        ("white", .white), ("black", .black),
    ]

    /// Two shards of six squares each, and a configuration of a tiny model.
    private func prepare(_ folder: String) throws -> (shards: [String], architecture: String) {
        let shards = try (0..<2).map { shard in
            let path = "\(folder)/\(shard).tar"
            var tar = try TarWriter(path: path)
            for (index, entry) in Self.colors.enumerated() {
                let key = "\(shard)-\(index)"
                let image = try Image(width: 40 + index, height: 40, filledWith: entry.color)
                try tar.add("\(key).png", image.png())
                try tar.add("\(key).txt", Array("a \(entry.name) square\n\(entry.name)\nsomething \(entry.name)".utf8))
            }
            _ = try tar.finish()
            return path
        }
        let json = """
            {"embed_dim": 16, "vision_cfg": {"layers": 1, "width": 32, "head_width": 16, "patch_size": 16, "image_size": 32},
             "text_cfg": {"context_length": 8, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}}
            """
        try Data(json.utf8).write(to: URL(fileURLWithPath: "\(folder)/tiny.json"))
        return (shards, "\(folder)/tiny.json")
    }

    private var plan: TrainingPlan {
        var plan = ContrastiveRun.plan
        (plan.steps, plan.batch, plan.learningRate, plan.warmUp, plan.averageDecay) = (7, 4, 1e-3, 2, 0.5)
        return plan
    }

    /// Trains until `steps` are done in this session.
    private func train(
        _ folder: String,
        run: String,
        steps: Int = .max,
        group: ProcessGroup = ProcessGroup()
    ) throws -> [String] {
        let (shards, architecture) = (["\(folder)/0.tar", "\(folder)/1.tar"], "\(folder)/tiny.json")
        if !FileManager.default.fileExists(atPath: architecture) { _ = try prepare(folder) }
        var settings = ContrastiveSettings(shards: shards, run: "\(folder)/\(run)", output: "\(folder)/\(run)/model")
        settings.validation = [shards[1]]
        settings.bufferSize = 4
        settings.streams = 2
        settings.computeType = .float32
        settings.logSteps = 1
        var done = 0
        var written: [String] = []
        try ContrastiveRun(ContrastiveModel(architecture: architecture), plan: plan, settings: settings, group: group)
            .run(
                isCancelled: { done >= steps },
                report: { event in
                    switch event {
                    case .progress: done += 1
                    case .wrote(let path): written.append(path)
                    case .preparing: break
                    }
                }
            )
        return written
    }

    @Test("A run that is stopped twice ends in the checkpoint of one that is not, number for number")
    func resumption() throws {
        try withTemporaryFolder { folder in
            #expect(try train(folder, run: "whole").count == 1)
            for steps in [2, 3] { #expect(try train(folder, run: "parts", steps: steps).isEmpty) }
            #expect(try train(folder, run: "parts").count == 1)
            let name = "checkpoint-00000007.safetensors"
            let (whole, parts) = (
                try SafetensorsFile("\(folder)/whole/\(name)"), try SafetensorsFile("\(folder)/parts/\(name)")
            )
            #expect(whole.names == parts.names && whole.names.contains("task.streams"))
            try torchScope {
                for name in whole.names {
                    let (a, b) = (try whole.tensor(named: name), try parts.tensor(named: name))
                    #expect(a.bytes() == b.bytes(), "\(name)")
                }
            }
            let logs = try ["whole", "parts"].map {
                try String(contentsOfFile: "\(folder)/\($0)/log.jsonl", encoding: .utf8)
            }
            #expect(logs[0] == logs[1])
            #expect(logs[0].contains("caption R@5"))
            for file in ["loss.svg", "loss.png", "model/open_clip_config.json", "model/open_clip_model.safetensors"] {
                #expect(FileManager.default.fileExists(atPath: "\(folder)/whole/\(file)"), "\(file)")
            }
        }
    }

    @Test("Two processes go on from where one stopped, and see what it would have seen")
    func resumptionInTwo() throws {
        try withTemporaryFolder { folder in
            _ = try train(folder, run: "whole")
            _ = try train(folder, run: "parts", steps: 3)
            // Only the first of them writes the model.
            let written = try together(2) { group in try train(folder, run: "parts", group: group).count }
            #expect(written == [1, 0])
            let logs = try ["whole", "parts"].map { try losses("\(folder)/\($0)/log.jsonl") }
            #expect(logs[0].count == 7 && logs[1].count == 7)
            // Float32 sums in another order.
            for (a, b) in zip(logs[0], logs[1]) { #expect(abs(a - b) < 1e-4 * a, "\(logs)") }
        }
    }

    @Test("Where one of two processes is stopped, the other stops at the same step and says why")
    func stoppingInTwo() throws {
        try withTemporaryFolder { folder in
            _ = try prepare(folder)
            let said = try together(2) { group -> String in
                do {
                    _ = try train(folder, run: "run", steps: group.rank == 1 ? 3 : .max, group: group)
                    return ""
                } catch { return "\(error)" }
            }
            #expect(said[0].contains("another process of this training was stopped") && said[1].isEmpty)
            #expect(FileManager.default.fileExists(atPath: "\(folder)/run/checkpoint-00000003.safetensors"))
        }
    }

    private func losses(_ path: String) throws -> [Double] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
            try JSONDecoder().decode(LogLine.self, from: Data($0.utf8)).loss
        }
    }

    @Test("The folder that a run writes is where the next one can begin")
    func startFromOutput() throws {
        try withTemporaryFolder { folder in
            let written = try #require(try train(folder, run: "first").first)
            let model = try ContrastiveModel(start: written)
            #expect(model.configuration.embeddingDimension == 16)
            var settings = ContrastiveSettings(
                shards: try prepare(folder).shards,
                run: "\(folder)/second",
                output: "\(folder)/b"
            )
            settings.locksImageTower = true
            settings.computeType = .float32
            try ContrastiveRun(model, plan: plan, settings: settings).run(isCancelled: { false }, report: { _ in })
            let (a, b) = (
                try SafetensorsFile("\(written)/open_clip_model.safetensors"),
                try SafetensorsFile("\(folder)/b/open_clip_model.safetensors")
            )
            try torchScope {
                for name in a.names where name != "logit_scale" {
                    let isSame = try a.tensor(named: name).bytes() == b.tensor(named: name).bytes()
                    #expect(isSame == name.hasPrefix("visual."), "\(name)")
                }
            }
        }
    }

    @Test("What cannot be is refused in a sentence")
    func refusals() throws {
        try withTemporaryFolder { folder in
            let (shards, architecture) = try prepare(folder)
            func refusal(_ change: (inout TrainingPlan, inout ContrastiveSettings) -> Void) throws -> String {
                var plan = plan
                var settings = ContrastiveSettings(shards: shards, run: "\(folder)/run", output: "\(folder)/out")
                change(&plan, &settings)
                let run = ContrastiveRun(
                    try ContrastiveModel(architecture: architecture),
                    plan: plan,
                    settings: settings
                )
                return try #require(
                    #expect(throws: TrainingError.self) { try run.run(isCancelled: { false }, report: { _ in }) }
                ).description
            }
            #expect(try refusal { $1.streams = 3 }.contains("2 shards for 3 streams"))
            #expect(
                try refusal {
                    $0.batch = 5; $1.streams = 2
                }.contains("a batch of 5 pairs")
            )
            #expect(try refusal { $1.parts = 3 }.contains("in 3 parts"))
            #expect(try refusal { $1.locksTextTower = true }.contains("--start"))
            #expect(throws: TrainingError.self) { try ContrastiveModel(architecture: "ViT-Z/1") }
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/out"))
        }
    }

    @Test("A sample that cannot be read is passed over and told; shards of nothing else end the run")
    func badSamples() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/bad.tar"
            var tar = try TarWriter(path: path)
            for index in 0..<3 {
                let image = try Image(width: 8, height: 8, filledWith: .white)
                try tar.add("\(index).png", index == 1 ? [1, 2, 3] : image.png())
                try tar.add("\(index).txt", Array("\(index)".utf8))
            }
            _ = try tar.finish()
            let model = try ContrastiveModel(architecture: try prepare(folder).architecture)
            func reader(_ shard: String, _ note: @escaping @Sendable (String) -> Void) throws -> PairReader {
                let settings = PairSettings(
                    shards: [shard],
                    streams: 1,
                    perStream: 6,
                    bufferSize: 2,
                    seed: 1,
                    crop: RandomResizedCrop(side: 8),
                    tokenizer: model.tokenizer,
                    contextLength: 8
                )
                return try PairReader(settings, states: [settings.start(of: 0)], first: 0, note: note)
            }
            let batch = try reader(path) { #expect($0.contains("passed over")) }.next()
            #expect(batch.count == 6 && batch.states[0].epoch >= 2)

            var empty = try TarWriter(path: "\(folder)/none.tar")
            try empty.add("0.png", [0])
            _ = try empty.finish()
            #expect(throws: DataError.self) { try reader("\(folder)/none.tar") { _ in }.next() }
        }
    }
}
