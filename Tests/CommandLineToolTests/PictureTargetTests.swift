import Foundation
import LienzoFiles
import TestSupport
import Testing

@testable import LienzoCommandLineTool

@Suite("The file of a picture")
struct PictureTargetTests {
    @Test(
        "is named after the words",
        arguments: [
            ("a red apple", "a-red-apple-7.png"),
            ("Una manzana roja, ¿sí?", "una-manzana-roja-sí-7.png"),
            ("x", "x-7.png"),
            ("../../etc/passwd", "etc-passwd-7.png"),
            ("🍎 !", "red-apple-exclamation-mark-7.png"), ("❤️", "heavy-black-heart-7.png"),
        ]
    )
    func slug(prompt: String, path: String) {
        #expect(PictureTarget(output: nil, prompt: prompt, count: 1).path(seed: 7) == path)
    }

    @Test("has a name that a file system takes, however long the prompt is")
    func longPrompt() {
        let prompt = String(repeating: "word ", count: 10_000)
        #expect(PictureTarget.slug(of: prompt).utf8.count <= 60)
        #expect(PictureTarget.slug(of: String(repeating: "w", count: 10_000)).utf8.count <= 60)
    }

    @Test("gets its seed into its name only where there are several")
    func output() {
        #expect(PictureTarget(output: "out/apple.png", prompt: "", count: 1).path(seed: 3) == "out/apple.png")
        #expect(PictureTarget(output: "out/apple.png", prompt: "", count: 2).path(seed: 3) == "out/apple-3.png")
    }

    @Test(
        "is refused before the work begins where it cannot be written",
        arguments: ["no/such/folder/x.png", "/proc/x.png", "/dev/null", "/tmp"]
    )
    func unwritable(path: String) {
        #expect(throws: FileError.self) { try OutputFile.requireWritable(path) }
        #expect(throws: FileError.self) { try OutputFile.requireWritable("/tmp/a.png", path) }
    }

    @Test("is refused where the command reads it")
    func input() throws {
        try withTemporaryFolder { folder in
            #expect(throws: CommandError.self) {
                try OutputFile.requireWritable("\(folder)/./a.csv", apartFrom: ["\(folder)/a.csv"])
            }
            try OutputFile.requireWritable("\(folder)/b.csv", nil, apartFrom: ["\(folder)/a.csv"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }

    @Test("shows text from a file without obeying it")
    func printable() {
        #expect(Console.printable("a\u{1B}[31m\nb") == "a?[31m b")
    }
}
