import Foundation
import LienzoHub
import LienzoImages
import TestSupport
import Testing

/// `lienzo models` as people run it, against a hub on this machine.
@Suite(.tags(.slow))
struct ModelsToolTests {
    private struct Case {
        let hub: TestHub
        let tool: Tool
        let cache: String

        var snapshot: String { "\(cache)/models--lienzo--tiny/snapshots/\(hub.model.commit)" }
    }

    /// A hub with these files, and the tool with an empty cache.
    private func withHub(_ files: [String: TestHub.File], _ body: (Case) throws -> Void) throws {
        try withTemporaryFolder { folder in
            let hub = try TestHub(files: files)
            let environment = [
                "HF_ENDPOINT": hub.endpoint, "HF_HUB_CACHE": "\(folder)/cache", "HF_HOME": folder, "HF_TOKEN": "",
                "no_proxy": "*",
            ]
            try body(Case(hub: hub, tool: Tool(folder: folder, environment: environment), cache: "\(folder)/cache"))
        }
    }

    /// A safetensors file with one tensor of zeros.
    private static func weights(_ count: Int) -> [UInt8] {
        let header = "{\"weight\":{\"dtype\":\"F16\",\"shape\":[\(count)],\"data_offsets\":[0,\(2 * count)]}}"
        return withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8)
            + Array(repeating: 0, count: 2 * count)
    }

    @Test func `a model is pulled, listed, inspected, used and removed`() throws {
        try withHub(try TestHub.dualEncoder()) { test in
            let tool = test.tool
            #expect(try tool("models", "list").errors.hasSuffix("'lienzo models pull ID' brings one.\n"))
            let absent = try tool("compare", "a.png", "--text", "a", "--model", "lienzo/tiny")
            #expect(absent.status == 1)
            #expect(absent.lastError.hasSuffix("'lienzo models pull lienzo/tiny' brings it from the hub."))

            let pulled = try tool("models", "pull", "lienzo/tiny")
            #expect(pulled.status == 0, "\(pulled.errors)")
            #expect(pulled.output == test.snapshot + "\n")
            #expect(!pulled.errors.contains("\u{1B}"))

            let list = try tool("models", "list")
            #expect(list.status == 0 && list.errors.isEmpty)
            #expect(list.output.contains("lienzo/tiny  main, 01234567"))

            let inspected = try tool("models", "inspect", "lienzo/tiny", "--json")
            let facts = try JSONDecoder().decode(Facts.self, from: Data(inspected.output.utf8))
            #expect(facts.complete && facts.missing.isEmpty && facts.revisions == ["main"])
            #expect(facts.architecture == "OpenCLIP" && facts.tensors > 100 && facts.parameters > 1_000_000)
            let text = try tool("models", "inspect", "lienzo/tiny@main")
            #expect(text.output.contains("complete      yes\n"))

            let tokens = try tool("tokenize", "a red apple", "--model", "lienzo/tiny")
            #expect(tokens.status == 0, "\(tokens.errors)")
            #expect(tokens.output == (try tool("tokenize", "a red apple").output))

            let short = try tool("models", "inspect", "lienzo/tiny@0123456", "--json")
            #expect(short.output == inspected.output, "\(short.errors)")
            let other = try tool("models", "inspect", "lienzo/tiny@v2")
            #expect(
                other.status == 1
                    && other.lastError.contains("has lienzo/tiny at main and not at v2: 'lienzo models pull")
            )

            let pictures = "\(tool.folder)/pictures"
            try FileManager.default.createDirectory(atPath: pictures, withIntermediateDirectories: false)
            try Image(width: 9, height: 9, filledWith: .white).write(to: "\(pictures)/a.png")
            let built = try tool("search", "build", "pictures", "--index", "i.sqlite", "--model", "lienzo/tiny")
            #expect(built.status == 0 && built.output.contains("i.sqlite: 1 picture ("), "\(built.errors)")

            let removed = try tool("models", "remove", "lienzo/tiny")
            #expect(removed.status == 0 && removed.output.hasPrefix("removed lienzo/tiny: "))
            #expect(try tool("models", "remove", "lienzo/tiny").status == 1)
            let orphan = try tool("search", "query", "red", "--index", "i.sqlite")
            let pull = "'lienzo models pull lienzo/tiny@\(test.hub.model.commit)' brings it back"
            #expect(orphan.status == 1 && orphan.lastError.contains(pull), "\(orphan.errors)")
        }
    }

    private struct Facts: Decodable {
        let complete: Bool
        let missing: [String]
        let revisions: [String]
        let architecture: String?
        let tensors: Int
        let parameters: Int
        let types: [String: Int]
    }

    @Test func `results for machines are JSON alone`() throws {
        try withHub(["config.json": .small("{}"), "model.safetensors": .large(Self.weights(50))]) { test in
            for arguments in [
                ["pull", "lienzo/tiny"], ["list"], ["inspect", "lienzo/tiny"], ["remove", "lienzo/tiny"], ["list"],
            ] {
                let result = try test.tool.run(["models"] + arguments + ["--json"])
                #expect(result.status == 0, "\(result.errors)")
                #expect(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) is [String: Any])
            }
        }
    }

    @Test func `what is missing of a model is told`() throws {
        try withTemporaryFolder { folder in
            func write(_ bytes: some Sequence<UInt8>, _ name: String) throws {
                try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
            }
            try write("{\"weight_map\": {\"a\": \"one.safetensors\", \"b\": \"two.safetensors\"}}".utf8, "m.index.json")
            try write("{\"architectures\": [\"CLIPModel\"]}".utf8, "config.json")
            try write(Self.weights(10), "one.safetensors")
            try write(Self.weights(10).dropLast(), "cut.safetensors")
            try FileManager.default.createSymbolicLink(atPath: "\(folder)/vocab.json", withDestinationPath: "gone")
            let result = try Tool(folder: folder)("models", "inspect", ".", "--json")
            let facts = try JSONDecoder().decode(Facts.self, from: Data(result.output.utf8))
            #expect(!facts.complete && facts.missing.count == 3, "\(facts.missing)")
            #expect(facts.missing.contains("m.index.json names two.safetensors, which is not there."))
            #expect(facts.missing.contains("vocab.json is listed, but its content is not there."))
            #expect(facts.architecture == "CLIPModel" && facts.tensors == 1 && facts.types == ["F16": 10])
        }
    }

    @Test(
        arguments: [
            (["pull", "a/b/c"], 64), (["pull"], 64), (["pull", "a/b@../c"], 64), (["remove", "a--b"], 64),
            (["inspect", ""], 64),
            (["inspect", "no/such"], 1), (["inspect", "./nowhere/at/all"], 1), (["remove", "no/such"], 1),
            (["pull", "no/such"], 1), (["pull", "lienzo/tiny", "--include", "nothing"], 1),
        ] as [([String], Int32)]
    ) func `what cannot be done is one sentence and the right exit code`(arguments: [String], status: Int32) throws {
        try withHub(["config.json": .small("{}")]) { test in
            let result = try test.tool.run(["models"] + arguments)
            #expect(result.status == status, "\(result.errors)")
            #expect(result.output.isEmpty)
            #expect(result.errors.hasPrefix("lienzo: ") || status == 64)
        }
    }

    @Test func `what a stopped pull has left is shown as that, and used by nobody`() throws {
        try withHub(["config.json": .small("{}"), "model.safetensors": .large(Self.weights(50))]) { test in
            #expect(try test.tool("models", "pull", "lienzo/tiny").status == 0)
            // A pull writes down last where the revision is; where the commit was asked for, that is nowhere.
            let model = "\(test.cache)/models--lienzo--tiny"
            try FileManager.default.removeItem(atPath: "\(model)/refs")
            #expect(try test.tool("models", "inspect", "lienzo/tiny").output.contains("complete      yes"))
            let elsewhere = try test.tool("tokenize", "a", "--model", "lienzo/tiny")
            #expect(elsewhere.status == 1 && elsewhere.lastError.contains("at 01234567 and not at main"))
            try Data("half".utf8).write(to: URL(fileURLWithPath: "\(model)/blobs/next.incomplete"))
            let shown = try test.tool("models", "inspect", "lienzo/tiny")
            let remedy = "'lienzo models pull lienzo/tiny' goes on with it."
            #expect(shown.status == 0 && shown.output.contains("complete      no"), "\(shown.errors)")
            #expect(shown.output.hasSuffix("\(remedy)\n"))
            let used = try test.tool("tokenize", "a", "--model", "lienzo/tiny")
            #expect(used.status == 1 && used.lastError.hasSuffix(remedy))
        }
    }

    @Test func `a path that exists wins over an id`() throws {
        try withHub(["config.json": .small("{}")]) { test in
            #expect(try test.tool("models", "pull", "lienzo/tiny").status == 0)
            try FileManager.default.createDirectory(
                atPath: "\(test.tool.folder)/lienzo/tiny",
                withIntermediateDirectories: true
            )
            let facts = try test.tool("models", "inspect", "lienzo/tiny")
            #expect(facts.output.hasPrefix("path          lienzo/tiny\n"))
        }
    }

    @Test func `a disk that is full leaves nothing that is not whole, and the next pull goes on`() throws {
        var random = SeededGenerator(seed: 3)
        try withHub(["model.safetensors": .large(random.bytes(400_000))]) { test in
            // The system's limit on the size of files stops the write in its middle, as a full disk does.
            let command = "trap '' XFSZ; ulimit -f 128; \(try Tool.executable) models pull lienzo/tiny"
            let full = try test.tool.shell(command)
            #expect(full.status == 1)
            #expect(full.lastError.contains("could not be written"), "\(full.errors)")
            let blobs = "\(test.cache)/models--lienzo--tiny/blobs"
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: blobs).allSatisfy { $0.hasSuffix(".incomplete") }
            )
            let next = try test.tool("models", "pull", "lienzo/tiny", "--json")
            #expect(next.status == 0 && !next.output.contains("\"fetchedBytes\" : 400000"))
            #expect(try Data(contentsOf: URL(fileURLWithPath: "\(test.snapshot)/model.safetensors")).count == 400_000)
        }
    }

    @Test func `two processes share one download, and Ctrl-C keeps what has arrived`() throws {
        var random = SeededGenerator(seed: 4)
        let content = random.bytes(800_000)
        try withHub(["model.safetensors": .large(content)]) { test in
            let lienzo = try Tool.executable
            // So slowly that it is not done when something has arrived.
            test.hub.alter { _, response in response.pause = .milliseconds(200) }
            let blobs = "\(test.cache)/models--lienzo--tiny/blobs"
            let stopped = try test.tool.shell(
                """
                \(lienzo) models pull lienzo/tiny & tool=$!
                while kill -0 $tool && [ ! -s "$(echo \(blobs)/*.incomplete)" ]; do sleep 0.05; done
                kill -INT $tool; wait $tool
                """
            )
            #expect(stopped.status == 130, "\(stopped.errors)")
            #expect(stopped.lastError == "lienzo: stopped.")
            let part = try test.tool("models", "inspect", "lienzo/tiny")
            #expect(part.status == 1 && part.lastError.contains("'lienzo models pull lienzo/tiny' goes on with it"))
            test.hub.alter { _, response in response.pause = .milliseconds(10) }
            let both = try test.tool.shell(
                "\(lienzo) models pull lienzo/tiny & \(lienzo) models pull lienzo/tiny; code=$?; wait $! && exit $code"
            )
            #expect(both.status == 0, "\(both.errors)")
            #expect(both.output == "\(test.snapshot)\n\(test.snapshot)\n")
            // Each byte has come once: two requests for the content, of which the second began where the first ended.
            let ranges = test.hub.requests.filter { $0.path.hasPrefix("/blob/") }.map { $0.headers["range"] }
            #expect(ranges.count == 2 && ranges[0] == nil && ranges[1]?.hasPrefix("bytes=") == true)
            #expect(
                try Data(contentsOf: URL(fileURLWithPath: "\(test.snapshot)/model.safetensors")).elementsEqual(content)
            )
        }
    }
}
