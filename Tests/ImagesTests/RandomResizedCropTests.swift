import Testing

@testable import LienzoImages

@Suite struct RandomResizedCropTests {
    /// Numbers that look random enough.
    private struct Counter: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 31)
        }
    }

    @Test("A rectangle lies within the picture, has nearly its area and an allowed shape")
    func rectangles() {
        let crop = RandomResizedCrop(side: 32)
        var generator = Counter(state: 5)
        var corners: Set<Int> = []
        for _ in 0..<500 {
            let cut = crop.rectangle(in: (300, 280), using: &generator)
            #expect(cut.x >= 0 && cut.y >= 0 && cut.x + cut.width <= 300 && cut.y + cut.height <= 280)
            // Rounding moves each side by half a pixel.
            #expect(0.89...1.01 ~= Double(cut.width * cut.height) / 84_000)
            #expect(0.74...1.34 ~= Double(cut.width) / Double(cut.height))
            corners.insert(cut.x)
        }
        #expect(corners.count > 10)
    }

    @Test("Of a picture that no rectangle fits, the middle is kept", arguments: [(900, 10), (10, 900), (1, 1)])
    func extremes(width: Int, height: Int) throws {
        var generator = Counter(state: 1)
        let cut = RandomResizedCrop(side: 8).rectangle(in: (width, height), using: &generator)
        #expect(cut.width >= 1 && cut.height >= 1 && cut.x + cut.width <= width && cut.y + cut.height <= height)
        #expect(abs((width - cut.width) / 2 - cut.x) <= 1 && abs((height - cut.height) / 2 - cut.y) <= 1)
        let picture = try Image(width: width, height: height, filledWith: .white)
        let made = try RandomResizedCrop(side: 8)(picture, using: &generator)
        #expect(made.width == 8 && made.height == 8)
    }
}
