import Foundation
import LienzoImages
import TestSupport
import Testing

/// `lienzo embed`, `classify` and `tokenize` as processes, with the shipped model.
@Suite(.tags(.slow))
struct EmbedToolTests {
    /// A NumPy array of float32 as `lienzo embed` writes it.
    private struct Array2D {
        let rows: Int
        let columns: Int
        let values: [Float]

        init(_ path: String) throws {
            let data = try Data(contentsOf: URL(fileURLWithPath: path))
            #expect(data.prefix(8) == Data([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0]))
            let header = String(decoding: data[10..<128], as: UTF8.self)
            #expect(header.hasSuffix("\n") && header.contains("'<f4'"))
            let shape = try #require(header.firstMatch(of: /\((\d+), (\d+)\)/))
            rows = try #require(Int(shape.1))
            columns = try #require(Int(shape.2))
            values = data[128...].withUnsafeBytes { bytes in
                stride(from: 0, to: bytes.count, by: 4).map { bytes.loadUnaligned(fromByteOffset: $0, as: Float.self) }
            }
            #expect(values.count == rows * columns)
        }

        subscript(row: Int) -> [Float] { Array(values[row * columns..<(row + 1) * columns]) }
    }

    private struct Report: Decodable {
        struct Skipped: Decodable {
            let index: Int
            let path: String
            let reason: String
        }
        let rows: Int
        let dimension: Int
        let skipped: [Skipped]
    }

    private struct Row: Decodable {
        let input: String
        let embedding: [Float]
    }

    /// Pictures in one colour each.
    private static func paint(_ colors: [String: Color], in folder: String) throws {
        for (name, color) in colors {
            try Image(width: 40, height: 30, filledWith: color).write(to: "\(folder)/\(name).png")
        }
    }

    private static let colors = [
        "a": Color(red: 200, green: 20, blue: 20), "b": Color(red: 20, green: 200, blue: 20),
        "c": Color(red: 20, green: 20, blue: 200),
    ]

    @Test func `rows stand in the order of the inputs, and what cannot be read has none`() throws {
        try withTemporaryFolder { folder in
            try Self.paint(Self.colors, in: folder)
            try Data("no picture".utf8).write(to: URL(fileURLWithPath: "\(folder)/bad.png"))
            let tool = Tool(folder: folder)
            let files = ["c.png", "bad.png", "a.png"]
            let made = try tool.run(
                ["embed", "--images"] + files
                    + ["--texts", "a red apple", "--batch", "2", "--output", "rows.npy", "--json"]
            )
            #expect(made.status == 1)
            #expect(made.lastError == "lienzo: 1 of 4 inputs could not be read; the others are done.")
            let report = try JSONDecoder().decode(Report.self, from: Data(made.output.utf8))
            #expect(report.rows == 3 && report.skipped.map(\.index) == [1])
            #expect(report.skipped.map(\.path) == ["bad.png"])
            let array = try Array2D("\(folder)/rows.npy")
            #expect(array.rows == 3 && array.columns == report.dimension)
            for row in 0..<3 {
                #expect(abs(array[row].reduce(0) { $0 + $1 * $1 } - 1) < 1e-4)
            }
            let lines = try tool("embed", "--images", "c.png", "a.png", "--texts", "a red apple")
            let rows = try lines.output.split(separator: "\n").map {
                try JSONDecoder().decode(Row.self, from: Data($0.utf8))
            }
            #expect(rows.map(\.input) == ["c.png", "a.png", "a red apple"])
            for (row, line) in rows.enumerated() {
                #expect(zip(array[row], line.embedding).allSatisfy { abs($0 - $1) < 1e-3 })
            }
            #expect(!zip(array[0], array[1]).allSatisfy { abs($0 - $1) < 1e-2 })
        }
    }

    @Test func `a run that was stopped goes on where it stopped, and gives the same bytes`() throws {
        try withTemporaryFolder { folder in
            try Self.paint(Self.colors, in: folder)
            let tool = Tool(folder: folder)
            let arguments = ["embed", "--images", "a.png", "more.tar", "--batch", "1", "--output"]
            try Data("no archive".utf8).write(to: URL(fileURLWithPath: "\(folder)/more.tar"))
            let failed = try tool.run(arguments + ["rows.npy"])
            #expect(failed.status == 1 && failed.lastError.contains("more.tar"), "\(failed.errors)")
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/rows.npy"))
            #expect(FileManager.default.fileExists(atPath: "\(folder)/rows.npy.progress"))
            #expect(try tool.shell("tar cf more.tar b.png c.png").status == 0)
            let resumed = try tool.run(arguments + ["rows.npy"])
            #expect(resumed.status == 0 && resumed.errors.contains("going on after 1"), "\(resumed.errors)")
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/rows.npy.progress"))
            let whole = try tool.run(arguments + ["whole.npy"])
            #expect(whole.status == 0 && !whole.errors.contains("going on"), "\(whole.errors)")
            let files = try ["rows", "whole"].map { try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0).npy")) }
            #expect(files[0] == files[1])
            #expect(try Array2D("\(folder)/rows.npy").rows == 3)
        }
    }

    @Test(
        arguments: [
            "no JSON", "{}", #"{"inputs": 1, "rows": 1, "bytes": -5, "request": [], "digest": "", "skipped": []}"#,
        ]
    )
    func `a note of progress that is damaged begins the file anew`(note: String) throws {
        try withTemporaryFolder { folder in
            try Self.paint(Self.colors, in: folder)
            let tool = Tool(folder: folder)
            try Data("rows of something else".utf8).write(to: URL(fileURLWithPath: "\(folder)/rows.npy.part"))
            try Data(note.utf8).write(to: URL(fileURLWithPath: "\(folder)/rows.npy.progress"))
            let made = try tool("embed", "--images", "a.png", "--output", "rows.npy")
            #expect(made.status == 0 && made.errors.isEmpty, "\(made.errors)")
            #expect(try Array2D("\(folder)/rows.npy").rows == 1)
        }
    }

    @Test(arguments: ["bytes", "rows", "inputs"], [-1, Int.max, 7])
    func `a number of progress that cannot be right begins the file anew`(key: String, value: Int) throws {
        try withTemporaryFolder { folder in
            try Self.paint(Self.colors, in: folder)
            let tool = Tool(folder: folder)
            let arguments = ["embed", "--images", "a.png", "more.tar", "--batch", "1", "--output", "rows.npy"]
            try Data("no archive".utf8).write(to: URL(fileURLWithPath: "\(folder)/more.tar"))
            #expect(try tool.run(arguments).status == 1)
            let path = "\(folder)/rows.npy.progress"
            let data = try Data(contentsOf: URL(fileURLWithPath: path))
            var note = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
            note[key] = value
            try JSONSerialization.data(withJSONObject: note).write(to: URL(fileURLWithPath: path))
            #expect(try tool.shell("tar cf more.tar b.png c.png").status == 0)
            let made = try tool.run(arguments)
            #expect(made.status == 0 && !made.errors.contains("going on"), "\(made.errors)")
            #expect(try Array2D("\(folder)/rows.npy").rows == 3)
        }
    }

    @Test func `a file that was begun with other inputs is begun anew`() throws {
        try withTemporaryFolder { folder in
            try Self.paint(Self.colors, in: folder)
            let tool = Tool(folder: folder)
            try Data("no archive".utf8).write(to: URL(fileURLWithPath: "\(folder)/more.tar"))
            #expect(
                try tool("embed", "--images", "a.png", "more.tar", "--batch", "1", "--output", "rows.npy").status == 1
            )
            let made = try tool("embed", "--images", "c.png", "b.png", "--output", "rows.npy")
            #expect(made.status == 0 && made.errors.contains("begun anew"), "\(made.errors)")
            let again = try tool("embed", "--images", "c.png", "b.png", "--output", "again.npy")
            #expect(again.status == 0)
            let files = try ["rows", "again"].map { try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0).npy")) }
            #expect(files[0] == files[1])
        }
    }

    @Test func `links to folders lead round in no circle, and no input is overwritten`() throws {
        try withTemporaryFolder { folder in
            try FileManager.default.createDirectory(atPath: "\(folder)/set", withIntermediateDirectories: true)
            try Self.paint(Self.colors, in: "\(folder)/set")
            let tool = Tool(folder: folder)
            #expect(try tool.shell("ln -s .. set/up && ln -s . set/self").status == 0)
            try Data("no picture".utf8).write(to: URL(fileURLWithPath: "\(folder)/set/bad.png"))
            // A bad file that nobody named is told, and that is all.
            #expect(try tool("embed", "--images", "set", "--output", "bad.npy").status == 0)
            try FileManager.default.removeItem(atPath: "\(folder)/set/bad.png")
            let made = try tool("embed", "--images", "set", "--output", "rows.npy")
            #expect(made.status == 0 && made.errors.isEmpty, "\(made.errors)")
            #expect(try Array2D("\(folder)/rows.npy").rows == 3)
            let before = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/set/a.png"))
            let refused = try tool("compare", "set/a.png", "--text", "a", "--png", "./set/../set/a.png")
            #expect(refused.status == 1 && refused.lastError.contains("would be overwritten"))
            #expect(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/set/a.png")) == before)
            let gallery = try tool("gallery", "set/a.png")
            #expect(gallery.status == 1 && gallery.lastError.hasSuffix("is not UTF-8 text."), "\(gallery.errors)")
            let none = try tool("embed", "--images", "nowhere.png", "--output", "none.npy")
            #expect(none.status == 1)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).allSatisfy { !$0.hasPrefix("none.") })
        }
    }

    @Test func `every format holds the same numbers`() throws {
        try withTemporaryFolder { folder in
            let tool = Tool(folder: folder)
            try Data("\"a \\\"red\\\" apple, or two\"\n\n\"un limón\"\n".utf8)
                .write(to: URL(fileURLWithPath: "\(folder)/texts.jsonl"))
            for format in ["npy", "json", "jsonl", "csv"] {
                let made = try tool("embed", "--texts-file", "texts.jsonl", "--raw", "--output", "rows.\(format)")
                #expect(made.output == "rows.\(format)\n", "\(made.errors)")
            }
            let array = try Array2D("\(folder)/rows.npy")
            func contents(_ format: String) throws -> Data {
                try Data(contentsOf: URL(fileURLWithPath: "\(folder)/rows.\(format)"))
            }
            let list = try JSONDecoder().decode([Row].self, from: contents("json"))
            let lines = try contents("jsonl").split(separator: 0x0A).map {
                try JSONDecoder().decode(Row.self, from: $0)
            }
            let table = try String(decoding: contents("csv"), as: UTF8.self).components(separatedBy: "\r\n")
            #expect(list.map(\.input) == ["a \"red\" apple, or two", "un limón"])
            #expect(table[1].hasPrefix("\"a \"\"red\"\" apple, or two\","))
            for row in 0..<2 {
                #expect(list[row].embedding == array[row] && lines[row].embedding == array[row])
                #expect(
                    table[row + 1].components(separatedBy: ",").suffix(array.columns).compactMap(Float.init)
                        == array[row]
                )
                #expect(abs(array[row].reduce(0) { $0 + $1 * $1 } - 1) > 0.01)
            }
        }
    }

    @Test func `classify puts the best label first`() throws {
        try withTemporaryFolder { folder in
            let tool = Tool(folder: folder)
            let picture = "\(Clone.path)/Tests/ImagesTests/Fixtures/clip-wide.jpg"
            let made = try tool("classify", picture, "--labels", "a bus, a lion ,a cat", "--top", "2", "--json")
            #expect(made.status == 0, "\(made.errors)")
            struct Classified: Decodable {
                struct Picture: Decodable {
                    struct Entry: Decodable {
                        let label: String
                        let probability: Double
                    }
                    let top: [Entry]
                }
                let labels: Int
                let templates: [String]
                let images: [Picture]
            }
            let report = try JSONDecoder().decode(Classified.self, from: Data(made.output.utf8))
            #expect(report.labels == 3 && report.templates == ["a photo of a {}"])
            let top = try #require(report.images.first).top
            #expect(top.count == 2 && top[0].probability >= top[1].probability)
            let partly = try tool("classify", picture, "nowhere.png", "--labels", "a bus,a lion")
            #expect(partly.status == 1 && partly.output.contains("a lion"))
            #expect(partly.lastError == "lienzo: 1 of 2 inputs could not be read; the others are done.")
            try Data("a bus\na lion\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/labels.txt"))
            let listed = try tool(
                "classify",
                picture,
                "--labels",
                "labels.txt",
                "--template",
                "{}",
                "--template",
                "a picture of {}"
            )
            #expect(listed.output.split(separator: "\n").count == 3, "\(listed.errors)")
        }
    }

    @Test func `compare takes a set and writes a page, a drawing, a picture and the numbers`() throws {
        try withTemporaryFolder { folder in
            try FileManager.default.createDirectory(atPath: "\(folder)/set", withIntermediateDirectories: true)
            try Self.paint(Self.colors, in: "\(folder)/set")
            let set = #"{"title": "Colores", "pictures": ["a.png", "b.png"], "texts": ["rojo", "a \"green\" one"]}"#
            try Data(set.utf8).write(to: URL(fileURLWithPath: "\(folder)/set/colores.json"))
            let made = try Tool(folder: folder).run(
                ["compare", "--set", "set/colores.json", "set/c.png", "--text", "azul", "--language", "es"]
                    + ["--html", "p.html", "--svg", "p.svg", "--png", "p.png", "--csv", "p.csv"]
            )
            #expect(made.status == 0, "\(made.errors)")
            let html = try String(contentsOfFile: "\(folder)/p.html", encoding: .utf8)
            #expect(html.contains("<h1>Colores</h1>") && html.contains("3 imágenes · 3 textos"))
            #expect(try Image(contentsOf: "\(folder)/p.png").width >= 600)
            let lines = try String(contentsOfFile: "\(folder)/p.csv", encoding: .utf8).components(separatedBy: "\r\n")
            #expect(lines.count == 11 && lines[2].hasPrefix("\"set/a.png\",\"a \"\"green\"\" one\","))
        }
    }

    @Test func `a vocabulary that is not the text tower's, and a damaged configuration, are told with their folder`()
        throws
    {
        try withTemporaryFolder { folder in
            let model = "\(folder)/model"
            try FileManager.default.createDirectory(atPath: model, withIntermediateDirectories: false)
            for file in ["config.json", "open_clip_config.json", "tokenizer_config.json", "vocab.txt"] {
                try FileManager.default.copyItem(atPath: "\(Clone.mini)/clip/\(file)", toPath: "\(model)/\(file)")
            }
            let tool = Tool(folder: folder)
            #expect(try tool("tokenize", "a", "--model", model).status == 0)
            #expect(try tool.shell("head -n 1000 model/vocab.txt > short && mv short model/vocab.txt").status == 0)
            let short = try tool("tokenize", "a", "--model", model)
            #expect(
                short.status == 1 && short.lastError.contains("has 1000 pieces; expected the 29528"),
                "\(short.errors)"
            )
            for file in ["config.json", "open_clip_config.json"] {
                try Data("{".utf8).write(to: URL(fileURLWithPath: "\(model)/\(file)"))
                let damaged = try tool("tokenize", "a", "--model", model)
                #expect(damaged.status == 1 && damaged.lastError.contains("\(model)/\(file)"), "\(damaged.errors)")
            }
        }
    }

    @Test func `tokenize shows what the model reads`() throws {
        try withTemporaryFolder { folder in
            let tool = Tool(folder: folder)
            struct Tokenized: Decodable {
                let cleaned: String
                let tokens: [String]
                let ids: [Int]
                let truncated: Bool
            }
            let long = String(repeating: "apple ", count: 60)
            let data = try JSONEncoder().encode("A Red APPLE") + Data("\n".utf8) + JSONEncoder().encode(long)
            try data.write(to: URL(fileURLWithPath: "\(folder)/texts.jsonl"))
            let made = try tool("tokenize", "--file", "texts.jsonl", "--json")
            #expect(made.status == 0, "\(made.errors)")
            let lines = try made.output.split(separator: "\n").map {
                try JSONDecoder().decode(Tokenized.self, from: Data($0.utf8))
            }
            #expect(lines.map(\.truncated) == [false, true])
            #expect(lines[0].tokens == ["[CLS]", "a", "red", "apple", "[SEP]"])
            #expect(lines[0].cleaned == "a red apple")
            #expect(lines.allSatisfy { $0.ids.count == 32 })
            #expect(lines[1].tokens.count == 32 && lines[1].tokens.last == "[SEP]")
            let view = try tool("tokenize", "a red apple", long)
            #expect(view.output.contains("5 of 32 tokens") && view.output.contains("30 are left out"), "\(view.output)")
        }
    }

    @Test(
        arguments: [
            ["embed"], ["embed", "--texts", "a", "--format", "npy"], ["embed", "--texts", "a", "--batch", "0"],
            ["tokenize"], ["tokenize", "a", "--file", "b"], ["classify", "a.png", "--labels", "a", "--template", "b"],
            ["classify", "a.png", "--labels", "a", "--top", "0"], ["compare", "--text", "a"], ["compare", "a.png"],
            ["compare", "a.png", "--text", "a", "--language", "fr"], ["embed", "--texts", "a", "--output", "a.png"],
            ["embed", "--texts", "a", "--output", "a.csv", "--format", "json"],
            ["compare", "a.png", "--text", "a", "--html", "a.png"], ["compare", "a.png", "--text", "a", "--svg", "a"],
            ["compare", "a.png", "--text", "a", "--csv", "a.txt"],
        ]
    )
    func `wrong usage ends with one sentence and 64`(arguments: [String]) throws {
        try withTemporaryFolder { folder in
            let result = try Tool(folder: folder).run(arguments)
            #expect(result.status == 64 && result.output.isEmpty)
        }
    }

    @Test(
        arguments: [
            ["embed", "--images", "nowhere"], ["embed", "--texts-file", "nowhere"],
            ["embed", "--texts", "a", "--output", "nowhere/rows.npy"], ["embed", "--texts", "a", "--model", "nowhere"],
            ["embed", "--texts-file", "a.json", "--output", "./a.json"], ["tokenize", "--file", "nowhere"],
            ["compare", "a.png", "--text", "a", "--csv", "/proc/a.csv"], ["classify", "nowhere.png", "--labels", "a"],
            ["classify", "a.png", "--labels", " , "], ["compare", "--set", "nowhere"],
        ]
    )
    func `what cannot be done ends with one sentence and 1`(arguments: [String]) throws {
        try withTemporaryFolder { folder in
            let result = try Tool(folder: folder).run(arguments)
            #expect(result.status == 1 && result.output.isEmpty)
            #expect(result.errors.hasPrefix("lienzo: ") && result.errors.hasSuffix(".\n"), "\(result.errors)")
        }
    }
}
