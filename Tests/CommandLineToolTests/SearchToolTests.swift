import Foundation
import LienzoImages
import TestSupport
import Testing

/// `lienzo search` as a process, with the shipped model.
@Suite(.tags(.slow))
struct SearchToolTests {
    private struct Built: Decodable {
        let pictures: Int
        let added: Int
        let unchanged: Int
        let skipped: [Skipped]

        struct Skipped: Decodable {
            let path: String
        }
    }

    private struct Found: Decodable {
        let pictures: Int
        let hits: [Hit]
        let seconds: [String: Double]

        struct Hit: Decodable {
            let path: String
            let cosine: Float
        }
    }

    @Test func `a folder is indexed once, and its pictures are found by words and by a picture`() throws {
        try withTemporaryFolder { folder in
            let tool = Tool(folder: folder)
            try FileManager.default.createDirectory(atPath: "\(folder)/photos", withIntermediateDirectories: false)
            for (name, color) in [
                ("red", Color(red: 200, green: 0, blue: 0)), ("blue", Color(red: 0, green: 0, blue: 200)),
            ] {
                try Image(width: 40, height: 30, filledWith: color).write(to: "\(folder)/photos/\(name).png")
            }
            try Data("none".utf8).write(to: URL(fileURLWithPath: "\(folder)/photos/bad.png"))
            func json<Value: Decodable>(_ type: Value.Type, _ arguments: String...) throws -> Value {
                let result = try tool.run(["search"] + arguments + ["--json"])
                #expect(result.status == 0, "\(result.errors)")
                return try JSONDecoder().decode(type, from: Data(result.output.utf8))
            }
            let built = try json(Built.self, "build", "photos", "--index", "i.sqlite")
            #expect(
                built.pictures == 2 && built.added == 2 && built.skipped.map(\.path) == ["\(folder)/photos/bad.png"]
            )
            #expect(try json(Built.self, "build", "photos", "--index", "i.sqlite").unchanged == 3)

            let words = try json(Found.self, "query", "red", "--index", "i.sqlite", "--sheet", "sheet.png")
            #expect(words.pictures == 2 && words.hits.map(\.path).first == "\(folder)/photos/red.png")
            #expect(try Image(contentsOf: "\(folder)/sheet.png").width > 300)
            let alike = try json(Found.self, "query", "photos/blue.png", "--index", "i.sqlite", "--top", "1")
            #expect(
                alike.hits.count == 1 && alike.hits[0].path == "\(folder)/photos/blue.png"
                    && alike.hits[0].cosine > 0.99
            )
        }
    }

    @Test func `one word is a word, whatever files there are, and a picture that is missing is told`() throws {
        try withTemporaryFolder { folder in
            let tool = Tool(folder: folder)
            try FileManager.default.createDirectory(atPath: "\(folder)/red", withIntermediateDirectories: false)
            try Data("text".utf8).write(to: URL(fileURLWithPath: "\(folder)/blue"))
            for (name, color) in [("a", Color(red: 200, green: 0, blue: 0)), ("b", Color(red: 0, green: 0, blue: 200))]
            {
                try Image(width: 40, height: 30, filledWith: color).write(to: "\(folder)/red/\(name).png")
            }
            #expect(try tool("search", "build", "red", "--index", "i.sqlite").status == 0)
            #expect(try tool("search", "query", "red", "--index", "i.sqlite", "--top", "1").output.contains("a.png"))
            #expect(try tool("search", "query", "blue", "--index", "i.sqlite", "--top", "1").output.contains("b.png"))
            let missing = try tool("search", "query", "none.png", "--index", "i.sqlite")
            #expect(missing.status == 1 && missing.lastError.contains("none.png could not be read"))
            try FileManager.default.removeItem(atPath: "\(folder)/red/a.png")
            #expect(
                try tool("search", "query", "red", "--index", "i.sqlite").errors.contains(
                    "1 of these are no longer there"
                )
            )
        }
    }

    @Test func `a sheet takes the place of no picture of the index, and of no query`() throws {
        try withTemporaryFolder { folder in
            let tool = Tool(folder: folder)
            try FileManager.default.createDirectory(atPath: "\(folder)/red", withIntermediateDirectories: false)
            for name in ["red/a", "query"] {
                try Image(width: 9, height: 9, filledWith: Color(red: 9, green: 0, blue: 0)).write(
                    to: "\(folder)/\(name).png"
                )
            }
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/link.png",
                withDestinationPath: "red/../red/a.png"
            )
            #expect(try tool("search", "build", "red", "--index", "i.sqlite").status == 0)
            for sheet in ["red/a.png", "link.png", "query.png", "/proc/a.png"] {
                let refused = try tool("search", "query", "query.png", "--index", "i.sqlite", "--sheet", sheet)
                #expect(refused.status == 1 && refused.lastError.contains(sheet), "\(refused.errors)")
            }
            #expect(try Image(contentsOf: "\(folder)/red/a.png").width == 9)
        }
    }

    @Test(arguments: [
        (["build", ".", "--index", ""], 64, "--index is empty"),
        (["build", "", "--index", "a.sqlite"], 64, "The folder has no name"),
        (["query", "red", "--index", "none.sqlite"], 1, "none.sqlite is missing"),
        (["query", " ", "--index", "none.sqlite"], 64, "The query is empty"),
        (["query", "red", "--index", "none.sqlite", "--top", "0"], 64, "--top is 0"),
        (["query", "red", "--index", "none.sqlite", "--sheet", "a.jpg"], 64, "--sheet is a.jpg"),
        (["query", "red", "--index", "text.sqlite"], 1, "text.sqlite is no database"),
        (["build", "nowhere", "--index", "new.sqlite"], 1, "nowhere is no folder"),
        (["build", ".", "--index", "nowhere/new.sqlite"], 1, "nowhere/new.sqlite cannot be opened"),
    ])
    func `wrong input ends in one sentence and leaves nothing`(arguments: [String], status: Int32, part: String) throws
    {
        try withTemporaryFolder { folder in
            try Data(repeating: 0x61, count: 4000).write(to: URL(fileURLWithPath: "\(folder)/text.sqlite"))
            let result = try Tool(folder: folder).run(["search"] + arguments)
            #expect(result.status == status && result.output.isEmpty)
            #expect(result.errors.contains(part), "\(result.errors)")
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasPrefix(".") } == [
                    "text.sqlite"
                ]
            )
        }
    }
}
