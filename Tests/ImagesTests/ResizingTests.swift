import LienzoImages
import TestSupport
import Testing

@Suite("Resizing and cropping")
struct ResizingTests {
    static let sizes = [(1, 1), (7, 5), (30, 21), (60, 43), (61, 20), (97, 101), (130, 42), (55, 13)]

    @Test(
        "every filter gives Pillow's bytes, up and down",
        .tags(.parity),
        arguments: ResamplingFilter.allCases,
        sizes.map { [$0.0, $0.1] }
    )
    func likePillow(_ filter: ResamplingFilter, _ size: [Int]) throws {
        let source = try Image(contentsOf: Fixture.path("source.png"))
        let expected = try Image(contentsOf: Fixture.path("resized-\(filter.rawValue)-\(size[0])x\(size[1]).png"))
        #expect(try source.resized(width: size[0], height: size[1], filter: filter) == expected)
    }

    @Test(
        "transparency is resized with premultiplied colours, like Pillow",
        .tags(.parity),
        arguments: ResamplingFilter.allCases
    )
    func alphaLikePillow(_ filter: ResamplingFilter) throws {
        let source = try Image(contentsOf: Fixture.path("source-alpha.png"), alpha: .keep)
        let expected = try Image(contentsOf: Fixture.path("resized-alpha-\(filter.rawValue)-25x31.png"), alpha: .keep)
        #expect(try source.resized(width: 25, height: 31, filter: filter) == expected)
    }

    @Test(
        "in two steps, Pillow's bytes with a reducing gap of 1",
        .tags(.parity),
        arguments: [[30, 21], [20, 14], [9, 40], [61, 10], [7, 5], [1, 1]]
    )
    func inSteps(_ size: [Int]) throws {
        let source = try Image(contentsOf: Fixture.path("source.png"))
        let expected = try Image(contentsOf: Fixture.path("in-steps-\(size[0])x\(size[1]).png"))
        #expect(try source.resizedInSteps(width: size[0], height: size[1]) == expected)
    }

    @Test("two filters do not give the same bytes, so the comparison above can fail")
    func control() throws {
        let source = try Image(contentsOf: Fixture.path("source.png"))
        let expected = try Image(contentsOf: Fixture.path("resized-bicubic-30x21.png"))
        let other = try source.resized(width: 30, height: 21, filter: .bilinear)
        #expect(try #require(largestDifference(other, expected)) > 4)
    }

    @Test("CLIP's preprocessing is equal to within 1/255", .tags(.parity), arguments: ["wide", "tall"])
    func clip(_ name: String) throws {
        let image = try Image(contentsOf: Fixture.path("clip-\(name).jpg"))
        let found = try image.resized(shorterSide: 224).centerCropped(width: 224, height: 224)
        let expected = try Image(contentsOf: Fixture.path("clip-\(name)-224.png"))
        #expect(try #require(largestDifference(found, expected)) <= 1)
    }

    @Test(
        "a square cut out while resizing is the middle of the whole, bit for bit",
        arguments: ResamplingFilter.allCases
    )
    func croppedWhileResizing(_ filter: ResamplingFilter) throws {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<40 {
            let (width, height) = (
                Int.random(in: 1...150, using: &generator), Int.random(in: 1...150, using: &generator)
            )
            let channels = Bool.random(using: &generator) ? 3 : 4
            let pixels = (0..<width * height * channels).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let image = try Image(width: width, height: height, channels: channels, pixels: pixels)
            let side = Int.random(in: 1...60, using: &generator)
            let crop = Int.random(in: 1...side + 3, using: &generator)
            let expected = try image.resized(shorterSide: side, filter: filter)
                .centerCropped(width: crop, height: crop)
            #expect(try image.resized(shorterSide: side, croppedTo: crop, filter: filter) == expected)
        }
    }

    @Test(
        "a size of zero, below zero or beyond the limits is refused",
        arguments: [
            [0, 5], [5, 0], [-1, 5], [70_000, 5], [60_000, 60_000], [Int.max, Int.max],
        ]
    )
    func impossibleSizes(_ size: [Int]) throws {
        let source = try Image(width: 3, height: 3, filledWith: .white)
        #expect(throws: ImageError.self) { try source.resized(width: size[0], height: size[1]) }
        #expect(throws: ImageError.self) { try source.centerCropped(width: size[0], height: size[1]) }
        #expect(throws: ImageError.self) { try source.cropped(x: 0, y: 0, width: size[0], height: size[1]) }
        #expect(throws: ImageError.self) { try Image(width: size[0], height: size[1], filledWith: .white) }
        #expect(throws: ImageError.self) { try Image(width: size[0], height: size[1], pixels: []) }
    }

    @Test("a very thin picture keeps at least one pixel")
    func thin() throws {
        let thin = try Image(width: 4_000, height: 1, filledWith: .black)
        #expect(try thin.resized(width: 10, height: 10).pixels.allSatisfy { $0 == 0 })
        #expect(throws: ImageError.self) { try thin.resized(shorterSide: 224) }
    }

    @Test("crops take the pixels they name")
    func cropping() throws {
        let source = try Image(contentsOf: Fixture.path("source.png"))
        let part = try source.cropped(x: 50, y: 40, width: 11, height: 3)
        #expect(part.color(x: 10, y: 2) == source.color(x: 60, y: 42))
        #expect(throws: ImageError.self) { try source.cropped(x: 51, y: 40, width: 11, height: 3) }
        #expect(throws: ImageError.self) { try source.cropped(x: -1, y: 0, width: 2, height: 2) }
        // 61 − 30 = 31 columns are left: half of that is 15.5, to even 16; 43 − 20 = 23 rows: 11.5, to even 12.
        let middle = try source.centerCropped(width: 30, height: 20)
        #expect(middle == (try source.cropped(x: 16, y: 12, width: 30, height: 20)))
        let padded = try source.centerCropped(width: 64, height: 43)
        #expect(padded.color(x: 0, y: 5) == .black)
        #expect(padded.color(x: 1, y: 5) == source.color(x: 0, y: 5))
        #expect(padded.color(x: 62, y: 5) == .black)
    }

    @Test("mirroring twice gives the picture back")
    func mirroring() throws {
        let source = try Image(contentsOf: Fixture.path("source-alpha.png"), alpha: .keep)
        let mirrored = source.flippedHorizontally()
        #expect(mirrored.color(x: 0, y: 7) == source.color(x: 60, y: 7))
        #expect(mirrored.flippedHorizontally() == source)
    }

    @Test("planes of numbers are torchvision's, and come back as the same picture")
    func planes() throws {
        let source = try Image(contentsOf: Fixture.path("source.png"))
        let mean: [Float] = [0.48145466, 0.4578275, 0.40821073]
        let std: [Float] = [0.26862954, 0.26130258, 0.27577711]
        let planes = source.planarFloats(mean: mean, std: std)
        #expect(planes.count == 3 * 43 * 61)
        #expect(planes[43 * 61 + 62] == (Float(source.color(x: 1, y: 1).green) / 255 - mean[1]) / std[1])
        #expect(try Image(planes: source.planarFloats(), width: 61, height: 43, range: 0...1) == source)
        let odd = try Image(planes: [.nan, .infinity, -.infinity], width: 1, height: 1)
        #expect(odd.pixels == [0, 255, 0])
        #expect(throws: ImageError.self) { try Image(planes: [0, 0], width: 1, height: 1) }
    }
}
