import Foundation
import LienzoImages
import TestSupport
import Testing

/// The commands that the READMEs show do what they say.
@Suite(.tags(.slow))
struct ReadMeTests {
    private static func lines(_ file: String) throws -> [String] {
        try String(contentsOfFile: "\(Clone.path)/\(file)", encoding: .utf8).components(separatedBy: "\n")
    }

    /// The lines of a README's code that begin with `start`.
    private static func commands(_ start: String, in file: String) throws -> [String] {
        try lines(file).filter { $0.hasPrefix("    \(start)") }.map { $0.trimmingCharacters(in: .whitespaces) }
    }

    @Test func `every command of the tool works, in the order of the page`() throws {
        let commands = try Self.commands(".build/release/lienzo", in: "README.md")
        #expect(commands.count >= 4)
        try withTemporaryFolder { folder in
            let tool = Tool(folder: folder)
            try Self.prepare(folder)
            for command in commands {
                // A training is as good after two steps.
                let short = command.contains(" train ") ? " --steps 2 --batch 4" : ""
                let result = try tool.shell(command + short)
                #expect(result.status == 0, "\(command): \(result.errors)")
                #expect(!result.output.isEmpty, "\(command) printed nothing")
            }
        }
    }

    /// What the page takes from the clone, and shards of a few squares for those that `make data` makes.
    private static func prepare(_ folder: String) throws {
        let files = FileManager.default
        try files.createSymbolicLink(atPath: "\(folder)/docs", withDestinationPath: "\(Clone.path)/docs")
        try files.createDirectory(atPath: "\(folder)/data/mini", withIntermediateDirectories: true)
        for (split, count) in [("train", 8), ("validation", 4)] {
            let samples = "\(folder)/samples-\(split)"
            try files.createDirectory(atPath: samples, withIntermediateDirectories: true)
            for number in 0..<count {
                let color = Color(red: UInt8(30 * number), green: 90, blue: UInt8(255 - 30 * number))
                try Image(width: 64, height: 64, filledWith: color).write(to: "\(samples)/\(number).png")
                let captions = #"{"captions": {"en": ["square number \#(number)"]}}"#
                try Data(captions.utf8).write(to: URL(fileURLWithPath: "\(samples)/\(number).json"))
            }
            let tar = try Tool(folder: folder).shell(
                "cd \(samples) && tar --mtime=@0 --sort=name -cf ../data/mini/\(split)-00000.tar *"
            )
            #expect(tar.status == 0, "\(tar.errors)")
        }
    }

    @Test func `published models make pictures as the page says`() throws {
        let commands = try Self.commands("lienzo generate", in: "README.md")
        #expect(commands.count == 2)
        // Models of the same classes with a few channels, in the cache under the ids of the page.
        let models = [
            "stable-diffusion-v1-5/stable-diffusion-v1-5": "stable-diffusion/sd1",
            "kandinsky-community/kandinsky-2-2-decoder": "kandinsky/decoder22",
            "kandinsky-community/kandinsky-2-2-prior": "kandinsky/prior",
        ]
        try withTemporaryFolder { folder in
            for (id, fixture) in models {
                let model = "\(folder)/cache/models--\(id.replacing("/", with: "--"))"
                let commit = String(repeating: "0", count: 40)
                for part in ["refs", "snapshots"] {
                    try FileManager.default.createDirectory(
                        atPath: "\(model)/\(part)",
                        withIntermediateDirectories: true
                    )
                }
                try Data(commit.utf8).write(to: URL(fileURLWithPath: "\(model)/refs/main"))
                try FileManager.default.createSymbolicLink(
                    atPath: "\(model)/snapshots/\(commit)",
                    withDestinationPath: "\(Clone.path)/Tests/PipelinesTests/Fixtures/\(fixture)"
                )
            }
            let tool = Tool(folder: folder, environment: ["HF_HUB_CACHE": "\(folder)/cache"])
            for command in commands {
                let result = try tool.shell(".build/release/\(command)")
                #expect(result.status == 0 && result.output == "a-red-apple-0.png\n", "\(command): \(result.errors)")
            }
        }
    }

    @Test func `the Spanish page shows as many commands, and the same but for the words in quotes`() throws {
        func skeletons(_ file: String) throws -> [String] {
            let commands = try Self.lines(file).filter { $0.hasPrefix("    ") && !$0.contains("git clone") }
            return commands.map { command in
                let unquoted = command.components(separatedBy: "\"").enumerated().filter { $0.offset.isMultiple(of: 2) }
                return unquoted.map(\.element).joined().components(separatedBy: " ")
                    .filter { !$0.hasSuffix(".png") && !$0.hasSuffix(".html") }.joined(separator: " ")
            }
        }
        let (english, spanish) = (try skeletons("README.md"), try skeletons("README.es.md"))
        #expect(english == spanish)
    }

    @Test func `the Swift example compiles as it stands on the page`() throws {
        let page = try Self.lines("README.md")
        let start = try #require(page.firstIndex(of: "```swift"))
        let example = page[(start + 1)...].prefix { $0 != "```" }
        #expect(example.count > 4)
        let compiled = try Self.lines("Tests/CommandLineToolTests/ReadMeExample.swift")
            .map { $0.trimmingCharacters(in: .whitespaces) }
        for line in example {
            #expect(compiled.contains(line.trimmingCharacters(in: .whitespaces)), "\(line) is not compiled")
        }
    }

    @Test(arguments: ["README.md", "README.es.md", "CONTRIBUTING.md"])
    func `every make target that a page names is there`(file: String) throws {
        let targets = try Self.lines("Makefile").compactMap { line in
            line.contains(":") && line.first?.isLetter == true ? line.prefix { $0 != ":" }.description : nil
        }
        for command in try Self.commands("make ", in: file) {
            let target = try #require(command.split(separator: " ").dropFirst().first.map(String.init))
            #expect(targets.contains(target), "\(file) says \(command)")
        }
    }

    @Test(arguments: ["README.md", "README.es.md", "CONTRIBUTING.md"])
    func `every file that a page links to is there`(file: String) throws {
        let text = try Self.lines(file).joined(separator: "\n")
        for match in text.matches(of: /\]\(([^):]+)\)/) {
            #expect(FileManager.default.fileExists(atPath: "\(Clone.path)/\(match.1)"), "\(file) links to \(match.1)")
        }
    }
}
