import LienzoImages

/// What the pixels of a letterboxed RGBA picture say: enough to judge, compare and name its colour.
struct PictureMeasure: Sendable {
    /// 256 bits: whether each cell of a 17×16 grey thumbnail is brighter than its left neighbour.
    let hash: [UInt64]
    /// The mean colours of a 4×4 grid over white, 48 values from 0 to 255.
    let grid: [UInt8]
    /// The part of the square that is drawn on, from 0 to 1.
    let coverage: Double
    /// The part of the square that differs from white, from 0 to 1.
    let ink: Double
    /// The part of neighbouring drawn pixels that are exactly equal: high in flat drawings, low in photographs.
    let flatness: Double
    /// The number of distinct colours at five bits a channel.
    let colours: Int
    /// The one colour that dominates the drawn part, where one does.
    let colour: ColourName?

    init(_ image: Image) {
        let (width, height) = (image.width, image.height)
        let pixels = image.pixels
        var grey = [Int](repeating: 0, count: 17 * 16)
        var cell = [Int](repeating: 0, count: 48)
        var (drawn, inked, equal, pairs) = (0, 0, 0, 0)
        var seen = Set<Int>()
        var tally = ColourTally()
        for y in 0..<height {
            for x in 0..<width {
                let at = 4 * (y * width + x)
                let alpha = Int(pixels[at + 3])
                var rgb = (0, 0, 0)
                func over(_ i: Int) -> Int { (Int(pixels[at + i]) * alpha + 255 * (255 - alpha)) / 255 }
                rgb = (over(0), over(1), over(2))
                grey[(y * 16 / height) * 17 + x * 17 / width] += 299 * rgb.0 + 587 * rgb.1 + 114 * rgb.2
                let c = 3 * ((y * 4 / height) * 4 + x * 4 / width)
                cell[c] += rgb.0
                cell[c + 1] += rgb.1
                cell[c + 2] += rgb.2
                if min(rgb.0, rgb.1, rgb.2) < 232 { inked += 1 }
                guard alpha > 128 else { continue }
                drawn += 1
                tally.add(rgb.0, rgb.1, rgb.2)
                seen.insert((rgb.0 >> 3) << 10 | (rgb.1 >> 3) << 5 | rgb.2 >> 3)
                if x > 0, pixels[at - 1] > 128 {
                    pairs += 1
                    if (0..<3).allSatisfy({ pixels[at + $0] == pixels[at - 4 + $0] }) { equal += 1 }
                }
            }
        }
        var hash = [UInt64](repeating: 0, count: 4)
        for y in 0..<16 {
            for x in 0..<16 where grey[17 * y + x + 1] > grey[17 * y + x] + grey[17 * y + x] / 64 {
                hash[y / 4] |= 1 << UInt64(16 * (y % 4) + x)
            }
        }
        self.hash = hash
        let area = width * height
        grid = cell.map { UInt8(clamping: $0 * 16 / area) }
        coverage = Double(drawn) / Double(area)
        ink = Double(inked) / Double(area)
        flatness = pairs == 0 ? 1 : Double(equal) / Double(pairs)
        colours = seen.count
        // An outline has no colour of its own, and in a picture that fills a rectangle the background may dominate.
        let isOutline = inked * 4 < area
        let fillsFrame = ContentBox(of: image).map { 100 * drawn > 97 * $0.width * $0.height } ?? true
        colour = fillsFrame ? nil : tally.dominant.flatMap { $0.isShade && isOutline ? nil : $0 }
    }

    /// Whether the other picture looks the same: nearly equal edges and nearly equal colours.
    func resembles(_ other: PictureMeasure) -> Bool {
        var distance = 0
        for i in 0..<4 { distance += (hash[i] ^ other.hash[i]).nonzeroBitCount }
        guard distance <= 10 else { return false }
        var difference = 0
        for i in 0..<48 { difference += abs(Int(grid[i]) - Int(other.grid[i])) }
        return difference <= 48 * 5
    }
}
