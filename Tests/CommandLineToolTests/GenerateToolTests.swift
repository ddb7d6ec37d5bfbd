import Foundation
import LienzoImages
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

    @Test func `a picture is made again from what it says of itself`() throws {
        try withTemporaryFolder { folder in
            let tool = Tool(folder: folder)
            let made = try tool(
                "generate",
                "a red apple",
                "--steps",
                "4",
                "--candidates",
                "1",
                "--scheduler",
                "euler",
                "--negative",
                "blue",
                "--no-safety-checker",
                "--preview",
                "steps",
                "--preview-every",
                "2",
                "--output",
                "apple.png"
            )
            #expect(made.status == 0, "\(made.errors)")
            let recipe = try #require(try Image.text(ofPNGAt: "\(folder)/apple.png")["lienzo"])
            #expect(recipe.contains("\"checksSafety\":false"), "\(recipe)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder)/steps") == ["apple-step-2.png"])
            let again = try tool("again", "apple.png")
            #expect(
                again.output == "apple-again.png\n" && again.lastError.contains("the same picture"),
                "\(again.errors)"
            )

            let changed = try tool(
                "generate",
                "a red apple",
                "--init",
                "apple.png",
                "--steps",
                "4",
                "--output",
                "b.png"
            )
            #expect(changed.status == 0, "\(changed.errors)")
            try FileManager.default.copyItem(atPath: "\(folder)/b.png", toPath: "\(folder)/c.png")
            try Data("other".utf8).write(to: URL(fileURLWithPath: "\(folder)/apple.png"))
            let refused = try tool("again", "c.png")
            #expect(refused.status == 1 && refused.lastError.contains("apple.png is not the file"), "\(refused.errors)")
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/c-again.png"))
        }
    }

    @Test func `pictures of XL have a watermark or not, which inspect and again know`() throws {
        try withTemporaryFolder { folder in
            let tool = Tool(folder: folder)
            let model = "\(Clone.path)/Tests/PipelinesTests/Fixtures/stable-diffusion/xl"
            let request = [
                "generate", "a red apple", "--model", model, "--steps", "2", "--width", "256", "--height", "256",
            ]
            for (file, options, isMarked) in [("a.png", [String](), true), ("b.png", ["--no-watermark"], false)] {
                let made = try tool.run(request + options + ["--output", file])
                #expect(made.output == "\(file)\n", "\(made.errors)")
                #expect(Watermark.isIn(try Image(contentsOf: "\(folder)/\(file)")) == isMarked)
                let recipe = try #require(try Image.text(ofPNGAt: "\(folder)/\(file)")["lienzo"])
                #expect(recipe.contains("\"addsWatermark\":false") != isMarked, "\(recipe)")
                let shown = try tool("inspect", file)
                #expect(shown.output.contains("watermark: Stable Diffusion XL") == isMarked, "\(shown.output)")
                #expect(try tool("inspect", file, "--json").output.contains("\"watermark\" : \(isMarked)"))
                let again = try tool("again", file)
                #expect(again.errors.contains("the same picture"), "\(again.errors)")
            }
        }
    }

    @Test func `noise on image embeddings is for models that put it there`() throws {
        try withTemporaryFolder { folder in
            let tool = Tool(folder: folder)
            let fixtures = "\(Clone.path)/Tests/PipelinesTests/Fixtures"
            let request = [
                "vary", "\(fixtures)/stable-unclip/picture.png", "--model", "\(fixtures)/stable-unclip/pictures",
                "--steps", "2", "--width", "32", "--height", "32",
            ]
            let runs = [
                ("a.png", []), ("b.png", ["--embedding-noise", "300"]), ("c.png", ["--embedding-noise", "0"]),
            ]
            for (file, options) in runs {
                let made = try tool.run(request + options + ["--output", file])
                #expect(made.output == "\(file)\n", "\(made.errors)")
            }
            let pictures = try runs.map { try Image(contentsOf: "\(folder)/\($0.0)") }
            #expect(pictures[0] != pictures[1] && pictures[0] == pictures[2])
            #expect(try tool("again", "b.png").errors.contains("the same picture"))
            #expect(try tool("inspect", "b.png").output.contains("embedding noise 300"))

            let few = ["--steps", "2", "--prior-steps", "2", "--embedding-noise", "7"]
            for arguments in [["generate", "a lemon"], ["vary", "a.png"], ["blend", "a.png", "a lemon"]] {
                let refused = try tool.run(arguments + few)
                #expect(refused.status == 1)
                #expect(refused.lastError.contains("This model puts no noise on image embeddings"), "\(refused.errors)")
            }
        }
    }

    @Test func `pictures are varied, blended and shifted, and embeddings made before become pictures`() throws {
        try withTemporaryFolder { folder in
            let tool = Tool(folder: folder)
            let few = ["--steps", "2", "--prior-steps", "2"]
            func run(_ arguments: [String]) throws -> Tool.Result { try tool.run(arguments + few) }
            let made = try run(["generate", "a lemon", "--output", "lemon.png"])
            #expect(made.status == 0, "\(made.errors)")
            #expect(try run(["vary", "lemon.png"]).output == "lemon-varied-0.png\n")
            #expect(
                try run(["blend", "lemon.png", "a red apple", "--weights", "0.7,0.3"]).output
                    == "lemon-and-a-red-apple-0.png\n"
            )
            #expect(
                try run(["blend", "lemon.png", "a red apple", "--spherical", "--output", "s.png"]).output == "s.png\n"
            )
            let strip = try run(
                [
                    "shift", "lemon.png", "--from", "a lemon", "--to", "a heart", "--pictures", "2", "--output",
                    "strip.png",
                ]
            )
            #expect(strip.output == "strip.png\n", "\(strip.errors)")
            let prior = try run(["prior", "a lemon", "--candidates", "2", "--output", "e.safetensors"])
            #expect(prior.output == "e.safetensors\n" && prior.errors.contains("row 1"), "\(prior.errors)")
            let given = ["generate", "a lemon", "--image-embedding", "e.safetensors", "--output", "given.png"]
            #expect(try run(given + ["--embedding-row", "1"]).status == 0)
            #expect(try run(given + ["--embedding-row", "2"]).lastError.contains("There is no row 2"))
            #expect(try tool("again", "given.png").lastError.contains("the same picture"))
        }
    }

    @Test func `Stable Diffusion follows a hint through a control network, and makes the picture again`() throws {
        try withTemporaryFolder { folder in
            let tool = Tool(folder: folder)
            let fixtures = "\(Clone.path)/Tests/PipelinesTests/Fixtures"
            let network = "\(fixtures)/control/sd1"
            try FileManager.default.copyItem(atPath: "\(fixtures)/control/edges.png", toPath: "\(folder)/edges.png")
            func made(_ arguments: String...) throws -> Tool.Result {
                let model = ["--model", "\(fixtures)/stable-diffusion/sd1", "--steps", "2", "--output", "a.png"]
                return try tool.run(["generate", "a red apple", "--control", "edges.png"] + model + arguments)
            }
            let result = try made("--control-model", "\(network):0.8", "--control-to", "0.9", "--precision", "fp32")
            #expect(result.output == "a.png\n", "\(result.errors)")
            let picture = try Image(contentsOf: "\(folder)/a.png")
            #expect(picture.width == 40 && picture.height == 48)
            #expect(try tool("again", "a.png").lastError.contains("the same picture"))

            // The last step is guided too.
            #expect(try made("--control-model", "\(network):0.8", "--precision", "fp32").status == 0)
            #expect(try Image(contentsOf: "\(folder)/a.png") != picture)

            try FileManager.default.removeItem(atPath: "\(folder)/a.png")
            for (arguments, mention) in [
                ([], "through a control network"), (["--control-model", "\(fixtures)/control/xl"], "text of width 40"),
                (["--control-model", network, "--control", "edges.png"], "1 --control-model and 2 --control"),
                (["--control-model", "canny/nowhere"], "canny/nowhere"), (["--control-guess"], "--control-model"),
                (["--control-model", network, "--control-from", "1"], "expected a part of 0 to 1"),
                (["--control-model", "\(network):11"], "expected 0 to 10"),
            ] {
                let refused = try tool.run(
                    ["generate", "a", "--control", "edges.png", "--model", "\(fixtures)/stable-diffusion/sd1"]
                        + arguments
                )
                #expect(refused.status != 0 && refused.errors.contains(mention), "\(refused.errors)")
            }
            try Data("no picture".utf8).write(to: URL(fileURLWithPath: "\(folder)/edges.png"))
            let refused = try made("--control-model", network)
            #expect(refused.status == 1 && refused.lastError.contains("edges.png"), "\(refused.errors)")
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/a.png"))
        }
    }

    @Test func `names of pictures that are not there, folders and strips are told`() throws {
        try withTemporaryFolder { folder in
            let tool = Tool(folder: folder)
            try FileManager.default.createDirectory(atPath: "\(folder)/inside", withIntermediateDirectories: true)
            let model = ["--model", "\(Clone.path)/Tests/PipelinesTests/Fixtures/tiny"]
            for (arguments, mention) in [
                (["blend", "a red apple", "nosuch.png"], "nosuch.png is called like a picture"),
                (["generate", "a", "--init", "inside"], "inside: it is a folder; expected a file"),
                (["vary", "inside"], "it is a folder"),
            ] {
                let refused = try tool.run(arguments + model + ["--output", "a.png"])
                #expect(refused.status == 1 && refused.lastError.contains(mention), "\(refused.errors)")
                #expect(!FileManager.default.fileExists(atPath: "\(folder)/a.png"))
            }
        }
    }

    @Test func `Kandinsky's prior makes embeddings, and its decoder pictures of them without the prior`() throws {
        try withTemporaryFolder { folder in
            let tool = Tool(folder: folder)
            let fixtures = "\(Clone.path)/Tests/PipelinesTests/Fixtures/kandinsky"
            let (prior, decoder) = ("\(fixtures)/prior", "\(fixtures)/decoder22")
            func run(_ arguments: String...) throws -> Tool.Result {
                try tool.run(arguments + ["--steps", "3", "--prior-steps", "3"])
            }
            func picture(_ name: String) throws -> [UInt8] { try Image(contentsOf: "\(folder)/\(name)").pixels }
            let words = "a red apple"
            let made = try run("prior", words, "--model", prior, "--negative", "a photo", "--candidates", "2", "--json")
            #expect(made.status == 0 && made.output.contains("similarities"), "\(made.errors)")

            let given = ["--image-embedding", "embedding.safetensors", "--width", "16", "--height", "16"]
            func decoded(_ arguments: [String], _ output: String) throws -> Tool.Result {
                try tool.run(
                    ["generate", words, "--model", decoder, "--steps", "3", "--output", output] + arguments + given
                )
            }
            let alone = try decoded([], "alone.png")
            #expect(alone.output == "alone.png\n", "\(alone.errors)")
            #expect(try decoded(["--memory", "low", "--prior", prior], "low.png").status == 0)
            #expect(try picture("alone.png") == picture("low.png"))
            #expect(try tool("again", "alone.png").lastError.contains("the same picture"))
            let wordless = ["generate", "--model", decoder, "--steps", "3", "--output", "wordless.png"] + given
            #expect(try tool.run(wordless).status == 0)
            #expect(try picture("wordless.png") == picture("alone.png"))
            #expect(try tool("generate", "--model", decoder).status == 64)
            #expect(try decoded(["--negative", "a photo"], "no.png").lastError.contains("leave it out here"))
            #expect(try decoded(["--embedding-row", "1"], "second.png").status == 0)
            #expect(try picture("second.png") != picture("alone.png"))

            let both = [
                "--model", decoder, "--prior", prior, "--width", "16", "--height", "16", "--output", "both.png",
            ]
            let whole = try tool.run(
                ["generate", words, "--negative", "a photo", "--steps", "3", "--prior-steps", "3"] + both
            )
            #expect(whole.output == "both.png\n", "\(whole.errors)")
            let without = try tool("generate", words, "--model", decoder, "--output", "without.png")
            #expect(without.status == 1 && without.lastError.contains("published apart from its prior"))
            #expect(try tool("prior", words, "--model", decoder).lastError.contains("it has no prior"))
        }
    }

    private static let failures: [(arguments: [String], status: Int32)] = [
        (["generate", ""], 64), (["generate", "a", "--steps", "0"], 64), (["generate", "a", "--guidance", "x"], 64),
        (["generate", "a", "--output", "a.jpg"], 64), (["generate", "a", "--output", "nowhere/a.png"], 1),
        (["generate", "a", "--output", "/proc/a.png"], 1),
        (["generate", "a", "--scheduler", "nope"], 1), (["generate", "a", "--mask", "m.png"], 64),
        (["generate", "a", "--init", "nowhere.png"], 1), (["generate", "a", "--width", "100"], 1),
        (["generate", "a", "--width", "4096", "--height", "4096", "--candidates", "64", "--precision", "fp32"], 1),
        (["generate", "a", "--lora", "nowhere.safetensors"], 1), (["generate", "a", "--lora", ""], 64),
        (["generate", "a", "--image-embedding", "nowhere.safetensors"], 1), (["vary", "nowhere.png"], 1),
        (["blend", "a"], 64), (["blend", "a", "b", "--weights", "1"], 64), (["again", "nowhere.png"], 1),
        (["shift", "nowhere.png", "--from", "a", "--to", "b"], 1), (["prior", ""], 64),
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
