import Foundation
import LienzoImages
import Testing

@Suite("Vector drawings")
struct VectorTests {
    private func svg(_ attributes: String, _ body: String = "<rect width='100%' height='100%' fill='#ff0000'/>")
        -> String
    {
        "<?xml version='1.0'?><!-- \(String(repeating: "a licence ", count: 300)) -->"
            + "<svg xmlns='http://www.w3.org/2000/svg' \(attributes)>\(body)</svg>"
    }

    private func drawn(_ text: String, side: Int) throws -> Image {
        try Fixture.withTemporaryFolder { folder in
            let path = folder + "/drawing.svg"
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            return try Image(svgAt: path, fitting: side)
        }
    }

    private func alpha(_ image: Image, _ x: Int, _ y: Int) -> UInt8 {
        image.pixels[(y * image.width + x) * 4 + 3]
    }

    @Test("a wide drawing is centred in the square and transparent around it")
    func letterbox() throws {
        let image = try drawn(svg("width='400' height='200'"), side: 128)
        #expect(image.width == 128 && image.height == 128 && image.channels == 4)
        #expect(alpha(image, 64, 10) == 0 && alpha(image, 64, 118) == 0)
        #expect(alpha(image, 1, 64) == 255 && alpha(image, 126, 64) == 255)
        #expect(image.color(x: 64, y: 64) == Color(red: 255, green: 0, blue: 0))
    }

    @Test(
        "any size of its own gives the box asked for",
        arguments: [
            "width='3' height='7'", "width='1000' height='999'", "width='17.3mm' height='5cm'", "viewBox='0 0 33 77'",
            "width='9000' height='3'", "width='0.8' height='0.6' viewBox='0 0 2 1.5'", "width='30000' height='4000'",
        ]
    )
    func sizes(_ attributes: String) throws {
        for side in [1, 37, 128] {
            let image = try drawn(svg(attributes), side: side)
            #expect(image.width == side && image.height == side && image.channels == 4)
            #expect((0..<side).contains { alpha(image, side / 2, $0) > 100 })
        }
    }

    @Test("small and large drawings are read at a sensible size")
    func ownSize() throws {
        let small = try Image(data: Data(svg("width='16' height='8'").utf8))
        #expect(small.width == 512 && small.height == 256)
        let large = try Image(data: Data(svg("width='8000' height='4000'").utf8))
        #expect(large.width == 2_048 && large.height == 1_024)
    }

    @Test("a box of impossible size and a file that is no SVG are refused")
    func refusals() throws {
        #expect(throws: ImageError.self) { try drawn(svg("width='5' height='5'"), side: 0) }
        #expect(throws: ImageError.self) { try drawn(svg("width='5' height='5'"), side: 100_000) }
        #expect(throws: ImageError.self) { try Image(svgAt: Fixture.path("small.png"), fitting: 64) }
    }
}
