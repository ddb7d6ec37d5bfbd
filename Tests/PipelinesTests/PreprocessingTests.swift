import LienzoImages
import LienzoModels
import LienzoPipelines
import Testing

@Suite("What the image tower sees of a picture")
struct PreprocessingTests {
    @Test("A picture that is not square is centred on the fill colour", arguments: [UInt8(0), 255])
    func longest(fill: UInt8) throws {
        let red = try Image(width: 40, height: 21, filledWith: Color(red: 255, green: 51, blue: 0))
        let preprocessing = OpenCLIPConfiguration.Preprocessing(
            size: 8,
            mean: [0, 0, 0],
            standardDeviation: [1, 1, 1],
            resizeMode: .longest,
            fillColor: fill
        )
        // 21 · 8 / 40 rounds to 4 rows: two above, two below.
        let (beside, inside) = (
            [Float](repeating: Float(fill) / 255, count: 16),
            { (value: Float) in
                [Float](repeating: value, count: 32)
            }
        )
        let expected = [1, 0.2, 0].flatMap { beside + inside($0) + beside }
        #expect(try preprocessing(red) == expected)
    }
}
