import Foundation
import LienzoImages
import LienzoPipelines
import LienzoTorch

/// Answers, over standard input and output, how long a dual encoder takes, so that another program can measure it in
/// alternation with its peers.
///
///     LienzoBenchmark encoder MODEL fp32|bf16
///
/// A line `image N` puts N pictures through, `text N` N texts that fill the context, `short N` N texts of a few words;
/// the answer is a line with milliseconds. Pictures and texts are made before, and embeddings end as arrays of numbers.
enum EncoderBenchmark {
    static func run(_ arguments: [String]) async throws {
        guard arguments.count == 2, let type = ["fp32": DType.float32, "bf16": .bfloat16][arguments[1]] else {
            throw BenchmarkError("expected: encoder MODEL fp32|bf16")
        }
        Engine.prepare()
        let pipeline = try CLIPPipeline(modelDirectory: arguments[0], device: .cpu, computeType: type)
        var pictures: [PreparedPicture] = []
        while let line = readLine() {
            let words = line.split(separator: " ")
            guard words.count == 2, let count = Int(words[1]), 1...4096 ~= count else {
                throw BenchmarkError("expected: image N, text N or short N")
            }
            while words[0] == "image", pictures.count < count {
                let grey = UInt8(pictures.count % 256)
                let color = Color(red: grey, green: 255 - grey, blue: 128)
                pictures.append(try pipeline.prepare(Image(width: 224, height: 224, filledWith: color)))
            }
            let text = words[0] == "short" ? "a photo of a red apple" : String(repeating: "x ", count: 100)
            let texts = [String](repeating: text, count: count)
            let start = ContinuousClock.now
            if words[0] == "image" {
                _ = try await pipeline.embed(Array(pictures[..<count]), normalized: false, batch: count)
            } else {
                _ = try await pipeline.embed(texts: texts, normalized: false, batch: count)
            }
            let milliseconds = (ContinuousClock.now - start) / .milliseconds(1)
            try FileHandle.standardOutput.write(contentsOf: Data("\(milliseconds)\n".utf8))
        }
    }
}
