import Foundation
import LienzoImages
import TestSupport
import Testing

/// `lienzo evaluate` as a process, with the shipped model.
@Suite(.tags(.slow))
struct EvaluateToolTests {
    private struct Report: Decodable {
        let pictures: Int
        let top1: Double
        let perClass: [Class]
        let penalty: Double?
        let skipped: [Skipped]

        struct Class: Decodable {
            let name: String
            let right: Double?
        }

        struct Skipped: Decodable {
            let path: String
        }
    }

    private static let colors = [
        "red": Color(red: 220, green: 10, blue: 10), "green": Color(red: 10, green: 200, blue: 10),
        "blue": Color(red: 10, green: 10, blue: 220),
    ]

    /// A folder with a folder for each of some classes, and pictures in nearly the class's colour.
    private static func paint(_ root: String, folders: [(name: String, color: Color)], each: Int) throws {
        for (name, color) in folders {
            try FileManager.default.createDirectory(atPath: "\(root)/\(name)", withIntermediateDirectories: true)
            for index in 0..<each {
                let shade = UInt8(index * 3)
                try Image(
                    width: 20,
                    height: 20,
                    filledWith: Color(red: color.red - min(shade, color.red), green: color.green, blue: color.blue)
                )
                .write(to: "\(root)/\(name)/\(index).png")
            }
        }
    }

    private func report(_ tool: Tool, _ arguments: String...) throws -> Report {
        let result = try tool.run(["evaluate"] + arguments + ["--json"])
        #expect(result.status == 0, "\(result.errors)")
        return try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
    }

    @Test func `colours are told apart without training, and by a linear probe`() throws {
        try withTemporaryFolder { folder in
            let folders = Self.colors.map { (name: $0.key, color: $0.value) }
            try Self.paint("\(folder)/train", folders: folders, each: 10)
            try Self.paint("\(folder)/test", folders: folders, each: 3)
            try Data("no picture".utf8).write(to: URL(fileURLWithPath: "\(folder)/test/red/bad.png"))
            let tool = Tool(folder: folder)
            let zeroShot = try report(tool, "zero-shot", "test", "--html", "page.html")
            #expect(zeroShot.pictures == 9 && zeroShot.top1 > 0.6)
            #expect(zeroShot.perClass.map(\.name) == ["blue", "green", "red"])
            #expect(zeroShot.skipped.map(\.path) == ["test/red/bad.png"])
            let page = try String(contentsOfFile: "\(folder)/page.html", encoding: .utf8)
            #expect(page.contains("9 pictures, 3 classes: top-1") && page.contains("What was taken for what"))
            // The five likeliest of three are all of them.
            #expect(!page.contains("top-5"))
            #expect(try tool("evaluate", "zero-shot", "test", "--html", "es.html", "--language", "es").status == 0)
            let spanish = try String(contentsOfFile: "\(folder)/es.html", encoding: .utf8)
            #expect(spanish.contains("9 imágenes, 3 clases") && spanish.contains("lang=\"es\""))

            let probe = try report(tool, "linear-probe", "train", "--test", "test", "--iterations", "100")
            #expect(probe.pictures == 9 && probe.top1 == 1 && probe.penalty != nil)
        }
    }

    private struct Table: Decodable {
        let sets: [Row]
        let classifier: String?

        struct Row: Decodable {
            let set: String
            let pictures: Int
            let classes: Int
            let zeroShot: Double
            let supervised: Double?
            let publishedCLIP: Double
        }
    }

    @Test func `the lecture's table is made of the sets that are there, part by part of the classes`() throws {
        try withTemporaryFolder { folder in
            let root = "\(folder)/sets"
            func write(_ text: String, to file: String) throws {
                let url = URL(fileURLWithPath: file)
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(),
                    withIntermediateDirectories: true
                )
                try Data(text.utf8).write(to: url)
            }
            let order = ["red", "green", "blue"]
            let colors = try order.map { try #require(Self.colors[$0]) }
            try write("n00000001\nn00000002\nn00000003\n", to: "\(folder)/names/synsets.txt")
            try write("red\ngreen\nblue\n", to: "\(folder)/names/classnames.txt")
            try write("{}\na picture in {}\n", to: "\(folder)/names/templates.txt")
            try Self.paint(
                "\(root)/imagenet",
                folders: zip(["n00000001", "n00000002", "n00000003"], colors).map { ($0, $1) },
                each: 2
            )
            // Numbers, of which 2 comes before 10 in ImageNet's order and after it in the alphabet's.
            try Self.paint("\(root)/imagenet-v2", folders: [("0", colors[0]), ("2", colors[2])], each: 2)
            try Self.paint("\(root)/objectnet/images", folders: [("see", colors[2]), ("other", colors[0])], each: 2)
            try write(
                #"{"see": "Sea", "other": "Elsewhere"}"#,
                to: "\(root)/objectnet/mappings/folder_to_objectnet_label.json"
            )
            try write(
                #"{"Sea": "the blue; the green"}"#,
                to: "\(root)/objectnet/mappings/objectnet_to_imagenet_1k.json"
            )
            try write(#"{"0": 2, "1": 1, "2": 0}"#, to: "\(root)/objectnet/mappings/pytorch_to_imagenet_2012_id.json")
            try write("the blue\nthe green\nthe red\n", to: "\(root)/objectnet/mappings/imagenet_to_label_2012_v2")
            let names = ["synsets", "classnames", "templates"].flatMap { ["--\($0)", "names/\($0).txt"] }
            let tool = Tool(folder: folder)
            let result = try tool.run(["evaluate", "table", "sets", "--html", "table.html", "--json"] + names)
            #expect(result.status == 0, "\(result.errors)")
            let table = try JSONDecoder().decode(Table.self, from: Data(result.output.utf8))
            #expect(table.sets.map(\.set) == ["ImageNet", "ImageNet V2", "ObjectNet"])
            #expect(table.sets.map(\.classes) == [3, 2, 1] && table.sets.map(\.pictures) == [6, 4, 2])
            #expect(table.sets.map(\.publishedCLIP) == [76.2, 70.1, 72.3])
            #expect(table.sets[0].zeroShot > 60 && table.sets[2].zeroShot == 100 && table.sets[0].supervised == nil)
            #expect(try String(contentsOfFile: "\(folder)/table.html", encoding: .utf8).contains("ObjectNet"))

            let misnamed = "\(root)/imagenet-r/n99999999"
            try FileManager.default.createDirectory(atPath: misnamed, withIntermediateDirectories: true)
            let refused = try tool.run(["evaluate", "table", "sets"] + names)
            #expect(refused.status == 1 && refused.lastError.contains("n99999999 is no class of ImageNet"))
        }
    }

    @Test(arguments: [
        (["zero-shot", "nowhere"], 1, "nowhere is missing"),
        (["zero-shot", "empty"], 1, "There is no shard in the folder empty; expected a folder with a folder for each"),
        (["zero-shot", "text.pt"], 1, "text.pt is no shard; expected a folder with a folder for each class"),
        (["zero-shot", "set", "--html", "page.png"], 64, "--html is page.png"),
        (["zero-shot", "set", "--html", "/proc/page.html"], 1, "/proc/page.html could not be written"),
        (["retrieval", "empty"], 1, "There is no shard in the folder empty; expected webdataset shards"),
        (["retrieval", "text.pt"], 1, "text.pt is no shard"),
        (["linear-probe", "nowhere", "--test", "nowhere"], 1, "nowhere is missing"),
        (["supervised", "set", "--classifier", "text.pt", "--classnames", "names.txt"], 1, "text.pt"),
        (["table", "."], 1, "synsets.txt is missing; Scripts/fetch-imagenet-names gets it"),
    ])
    func `wrong input ends in one sentence`(arguments: [String], status: Int32, part: String) throws {
        try withTemporaryFolder { folder in
            try Data("words\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/text.pt"))
            try Data("a\nb\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/names.txt"))
            for name in ["set/a", "set/b", "empty"] {
                try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
            }
            let result = try Tool(folder: folder).run(["evaluate"] + arguments)
            #expect(result.status == status && result.output.isEmpty)
            #expect(result.errors.contains(part), "\(result.errors)")
        }
    }
}
