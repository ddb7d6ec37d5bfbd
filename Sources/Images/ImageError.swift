public import LienzoFiles

/// Why a picture could not be read, made or written.
public enum ImageError: Error, Sendable, Equatable, CustomStringConvertible {
    /// libvips does not start on this machine.
    case libraryUnavailable(reason: String)
    /// The file cannot be read or written: it is missing, a folder, not allowed, or the disk is full.
    ///
    /// Nothing half-written is left.
    case file(FileError)
    /// The file is empty.
    case empty(name: String)
    /// The file holds more bytes than Lienzo reads for one picture.
    case tooManyBytes(name: String, found: Int, limit: Int)
    /// The first bytes are of no picture format that Lienzo reads.
    case notAPicture(name: String)
    /// The file begins as a picture of this format but is cut off or damaged.
    case damaged(name: String, format: String, reason: String)
    /// The header announces more pixels than Lienzo decodes.
    case tooLarge(name: String, width: Int, height: Int)
    /// A width or height below 1 or above the limits was asked for.
    case impossibleSize(name: String, width: Int, height: Int)
    /// The pixels do not fit the width, height and channels given with them.
    case wrongPixelCount(width: Int, height: Int, channels: Int, found: Int)
    /// The name of the file to write ends in none of the formats that Lienzo writes.
    case unknownExtension(path: String)
    /// Text was to be stored in a format other than PNG.
    case textNeedsPNG(path: String)
    /// A key or value of the text to store is not allowed in a PNG.
    case badText(key: String, reason: String)
    /// The pixels cannot be encoded.
    case notEncodable(format: String, reason: String)
    /// One sentence: what is wrong, what was expected, what was found, what to do.
    public var description: String {
        switch self {
        case .libraryUnavailable(let reason):
            "libvips cannot be used (\(reason)); install the Debian package libvips42."
        case .file(let error):
            error.description
        case .empty(let name):
            "\(name) is empty; expected \(PictureFormat.readable)."
        case .tooManyBytes(let name, let found, let limit):
            "\(name) has \(found) bytes; a picture file may have at most \(limit)."
        case .notAPicture(let name):
            "\(name) is not a picture that Lienzo reads; expected \(PictureFormat.readable)."
        case .damaged(let name, let format, let reason):
            "\(name) begins as \(format) but is cut off or damaged (\(reason)); save or download it again."
        case .tooLarge(let name, let width, let height):
            "\(name) announces \(width) × \(height) pixels; "
                + "sides up to \(Image.maximumSide) and up to \(Image.maximumPixels) pixels in all are decoded."
        case .impossibleSize(let name, let width, let height):
            "\(name) cannot be \(width) × \(height) pixels; "
                + "each side must be 1 to \(Image.maximumSide) and the product at most \(Image.maximumPixels)."
        case .wrongPixelCount(let width, let height, let channels, let found):
            "A picture of \(width) × \(height) pixels with \(channels) channels does not fit \(found) bytes; "
                + "channels must be 3 or 4 and the bytes their product."
        case .unknownExtension(let path):
            "\(path) does not say what to write; end the name in .png, .jpg, .jpeg or .webp."
        case .textNeedsPNG(let path):
            "\(path) cannot carry the text that was to be stored with the picture; end the name in .png."
        case .badText(let key, let reason):
            "The text \"\(key.prefix(80))\" cannot be stored in a PNG: \(reason)."
        case .notEncodable(let format, let reason):
            "The picture cannot be encoded as \(format): \(reason)."
        }
    }
}
