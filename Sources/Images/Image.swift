/// A picture in memory: 8 bits a channel, sRGB, upright.
///
/// Everything that Lienzo reads is brought to this one form, and everything that it draws or writes starts from it.
/// It is a plain value: copying shares the pixels until one copy is changed, and it may cross threads.
public struct Image: Sendable, Equatable {
    /// Columns, at least 1.
    public let width: Int

    /// Rows, at least 1.
    public let height: Int

    /// 3 for red, green, blue; 4 when straight (not premultiplied) alpha follows them.
    public let channels: Int

    /// `height × width × channels` bytes: rows from the top, pixels from the left, channels interleaved.
    public internal(set) var pixels: [UInt8]

    /// Makes a picture of pixels that the caller has.
    ///
    /// - Parameters:
    ///   - width: Columns, 1…`Image.maximumSide`.
    ///   - height: Rows, 1…`Image.maximumSide`.
    ///   - channels: 3 (sRGB) or 4 (sRGB and straight alpha).
    ///   - pixels: `height × width × channels` bytes, interleaved, rows from the top.
    /// - Throws: `ImageError.impossibleSize` or `ImageError.wrongPixelCount`.
    public init(width: Int, height: Int, channels: Int = 3, pixels: [UInt8]) throws(ImageError) {
        try Self.checkSize(width: width, height: height, name: "the picture")
        guard channels == 3 || channels == 4, pixels.count == width * height * channels else {
            throw .wrongPixelCount(width: width, height: height, channels: channels, found: pixels.count)
        }
        self.init(uncheckedWidth: width, height: height, channels: channels, pixels: pixels)
    }

    /// Makes a picture of one colour.
    ///
    /// - Parameters:
    ///   - width: Columns, 1…`Image.maximumSide`.
    ///   - height: Rows, 1…`Image.maximumSide`.
    ///   - color: What every pixel is.
    /// - Throws: `ImageError.impossibleSize`.
    public init(width: Int, height: Int, filledWith color: Color) throws(ImageError) {
        try Self.checkSize(width: width, height: height, name: "the picture")
        var pixels = [UInt8](repeating: color.red, count: width * height * 3)
        if color.green != color.red || color.blue != color.red {
            for start in stride(from: 0, to: pixels.count, by: 3) {
                pixels[start + 1] = color.green
                pixels[start + 2] = color.blue
            }
        }
        self.init(uncheckedWidth: width, height: height, channels: 3, pixels: pixels)
    }

    /// For code in this room that has just computed the numbers.
    init(uncheckedWidth width: Int, height: Int, channels: Int, pixels: [UInt8]) {
        self.width = width
        self.height = height
        self.channels = channels
        self.pixels = pixels
    }

    /// The longest side of a picture that Lienzo makes or reads.
    public static let maximumSide = 65_535

    /// The most pixels that Lienzo decodes or makes; a header that announces more is refused before any is decoded.
    ///
    /// Source: Pillow's `DecompressionBombError` limit, twice its `MAX_IMAGE_PIXELS`.
    public static let maximumPixels = 178_956_970

    static func checkSize(width: Int, height: Int, name: String) throws(ImageError) {
        let sides = 1...maximumSide
        guard sides.contains(width), sides.contains(height), width * height <= maximumPixels else {
            throw .impossibleSize(name: name, width: width, height: height)
        }
    }

    /// One pixel, for code that looks at a few; a position outside the picture gives its nearest pixel.
    package func color(x: Int, y: Int) -> Color {
        let start = (min(max(y, 0), height - 1) * width + min(max(x, 0), width - 1)) * channels
        return Color(red: pixels[start], green: pixels[start + 1], blue: pixels[start + 2])
    }
}

/// An opaque sRGB colour, 8 bits a channel.
public struct Color: Sendable, Hashable {
    /// Red, 0…255.
    public var red: UInt8
    /// Green, 0…255.
    public var green: UInt8
    /// Blue, 0…255.
    public var blue: UInt8

    /// Makes a colour of its three channels, each 0…255.
    public init(red: UInt8, green: UInt8, blue: UInt8) {
        self.red = red
        self.green = green
        self.blue = blue
    }

    /// 255, 255, 255.
    public static let white = Color(red: 255, green: 255, blue: 255)
    /// 0, 0, 0.
    public static let black = Color(red: 0, green: 0, blue: 0)
}
