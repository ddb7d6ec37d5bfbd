import Foundation

/// The invisible watermark of Stable Diffusion XL: 48 bits, which are in a picture as often as there is room.
///
/// A square of 8 × 8 pixels has one bit, square after square in rows. It is in the colour difference U, of which
/// Haar's wavelet makes 4 × 4 numbers of such a square, each half the sum of 2 × 2 pixels: the largest but for the
/// first goes to a quarter of the way between two multiples of 36 for a 0, to three quarters for a 1. Pictures with
/// fewer columns than 256, or fewer pixels than 256 × 256, have none.
///
/// Source: the package invisible-watermark 0.2.0, `EmbedMaxDct`; diffusers' `StableDiffusionXLWatermarker`.
public enum Watermark {
    /// The message, its first bit the highest.
    static let bits = (0..<48).map { 0xB3EC_907B_B19E >> (47 - $0) & 1 == 1 }
    /// The multiples between which the bits lie.
    private static let step: Float = 36

    /// Whether a picture has the watermark.
    ///
    /// Cutting, scaling and strong compression take it away, and there is little of it where all is white or of one
    /// glaring colour. A picture without it fits by chance once in 100,000 times or less.
    ///
    /// - Parameter image: any picture.
    /// - Returns: whether what is found fits the message by a correlation of 0.6 or more.
    public static func isIn(_ image: Image) -> Bool { correlation(image) >= 0.6 }

    /// How well what a picture has fits the message, −1 to 1; 0 where there is nothing to see.
    ///
    /// The package's own decoder looks for the number that carries the bit by its size, and after the bit has changed
    /// it, another one is often larger. Here all numbers of a square are counted that are as a bit would make them: those
    /// without one lie anywhere, and where they all are alike, they count for all bits.
    static func correlation(_ image: Image) -> Double {
        guard hasRoom(image.width, image.height) else { return 0 }
        var plane = [Float](repeating: 0, count: image.width * image.height)
        for pixel in plane.indices {
            let start = pixel * image.channels
            let (red, green, blue) = (image.pixels[start], image.pixels[start + 1], image.pixels[start + 2])
            plane[pixel] = YUV(red: Float(red), green: Float(green), blue: Float(blue)).u
        }
        let halves = HalfSums(plane, width: image.width, height: image.height)
        var (found, counts) = ([Double](repeating: 0, count: bits.count), [Double](repeating: 0, count: bits.count))
        for (square, places) in halves.squares.enumerated() {
            counts[square % bits.count] += 1
            for place in places.dropFirst() {
                let rest = abs(halves.values[place]).truncatingRemainder(dividingBy: step)
                if abs(rest - 0.75 * step) < 1 { found[square % bits.count] += 1 }
                if abs(rest - 0.25 * step) < 1 { found[square % bits.count] -= 1 }
            }
        }
        return pearson(zip(found, counts).map(/), bits.map { $0 ? 1 : 0 })
    }

    /// The pixels of a picture with the watermark; those of a picture without room for it as they are.
    ///
    /// - Parameters:
    ///   - planes: `[3, height, width]` in one array, −1 to 1 and beyond, as a decoder gives them.
    ///   - width: Columns.
    ///   - height: Rows.
    /// - Returns: the same planes, −1 to 1.
    package static func marked(planes: [Float], width: Int, height: Int) -> [Float] {
        let count = width * height
        guard hasRoom(width, height), planes.count == 3 * count else { return planes }
        var pixels = (0..<count).map { pixel in
            func value(_ channel: Int) -> Float { 255 * (planes[channel * count + pixel] / 2 + 0.5) }
            return YUV(red: value(0), green: value(1), blue: value(2))
        }
        var plane = pixels.map(\.u)
        var halves = HalfSums(plane, width: width, height: height)
        for (square, places) in halves.squares.enumerated() {
            guard let largest = places.dropFirst().max(by: { abs(halves.values[$0]) < abs(halves.values[$1]) })
            else { continue }
            let value = halves.values[largest]
            let size = abs(value)
            let multiple = size - size.truncatingRemainder(dividingBy: step)
            let marked = multiple + (bits[square % bits.count] ? 0.75 : 0.25) * step
            halves.values[largest] = value < 0 ? -marked : marked
        }
        halves.replace(&plane, width: width)
        var marked = planes
        for pixel in 0..<count {
            pixels[pixel].u = plane[pixel]
            func put(_ value: Float, _ channel: Int) {
                marked[channel * count + pixel] = min(max(2 * (value / 255 - 0.5), -1), 1)
            }
            put(pixels[pixel].red, 0)
            put(pixels[pixel].green, 1)
            put(pixels[pixel].blue, 2)
        }
        return marked
    }

    private static func hasRoom(_ width: Int, _ height: Int) -> Bool { width >= 256 && width * height >= 256 * 256 }

    private static func pearson(_ a: [Double], _ b: [Double]) -> Double {
        func apart(_ numbers: [Double]) -> [Double] {
            let mean = numbers.reduce(0, +) / Double(numbers.count)
            return numbers.map { $0 - mean }
        }
        func product(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        let (a, b) = (apart(a), apart(b))
        let size = (product(a, a) * product(b, b)).squareRoot()
        return size > 0 ? product(a, b) / size : 0
    }
}

/// Brightness and colour differences of a pixel; products and sums are rounded once, as by the vector instructions that
/// the reference runs on.
///
/// Source: OpenCV's `COLOR_BGR2YUV` for floating-point numbers.
private struct YUV {
    let y: Float
    var u: Float
    let v: Float

    init(red: Float, green: Float, blue: Float) {
        y = (red * 0.299).addingProduct(green, 0.587).addingProduct(blue, 0.114)
        u = Float(0.5).addingProduct(blue - y, 0.492)
        v = Float(0.5).addingProduct(red - y, 0.877)
    }

    var red: Float { y.addingProduct(v - 0.5, 1.140) }
    var green: Float { y.addingProduct(u - 0.5, -0.395).addingProduct(v - 0.5, -0.581) }
    var blue: Float { y.addingProduct(u - 0.5, 2.032) }
}

/// Half the sum of each 2 × 2 pixels of a plane: what Haar's wavelet has beside the details.
///
/// Rows and columns beyond a multiple of 4 are left away.
private struct HalfSums {
    private let (columns, rows): (Int, Int)
    var values: [Float]

    init(_ plane: [Float], width: Int, height: Int) {
        (columns, rows) = (width / 4 * 2, height / 4 * 2)
        values = []
        values.reserveCapacity(columns * rows)
        for row in 0..<rows {
            for column in 0..<columns {
                let top = 2 * row * width + 2 * column
                values.append(sum(sum(plane[top], plane[top + width]), sum(plane[top + 1], plane[top + 1 + width])))
            }
        }
    }

    /// The places of the sixteen numbers of each square, square after square in rows.
    var squares: some Sequence<[Int]> {
        (0..<rows / 4).lazy.flatMap { row in
            (0..<columns / 4).lazy.map { column in
                (0..<16).map { (4 * row + $0 / 4) * columns + 4 * column + $0 % 4 }
            }
        }
    }

    /// Puts these numbers in the place of a plane's own.
    ///
    /// The details of both directions change places, as in the reference: each 2 × 2 pixels are mirrored at a diagonal.
    func replace(_ plane: inout [Float], width: Int) {
        for row in 0..<rows {
            for column in 0..<columns {
                let top = 2 * row * width + 2 * column
                let bottom = top + width
                let upper = (plane[top], plane[top + 1])
                let lower = (plane[bottom], plane[bottom + 1])
                let falls = (difference(upper.0, lower.0), difference(upper.1, lower.1))
                let down = sum(falls.0, falls.1)
                let across = difference(sum(upper.0, lower.0), sum(upper.1, lower.1))
                let diagonal = difference(falls.0, falls.1)
                let value = values[row * columns + column]
                let sums = (sum(value, down), difference(value, down))
                let differences = (sum(across, diagonal), difference(across, diagonal))
                (plane[top], plane[bottom]) = (sum(sums.0, differences.0), difference(sums.0, differences.0))
                (plane[top + 1], plane[bottom + 1]) = (sum(sums.1, differences.1), difference(sums.1, differences.1))
            }
        }
    }
}

/// The square root of a half, which makes the wavelet keep lengths.
private let root: Float = 0.70710677
private func sum(_ a: Float, _ b: Float) -> Float { a * root + b * root }
private func difference(_ a: Float, _ b: Float) -> Float { a * root - b * root }
