import Foundation
import LienzoImages
import Testing

@Suite("Pictures that nobody should trust")
struct HostileInputTests {
    /// One sentence: no line break, ends in a full stop.
    private func isSentence(_ error: ImageError?) -> Bool {
        guard let text = error?.description else { return false }
        return text.count < 600 && text.hasSuffix(".") && !text.contains("\n")
    }

    @Test("a PNG header of 60,000 × 60,000 is refused before anything is decoded")
    func hugeHeader() throws {
        var bytes = try Fixture.bytes("small.png")
        bytes.replaceSubrange(16..<24, with: [0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60])
        let error = #expect(throws: ImageError.self) { try Image(data: Data(bytes), name: "huge.png") }
        #expect(error == .tooLarge(name: "huge.png", width: 60_000, height: 60_000))
        #expect(isSentence(error))
        #expect(throws: ImageError.self) { try Image(data: Data(bytes.prefix(33))) }
    }

    @Test(
        "a file cut off anywhere is refused",
        arguments: [
            "source.png", "small.webp", "still.gif", "clip-wide.jpg", "small.heic", "small.avif", "small-16.png",
        ]
    )
    func truncated(_ file: String) throws {
        let bytes = try Fixture.bytes(file)
        for share in [0.03, 0.2, 0.5, 0.8, 0.95] {
            let cut = Data(bytes.prefix(Int(Double(bytes.count) * share)))
            let error = #expect(throws: ImageError.self, "\(share) of \(file)") { try Image(data: cut, name: file) }
            #expect(isSentence(error))
        }
    }

    @Test(
        "damaged bytes give a picture or an error, never a crash",
        arguments: [
            "source.png", "small.webp", "small.gif", "clip-wide.jpg", "small.heic", "small.avif", "small-palette.png",
            "orientation-6.jpg", "cmyk-red.jpg",
        ]
    )
    func damaged(_ file: String) throws {
        let bytes = try Fixture.bytes(file)
        var state: UInt64 = 42
        for _ in 0..<60 {
            var copy = bytes
            for _ in 0..<4 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                copy[Int(state >> 33) % copy.count] = UInt8(truncatingIfNeeded: state >> 24)
            }
            do {
                let image = try Image(data: Data(copy))
                #expect(image.pixels.count == image.width * image.height * image.channels)
            } catch {
                #expect(isSentence(error))
            }
        }
    }

    @Test(
        "what is not a picture is refused",
        arguments: [
            "", "hello", "<html><body>svg</body></html>", "%PDF-1.7", "P6 2 2 255 abcdefghijkl", "ftypheic", "GIF89a",
            "\u{89}PNG", "RIFF....WEBP", "<svg", "<svg>",
            "<svg xmlns='http://www.w3.org/2000/svg' width='0' height='0'/>",
            "<svg xmlns='http://www.w3.org/2000/svg' width='1000000000' height='1000000000'/>",
        ]
    )
    func notAPicture(_ text: String) {
        let error = #expect(throws: ImageError.self) { try Image(data: Data(text.utf8)) }
        #expect(isSentence(error))
    }

    @Test("a missing file, a folder, a device, a pipe and an unreadable name are refused")
    func notAFile() throws {
        try Fixture.withTemporaryFolder { folder in
            let pipe = folder + "/pipe"
            #expect(mkfifo(pipe, 0o600) == 0)
            for path in [folder + "/missing.png", folder, "/dev/zero", pipe, "", String(repeating: "x", count: 5_000)] {
                let error = #expect(throws: ImageError.self) { try Image(contentsOf: path) }
                if path.count < 500 { #expect(isSentence(error)) }
            }
        }
    }

    @Test("an SVG loads nothing from outside itself")
    func externalReference() throws {
        let outside = Fixture.path("cmyk-black.jpg")
        let text = """
            <svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="64" height="64">
            <image xlink:href="file://\(outside)" width="64" height="64"/></svg>
            """
        let image = try Image(data: Data(text.utf8))
        #expect(image.pixels.allSatisfy { $0 == 255 })
    }

    @Test("an SVG that multiplies itself ends in an error or a picture soon", .timeLimit(.minutes(5)))
    func multiplication() throws {
        var text =
            "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' width='9' height='9'>"
        text += "<defs><g id='a0'><rect width='1' height='1'/></g>"
        for level in 1...12 {
            text += "<g id='a\(level)'>" + String(repeating: "<use xlink:href='#a\(level - 1)'/>", count: 10) + "</g>"
        }
        text += "</defs><use xlink:href='#a12'/></svg>"
        // A million million squares, were all of them drawn.
        _ = try? Image(data: Data(text.utf8))
    }
}
