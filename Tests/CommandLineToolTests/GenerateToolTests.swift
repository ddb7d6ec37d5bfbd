import Foundation
import TestSupport
import Testing

/// `lienzo generate` and `lienzo compare` as processes, with the shipped model.
@Suite(.tags(.slow))
struct GenerateToolTests {
    private struct Generated: Decodable {
        struct Picture: Decodable {
            let path: String
            let seed: UInt64
            let width: Int
            let height: Int
        }
        let model: String
        let prompt: String
        let images: [Picture]
        let seconds: [String: Double]
    }

    private struct Compared: Decodable {
        struct Picture: Decodable {
            let path: String
            let cosine: [Double]
            let probability: [Double]
        }
        struct Skipped: Decodable {
            let path: String
            let reason: String
        }
        let model: String
        let texts: [String]
        let images: [Picture]
        let skipped: [Skipped]
    }

    @Test func `generate writes pictures that inspect and compare understand`() throws {
        try withTemporaryFolder { folder in
            let tool = Tool(folder: folder)
            let made = try tool("generate", "a red apple", "--seed", "3", "--count", "2", "--steps", "4", "--json")
            #expect(made.status == 0, "\(made.errors)")
            let report = try JSONDecoder().decode(Generated.self, from: Data(made.output.utf8))
            #expect(report.prompt == "a red apple")
            #expect(report.images.map(\.seed) == [3, 4])
            #expect(report.images.allSatisfy { $0.width == 128 && $0.height == 128 })
            #expect(try #require(report.seconds["total"]) > 0)

            let path = try #require(report.images.first?.path)
            let inspected = try tool("inspect", path)
            #expect(inspected.output.contains("a red apple"))
            #expect(inspected.output.contains("3"))

            try Data("no picture".utf8).write(to: URL(fileURLWithPath: "\(folder)/text.png"))
            let compared = try tool("compare", path, "text.png", "--text", "a red apple", "--text", "a bus", "--json")
            #expect(compared.status == 1 && compared.lastError.contains("1 of 2 inputs"), "\(compared.errors)")
            let table = try JSONDecoder().decode(Compared.self, from: Data(compared.output.utf8))
            #expect(table.texts == ["a red apple", "a bus"])
            #expect(table.images.count == 1)
            #expect(abs(try #require(table.images.first).probability.reduce(0, +) - 1) < 1e-4)
            #expect(table.skipped.map(\.path) == ["text.png"])
        }
    }

    @Test func `the same seed gives the same bytes, another seed others`() throws {
        try withTemporaryFolder { folder in
            let tool = Tool(folder: folder)
            for (seed, file) in [("1", "a.png"), ("1", "b.png"), ("2", "c.png")] {
                let made = try tool("generate", "a house", "--steps", "2", "--seed", seed, "--output", file)
                #expect(made.output == "\(file)\n", "\(made.errors)")
            }
            let files = try ["a", "b", "c"].map { try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0).png")) }
            #expect(files[0] == files[1])
            #expect(files[0] != files[2])
        }
    }

    private static let failures: [(arguments: [String], status: Int32)] = [
        (["generate", ""], 64), (["generate", "a", "--steps", "0"], 64), (["generate", "a", "--guidance", "x"], 64),
        (["generate", "a", "--output", "a.jpg"], 64), (["generate", "a", "--output", "nowhere/a.png"], 1),
        (["generate", "a", "--output", "/proc/a.png"], 1),
        (["generate", "a", "--model", "nowhere"], 1), (["compare", "nowhere.png", "--text", "a"], 1),
        (["compare", "--text", "a"], 64), (["inspect", "nowhere.png"], 1), (["paint"], 64),
        (["train", "decoder", "--model", "nowhere", "--run", "run"], 1),
        (["train", "decoder", "--model", "openai/clip", "--run", "run"], 1),
    ]

    @Test(arguments: failures)
    func `what cannot be done ends in a sentence and the exit code, and leaves no file`(
        arguments: [String],
        status: Int32
    ) throws {
        try withTemporaryFolder { folder in
            let result = try Tool(folder: folder).run(arguments)
            #expect(result.status == status, "\(result.errors)")
            #expect(result.output.isEmpty)
            let sentence = try #require(result.errors.split(separator: "\n").first { $0.hasPrefix("lienzo: ") })
            #expect(sentence.hasSuffix(".") && sentence.split(separator: " ").count > 3, "\(sentence)")
            let files = try FileManager.default.subpathsOfDirectory(atPath: folder)
            #expect(files.allSatisfy { $0.hasPrefix("run") }, "\(files)")
        }
    }
}
