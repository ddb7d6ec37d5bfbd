import Foundation
import LienzoImages
import TestSupport
import Testing

@Suite("Reading pictures")
struct DecodingTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let file: String
        let expected: String
        var alpha: Image.AlphaTreatment = .keep
        /// Lossless formats are equal; two decoders of a lossy one round a little differently.
        var tolerance = 0
        var testDescription: String { file }
    }

    @Test(
        "gives the pixels that Pillow gives",
        .tags(.parity),
        arguments: [
            Case(file: "small.png", expected: "small"),
            Case(file: "small.webp", expected: "small"),
            Case(file: "small-alpha.png", expected: "small-alpha"),
            Case(file: "small-alpha.webp", expected: "small-alpha"),
            Case(file: "small-grey.png", expected: "small-grey"),
            Case(file: "small-grey-alpha.png", expected: "small-grey-alpha"),
            Case(file: "small-bilevel.png", expected: "small-bilevel"),
            Case(file: "small-palette.png", expected: "small-palette"),
            Case(file: "small-16.png", expected: "small"),
            Case(file: "small-grey-16.png", expected: "small-grey"),
            Case(file: "small.gif", expected: "small-gif", alpha: .overWhite),
            Case(file: "small.jpg", expected: "small-jpg", tolerance: 1),
            Case(file: "small-progressive.jpg", expected: "small-progressive-jpg", tolerance: 1),
            Case(file: "small-grey.jpg", expected: "small-grey", tolerance: 2),
        ]
    )
    func likePillow(_ item: Case) throws {
        let image = try Image(contentsOf: Fixture.path(item.file), alpha: item.alpha)
        let difference = try #require(largestDifference(image, try Fixture.bytes("\(item.expected).raw")))
        #expect(difference <= item.tolerance)
    }

    @Test("reads HEIC and AVIF", arguments: ["small.heic", "small.avif"])
    func heif(_ file: String) throws {
        let image = try Image(contentsOf: Fixture.path(file))
        #expect(image.width == 24 && image.height == 16 && image.channels == 3)
        let expected = try Fixture.bytes("small.raw")
        // Lossy at quality 90, with colours at half resolution: alike on the whole.
        let mean =
            zip(image.pixels, expected).map { abs(Double($0) - Double($1)) }.reduce(0, +) / Double(expected.count)
        #expect(mean < 12)
    }

    @Test("turns a picture upright by its EXIF orientation", arguments: 1...8)
    func orientation(_ orientation: Int) throws {
        let image = try Image(contentsOf: Fixture.path("orientation-\(orientation).jpg"))
        #expect(image.width == 24 && image.height == 16)
        #expect(try #require(largestDifference(image, try Fixture.bytes("orientation.raw"))) <= 6)
    }

    @Test(
        "brings CMYK to sRGB",
        arguments: [
            ("cmyk-red.jpg", Color(red: 230, green: 30, blue: 35)),
            ("cmyk-white.jpg", Color.white),
            ("cmyk-black.jpg", Color(red: 35, green: 30, blue: 30)),
        ]
    )
    func cmyk(_ file: String, _ expected: Color) throws {
        let found = try Image(contentsOf: Fixture.path(file)).color(x: 8, y: 8)
        #expect(abs(Int(found.red) - Int(expected.red)) < 30)
        #expect(abs(Int(found.green) - Int(expected.green)) < 30)
        #expect(abs(Int(found.blue) - Int(expected.blue)) < 30)
    }

    @Test("lays transparency over white when asked")
    func overWhite() throws {
        let kept = try Image(contentsOf: Fixture.path("small-alpha.png"), alpha: .keep)
        let flat = try Image(contentsOf: Fixture.path("small-alpha.png"), alpha: .overWhite)
        #expect(flat.channels == 3)
        for pixel in 0..<24 * 16 {
            let alpha = Double(kept.pixels[pixel * 4 + 3]) / 255
            for channel in 0..<3 {
                let expected = Double(kept.pixels[pixel * 4 + channel]) * alpha + 255 * (1 - alpha)
                #expect(abs(expected - Double(flat.pixels[pixel * 3 + channel])) <= 0.5001)
            }
        }
    }

    @Test("reads from memory what it reads from a file")
    func memory() throws {
        let data = Data(try Fixture.bytes("small.png"))
        #expect(try Image(data: data) == Image(contentsOf: Fixture.path("small.png")))
        // A slice's indices do not begin at zero.
        let padded = Data([1, 2, 3]) + data
        #expect(try Image(data: padded.dropFirst(3)) == Image(data: data))
    }

    @Test("decodes on many threads at once")
    func concurrency() async throws {
        let expected = try Image(contentsOf: Fixture.path("clip-wide.jpg"))
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<32 {
                group.addTask {
                    if index % 4 == 0 {
                        #expect(throws: ImageError.self) { try Image(data: Data("nonsense".utf8)) }
                    }
                    return try Image(contentsOf: Fixture.path("clip-wide.jpg")) == expected
                }
            }
            for try await same in group { #expect(same) }
        }
    }

    @Test("does not grow over hundreds of decodes")
    func leaks() async {
        // In a process of its own, since other tests need memory meanwhile.
        await #expect(processExitsWith: .success) {
            func residentKiB() throws -> Int {
                let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
                let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS") })
                return try #require(Int(line.split(separator: " ").dropLast().last ?? ""))
            }
            let files = ["clip-wide.jpg", "small.webp", "small.gif", "orientation-6.jpg", "small-16.png", "small.avif"]
            func round() throws {
                for file in files { _ = try Image(contentsOf: Fixture.path(file)) }
                _ = try? Image(data: Data(try Fixture.bytes("source.png").prefix(900)))
            }
            for _ in 0..<20 { try round() }
            let before = try residentKiB()
            for _ in 0..<50 { try round() }
            // 350 decodes; one leaked clip-wide.jpg each round would be 12 MiB.
            #expect(try residentKiB() - before < 8_192)
        }
    }
}
