import Foundation
import TestSupport
import Testing

@testable import LienzoImages

/// The watermark of Stable Diffusion XL, against the package that the reference uses: `Tools/reference/watermark.py`.
@Suite("The invisible watermark")
struct WatermarkTests {
    private let width = 264
    private let height = 252

    /// The pixels of the fixture before it was marked: slopes up and down, here and there beyond −1 to 1.
    private var planes: [Float] {
        func wave(_ n: Int, _ length: Int) -> Int {
            let rest = (n % (2 * length) + 2 * length) % (2 * length)
            return abs(rest - length)
        }
        var (red, green, blue): ([Int], [Int], [Int]) = ([], [], [])
        for y in 0..<height {
            for x in 0..<width {
                red.append(wave(3 * x + y, 130) + wave(2 * y, 60))
                green.append(wave(2 * x - y, 90) + wave(x + 3 * y, 70))
                blue.append(wave(x + y, 150) + wave(3 * x, 110) - wave(5 * y, 40))
            }
        }
        return (red + green + blue).map { Float($0 - 110) / 128 }
    }

    private func marked(_ planes: [Float], _ width: Int, _ height: Int) throws -> Image {
        let planes = Watermark.marked(planes: planes, width: width, height: height)
        return try Image(planes: planes, width: width, height: height)
    }

    @Test("a marked picture has the package's bytes", .tags(.parity))
    func bytes() throws {
        let expected = try Image(contentsOf: Fixture.path("watermark.png"))
        let found = try marked(planes, width, height)
        #expect(largestDifference(found, expected) == 0)
        let plain = try Image(planes: planes, width: width, height: height)
        #expect(try #require(largestDifference(plain, expected)) > 5)
    }

    @Test("a marked picture is known by it, also of one colour, and one without is not")
    func reading() throws {
        #expect(Watermark.isIn(try Image(contentsOf: Fixture.path("watermark.png"))))
        #expect(!Watermark.isIn(try Image(planes: planes, width: width, height: height)))
        for level in [Float(-0.7), -0.2, 0.3, 0.55] {
            let plain = [Float](repeating: level, count: 3 * 256 * 256)
            #expect(Watermark.isIn(try marked(plain, 256, 256)), "\(level)")
            #expect(!Watermark.isIn(try Image(planes: plain, width: 256, height: 256)))
        }
    }

    @Test("transparency is no hindrance, and pixels that are moved are no watermark")
    func channels() throws {
        let picture = try Image(contentsOf: Fixture.path("watermark.png"))
        let four = stride(from: 0, to: picture.pixels.count, by: 3).flatMap { picture.pixels[$0..<$0 + 3] + [7] }
        #expect(Watermark.isIn(try Image(width: width, height: height, channels: 4, pixels: four)))
        let moved = Array(picture.pixels.dropFirst(9) + picture.pixels.prefix(9))
        #expect(!Watermark.isIn(try Image(width: width, height: height, pixels: moved)))
    }

    @Test("a picture with few pixels is left as it is", arguments: [(255, 300), (256, 255), (8, 8), (1024, 60)])
    func small(width: Int, height: Int) throws {
        let planes = (0..<3 * width * height).map { Float($0 % 255) / 128 - 1 }
        #expect(Watermark.marked(planes: planes, width: width, height: height) == planes)
        #expect(!Watermark.isIn(try Image(planes: planes, width: width, height: height)))
    }

    @Test("numbers that are none, and sizes that are no multiple of anything, do no harm")
    func strange() throws {
        var planes = [Float](repeating: .nan, count: 3 * 257 * 259)
        planes[5] = .infinity
        planes[257 * 259 + 5] = -.infinity
        planes[1000] = 1e30
        #expect(Watermark.marked(planes: planes, width: 257, height: 259).count == planes.count)
        #expect(Watermark.marked(planes: [], width: 300, height: 300).isEmpty)
    }
}
