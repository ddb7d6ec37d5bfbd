import Foundation
import LienzoImages
import TestSupport
import Testing

/// `lienzo train contrastive` in one process and in two, on a handful of plain squares.
@Suite(.tags(.slow))
struct TrainContrastiveToolTests {
    private static let options =
        "--architecture tiny.json --batch 8 --buffer 3 --warm-up 1 --learning-rate 1e-3 --precision fp32 "
        + "--evaluate-every 1"

    /// Two shards of six squares each, a validation shard, and a configuration of a tiny model.
    private func prepare(_ folder: String) throws {
        for split in ["0", "1", "validation"] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(split)", withIntermediateDirectories: true)
            for (index, name) in ["red", "green", "blue", "cyan", "pink", "white"].enumerated() {
                let color = Color(red: UInt8(40 * index), green: split == "0" ? 255 : 90, blue: UInt8(255 - 50 * index))
                try Image(width: 36, height: 40, filledWith: color).write(
                    to: "\(folder)/\(split)/\(split)-\(index).png"
                )
                try Data("a \(name) square \(split)\n\(name) \(index)".utf8)
                    .write(to: URL(fileURLWithPath: "\(folder)/\(split)/\(split)-\(index).txt"))
            }
            let tar = try Tool(folder: folder).shell("cd \(split) && tar --mtime=@0 --sort=name -cf ../\(split).tar *")
            #expect(tar.status == 0, "\(tar.errors)")
        }
        try Data(
            """
            {"embed_dim": 16, "vision_cfg": {"layers": 1, "width": 32, "head_width": 16, "patch_size": 16, "image_size": 32},
             "text_cfg": {"context_length": 8, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}}
            """.utf8
        ).write(to: URL(fileURLWithPath: "\(folder)/tiny.json"))
    }

    private struct Line: Decodable {
        let step: Int
        let loss: Double
        let evaluation: [String: Double]
    }

    private func log(_ path: String) throws -> [Line] {
        try String(contentsOfFile: "\(path)/log.jsonl", encoding: .utf8).split(separator: "\n").map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8))
        }
    }

    @Test func `two processes take the steps that one takes, and their model embeds`() throws {
        try withTemporaryFolder { folder in
            try prepare(folder)
            let tool = Tool(folder: folder)
            let command =
                "exec .build/release/lienzo train contrastive --shards 0.tar 1.tar --validation validation.tar "
                + "--steps 6 \(Self.options)"
            let one = try tool.shell("\(command) --run one --streams 2")
            #expect(one.status == 0, "\(one.errors)")
            let port = try freePort()
            let two = try tool.shell(
                "export MASTER_ADDR=127.0.0.1 MASTER_PORT=\(port) WORLD_SIZE=2; (RANK=1 \(command) --run two) & "
                    + "(RANK=0 \(command) --run two); first=$?; wait $! && exit $first"
            )
            #expect(two.status == 0, "\(two.errors)")
            let (alone, together) = (try log("\(folder)/one"), try log("\(folder)/two"))
            #expect(alone.count == 6 && together.count == 6)
            for (a, b) in zip(alone, together) {
                // Float32 sums in another order, over six steps.
                #expect(abs(a.loss - b.loss) < 1e-4 * a.loss, "step \(a.step): \(a.loss), in two \(b.loss)")
                let (held, same) = (a.evaluation["loss"] ?? 0, b.evaluation["loss"] ?? 1)
                #expect(abs(held - same) < 1e-4 * held, "step \(a.step), held out: \(held), in two \(same)")
            }
            // Other samples would show: a process that reads all shards in one stream sees others.
            let other = try tool.shell("\(command) --run other")
            #expect(other.status == 0, "\(other.errors)")
            #expect(try zip(log("\(folder)/other"), alone).contains { abs($0.loss - $1.loss) > 1e-3 * $1.loss })

            let embedded = try tool("embed", "--model", "two/model", "--images", "0/0-1.png", "--texts", "red")
            #expect(embedded.status == 0, "\(embedded.errors)")
        }
    }

    @Test func `wrong usage and wrong files end in a sentence`() throws {
        try withTemporaryFolder { folder in
            try prepare(folder)
            let tool = Tool(folder: folder)
            func refused(_ arguments: String, environment: String = "") throws -> Tool.Result {
                try tool.shell("\(environment) .build/release/lienzo train contrastive \(arguments)")
            }
            for (arguments, code, words) in [
                ("--shards 0.tar", Int32(64), "--architecture"),
                ("--shards 0.tar --architecture tiny.json --batch 1", 64, "--batch"),
                ("--shards 0.tar --architecture tiny.json --backend nccl", 64, "no NCCL"),
                ("--shards no.tar --architecture tiny.json", 1, "no.tar"),
                ("--shards 0.tar --architecture ViT-Q/3", 1, "ViT-B-32"),
                ("--shards 0.tar --architecture tiny.json --lock-image", 64, "--start"),
                ("--shards 0.tar --architecture tiny.json --accumulate 99", 64, "--accumulate is 99"),
                ("--shards 0.tar --start nope/x", 1, "'lienzo models pull nope/x' brings it"),
                ("--shards 0.tar --architecture tiny.json --batch 8", 1, "have 6 samples and a step takes 8 of them"),
                ("--shards 0.tar --architecture tiny.json --run /proc/x", 1, "/proc/x could not be written"),
                ("--shards 0.tar --architecture tiny.json --run tiny.json", 1, "tiny.json is a file"),
                ("--shards 0.tar --architecture tiny.json --output 0.tar/x", 1, "0.tar is a file"),
                ("--shards 0.tar --start tiny.json --lock-image", 1, "tiny.json"),
            ] {
                let result = try refused(arguments)
                #expect(result.status == code, "\(arguments): \(result.errors)")
                #expect(result.errors.contains(words), "\(arguments): \(result.errors)")
                if code == 1 { #expect(result.errors.split(separator: ". ").count == 1, "\(result.errors)") }
            }
            let options = "--shards 0.tar 1.tar \(Self.options) --steps 1 --validation validation.tar --run run"
            #expect(try refused(options).status == 0)
            let plan = try refused("\(options) --seed 7 --weight-decay 0.1")
            let numbers = "run/plan.json): seed was 0 and is 7, weightDecay was 0.2 and is 0.1; give the same"
            #expect(plan.status == 1 && plan.lastError.contains(numbers), "\(plan.errors)")
            let shards = try refused(options.replacing("0.tar 1.tar", with: "1.tar 0.tar"))
            let order = /shard 1 was 0.tar \(\d+ bytes\) and is 1.tar \(\d+ bytes\), shard 2 was 1.tar/
            #expect(shards.status == 1 && shards.lastError.contains(order), "\(shards.errors)")
            let half = try refused("--shards 0.tar --architecture tiny.json", environment: "WORLD_SIZE=2 RANK=7")
            #expect(half.status == 1 && half.lastError.contains("MASTER_ADDR"), "\(half.errors)")
        }
    }
}
