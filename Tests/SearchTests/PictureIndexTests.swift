import Foundation
import GRDB
import LienzoImages
import LienzoPipelines
import TestSupport
import Testing

@testable import LienzoSearch

/// An index of a folder with the shipped model.
@Suite(.tags(.slow))
struct PictureIndexTests {
    private static let colors: [(name: String, color: Color)] = [
        ("red", Color(red: 200, green: 20, blue: 20)), ("green", Color(red: 20, green: 200, blue: 20)),
        ("blue", Color(red: 20, green: 20, blue: 200)),
    ]

    /// A folder with three pictures, one of them deeper, and a file that says it is one.
    private static func paint(in folder: String) throws {
        try FileManager.default.createDirectory(atPath: "\(folder)/deep", withIntermediateDirectories: true)
        for (name, color) in colors {
            try Image(width: 40, height: 30, filledWith: color)
                .write(to: "\(folder)/\(name == "blue" ? "deep/" : "")\(name).png")
        }
        try Data("no picture".utf8).write(to: URL(fileURLWithPath: "\(folder)/bad.jpg"))
        try Data("hidden".utf8).write(to: URL(fileURLWithPath: "\(folder)/.hidden.png"))
        try FileManager.default.createSymbolicLink(atPath: "\(folder)/deep/circle", withDestinationPath: folder)
    }

    private static func pipeline() throws -> CLIPPipeline { try CLIPPipeline(modelDirectory: Clone.mini) }

    @Test func `an index knows what is new, changed and gone, and finds a picture by itself and by words`() async throws
    {
        try await withTemporaryFolder { folder in
            let photos = "\(folder)/photos"
            try Self.paint(in: photos)
            let pipeline = try Self.pipeline()
            let index = PictureIndex("\(folder)/index.sqlite")

            let first = try await index.update(folder: photos, with: pipeline, batch: 2)
            #expect(first.added == 3 && first.changed == 0 && first.removed == 0 && first.total == 3)
            #expect(first.unreadable.map(\.path) == ["\(photos)/bad.jpg"])
            #expect(first.unreadable.first?.reason.contains("bad.jpg") == true)

            let again = try await index.update(folder: "\(photos)/", with: pipeline)
            #expect(again.added == 0 && again.unchanged == 4 && again.unreadable.isEmpty && again.total == 3)
            #expect(again.unreadableTotal == 1)

            let blue = try Image(contentsOf: "\(photos)/deep/blue.png")
            let hits = try await index.search(blue, with: pipeline, top: 2)
            #expect(hits.map(\.path).first == "\(photos)/deep/blue.png")
            #expect(hits.count == 2 && abs(hits[0].cosine - 1) < 1e-2 && hits[1].cosine < hits[0].cosine)
            let words = try await index.search("red", with: pipeline, top: 3)
            #expect(words.first?.path == "\(photos)/red.png")

            try FileManager.default.removeItem(atPath: "\(photos)/red.png")
            try Image(width: 40, height: 30, filledWith: .white).write(to: "\(photos)/green.png")
            try Image(width: 40, height: 30, filledWith: .black).write(to: "\(photos)/black.png")
            let later = try await index.update(folder: photos, with: pipeline)
            #expect(later.added == 1 && later.changed == 1 && later.removed == 1 && later.total == 3)
            #expect(try await index.search("red", with: pipeline).count == 3)
        }
    }

    @Test func `a folder that moved keeps its index, and another folder is refused`() async throws {
        try await withTemporaryFolder { folder in
            let pipeline = try Self.pipeline()
            let index = PictureIndex("\(folder)/index.sqlite")
            try Self.paint(in: "\(folder)/a")
            try await index.update(folder: "\(folder)/a", with: pipeline)
            try FileManager.default.copyItem(atPath: "\(folder)/a", toPath: "\(folder)/b")
            await #expect(throws: SearchError.self) { try await index.update(folder: "\(folder)/b", with: pipeline) }
            try FileManager.default.removeItem(atPath: "\(folder)/b")
            try FileManager.default.moveItem(atPath: "\(folder)/a", toPath: "\(folder)/b")
            #expect(try await index.update(folder: "\(folder)/b", with: pipeline).unchanged == 4)
            #expect(try await index.search("red", with: pipeline).first?.path == "\(folder)/b/red.png")
        }
    }

    @Test func `an index of another model is refused`() async throws {
        try await withTemporaryFolder { folder in
            let path = "\(folder)/index.sqlite"
            let pipeline = try Self.pipeline()
            try Self.paint(in: "\(folder)/a")
            try await PictureIndex(path).update(folder: "\(folder)/a", with: pipeline)
            let database = try EmbeddingDatabase.writing(path)
            let header = try #require(try database.header())
            try database.setHeader(
                .init(
                    folder: header.folder,
                    model: "another",
                    modelPath: "/another",
                    dimension: header.dimension,
                    probe: header.probe.map { -$0 }
                )
            )
            for work in [
                { _ = try await PictureIndex(path).search("red", with: pipeline) },
                { _ = try await PictureIndex(path).update(folder: "\(folder)/a", with: pipeline) },
            ] {
                await #expect { try await work() } throws: {
                    "\($0)".contains("another model (another, from /another)")
                }
            }
            await #expect(throws: SearchError.self) { try await PictureIndex(path).search(embedding: [1, 0], top: 1) }
        }
    }

    @Test func `what was embedded before a stop is not embedded again`() async throws {
        try await withTemporaryFolder { folder in
            let photos = "\(folder)/photos"
            try FileManager.default.createDirectory(atPath: photos, withIntermediateDirectories: true)
            for shade in 0..<12 {
                let color = Color(red: UInt8(shade * 20), green: 0, blue: 0)
                try Image(width: 8, height: 8, filledWith: color).write(to: "\(photos)/\(shade).png")
            }
            let pipeline = try Self.pipeline()
            let path = "\(folder)/index.sqlite"
            let work = Task {
                try await PictureIndex(path).update(folder: photos, with: pipeline, batch: 2) { _ in
                    withUnsafeCurrentTask { $0?.cancel() }
                }
            }
            await #expect(throws: CancellationError.self) { try await work.value }
            #expect(try await !PictureIndex(path).isComplete())
            let rest = try await PictureIndex(path).update(folder: photos, with: pipeline, batch: 2)
            #expect(rest.unchanged >= 2 && rest.added <= 10 && rest.total == 12)
            #expect(try await PictureIndex(path).isComplete())
        }
    }

    @Test func `a missing folder forgets nothing`() async throws {
        try await withTemporaryFolder { folder in
            let pipeline = try Self.pipeline()
            let index = PictureIndex("\(folder)/index.sqlite")
            try Self.paint(in: "\(folder)/a")
            try await index.update(folder: "\(folder)/a", with: pipeline)
            await #expect { try await index.update(folder: "\(folder)/none", with: pipeline) } throws: {
                "\($0)".hasSuffix("is no folder; expected one with pictures.")
            }
            #expect(try await index.load() == 3)
        }
    }

    @Test func `files that are no index end in a sentence`() async throws {
        try await withTemporaryFolder { folder in
            let path = "\(folder)/index.sqlite"
            func check(_ part: String) async {
                await #expect { try await PictureIndex(path).load() } throws: { error in
                    error is SearchError && "\(error)".contains(part)
                }
            }
            await check("is missing; `lienzo search build")
            try Data().write(to: URL(fileURLWithPath: path))
            await check("is empty")
            try Data(repeating: 0x41, count: 5000).write(to: URL(fileURLWithPath: path))
            await check("is no database")
            try FileManager.default.removeItem(atPath: path)
            try await DatabaseQueue(path: path).write { try $0.execute(sql: "CREATE TABLE mine(x)") }
            await check("another program")
            let pipeline = try Self.pipeline()
            await #expect(throws: SearchError.self) {
                try await PictureIndex(path).update(folder: folder, with: pipeline)
            }
            #expect(try await DatabaseQueue(path: path).read { try $0.tableExists("mine") })
        }
    }

    /// 2,000 damaged files by default; `LIENZO_FUZZ_INPUTS` names another number.
    @Test func `a damaged index is a sentence or an answer, never a trap`() async throws {
        try await withTemporaryFolder { folder in
            let path = "\(folder)/index.sqlite"
            let database = try EmbeddingDatabase.writing(path)
            let unit = [Float](repeating: 0.5, count: 4)
            try database.setHeader(.init(folder: "/f", model: "m", modelPath: "/m", dimension: 4, probe: unit))
            try database.beginScan()
            try database.store(
                (0..<40).map { .init(file: .init(path: "\($0).png", size: 1, modified: 2), embedding: .success(unit)) }
            )
            let whole = try Data(contentsOf: URL(fileURLWithPath: path))
            var random = SeededGenerator(seed: 7)
            let count = Fuzz.inputs(2000)
            var answers = 0
            for _ in 0..<count {
                var bytes = whole
                for _ in 0..<Int.random(in: 1...8, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                        in: 0 ... .max,
                        using: &random
                    )
                }
                if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
                try bytes.write(to: URL(fileURLWithPath: path))
                do {
                    _ = try await PictureIndex(path).search(embedding: unit, top: 5)
                    answers += 1
                } catch is SearchError {}
            }
            // Most bytes of a page are free, so that many changes change nothing.
            #expect(answers > count / 100 && answers < count)
        }
    }
}
