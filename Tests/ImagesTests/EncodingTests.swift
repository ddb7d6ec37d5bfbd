import Foundation
import Testing

@testable import LienzoImages

@Suite("Writing pictures and their text")
struct EncodingTests {
    let source: Image
    let clear: Image

    init() throws {
        source = try Image(contentsOf: Fixture.path("source.png"))
        clear = try Image(contentsOf: Fixture.path("source-alpha.png"), alpha: .keep)
    }

    @Test("PNG comes back equal, with and without transparency")
    func png() throws {
        #expect(try Image(data: Data(source.png()), alpha: .keep) == source)
        #expect(try Image(data: Data(clear.png()), alpha: .keep) == clear)
    }

    @Test("JPEG and WebP come back alike")
    func lossy() throws {
        let smooth = try source.resized(width: 6, height: 4).resized(width: 61, height: 43)
        #expect(try #require(largestDifference(try Image(data: Data(smooth.jpeg(quality: 95))), smooth)) < 16)
        #expect(try #require(largestDifference(try Image(data: Data(smooth.webp(quality: 95))), smooth)) < 24)
        #expect(try Image(data: Data(clear.webp()), alpha: .keep).channels == 4)
        #expect(try Image(data: Data(clear.jpeg()), alpha: .keep).channels == 3)
    }

    @Test("text of any language comes back from a PNG")
    func text() throws {
        let text = [
            "prompt": "una manzana roja, señor 🍎\nsecond line", "seed": "18446744073709551615", "model": "mini",
            "empty": "", "long": String(repeating: "ñ", count: 40_000),
        ]
        try Fixture.withTemporaryFolder { folder in
            let path = folder + "/picture.png"
            try source.write(to: path, text: text)
            #expect(try Image.text(ofPNGAt: path) == text)
            #expect(try Image(contentsOf: path) == source)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["picture.png"])
        }
    }

    @Test("text that Pillow wrote is read; compressed text is left out")
    func pillowText() throws {
        #expect(
            try Image.text(ofPNGAt: Fixture.path("text.png")) == [
                "prompt": "a red apple", "title": "una manzana roja 🍎", "Latin": "señor",
            ]
        )
    }

    @Test(
        "keys and values that PNG does not allow are refused",
        arguments: [
            ["": "x"], ["clé": "x"], [" a": "x"], [String(repeating: "k", count: 80): "x"], ["key": "a\0b"],
            ["key": String(repeating: "x", count: 2_000_000)],
        ]
    )
    func badText(_ text: [String: String]) {
        #expect(throws: ImageError.self) { try source.png(text: text) }
    }

    @Test("text chunks that lie about their length are passed over")
    func hostileText() throws {
        var bytes = try source.png(text: ["prompt": "a red apple"])
        #expect(PNGChunks.text(of: bytes) == ["prompt": "a red apple"])
        bytes.replaceSubrange(33..<37, with: [0xFF, 0xFF, 0xFF, 0xFF])
        #expect(PNGChunks.text(of: bytes).isEmpty)
        for count in 0..<80 { _ = PNGChunks.text(of: Array(bytes.prefix(count))) }
    }

    @Test("what cannot be written leaves nothing behind")
    func unwritable() throws {
        try Fixture.withTemporaryFolder { folder in
            let targets = [
                folder + "/missing/picture.png", folder, folder + "/", folder + "/picture", folder + "/picture.bmp",
                "/proc/picture.png", "",
            ]
            for path in targets {
                #expect(throws: ImageError.self) { try source.write(to: path) }
            }
            try FileManager.default.createDirectory(atPath: folder + "/folder.png", withIntermediateDirectories: false)
            #expect(throws: ImageError.self) { try source.write(to: folder + "/folder.png") }
            #expect(throws: ImageError.textNeedsPNG(path: "a.jpg")) { try source.write(to: "a.jpg", text: ["a": "b"]) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["folder.png"])
        }
    }
}
