import CVips
public import Foundation

extension Image {
    /// How the names of files end that are looked at where a folder was given, in lower case.
    ///
    /// A file that was given by name is read whatever it is called: what it is, its first bytes say.
    package static let fileExtensions: Set<String> = [
        "png", "jpg", "jpeg", "jfif", "webp", "gif", "svg", "heic", "heif", "avif", "bmp", "tif", "tiff",
    ]

    /// What becomes of transparency when a picture is read.
    public enum AlphaTreatment: Sendable {
        /// The picture is laid over white and has 3 channels.
        case overWhite
        /// A picture with transparency keeps it and has 4 channels; one without has 3.
        case keep
    }

    /// The most bytes that are read for one picture.
    public static let maximumFileBytes = 512 << 20

    /// Reads a picture file: PNG, JPEG, WebP, the first frame of a GIF, SVG, and HEIC or AVIF where libvips reads them.
    ///
    /// The format is told by the first bytes, not by the name. The EXIF orientation is applied; 16 bits become 8, grey
    /// becomes three equal channels, and CMYK becomes sRGB. Colour profiles of RGB pictures are not applied, as in
    /// the reference implementations, whose preprocessing sees the stored numbers. An SVG is drawn at its own size,
    /// but with its longer side at least 512 and at most 2,048 pixels.
    ///
    /// - Parameters:
    ///   - path: The file. It is not trusted: its header is checked before pixels are decoded, and a damaged file is
    ///     refused rather than half shown.
    ///   - alpha: What becomes of transparency.
    /// - Throws: `ImageError`.
    public init(contentsOf path: String, alpha: AlphaTreatment = .overWhite) throws(ImageError) {
        let bytes = try readFile(path, limit: Self.maximumFileBytes)
        try self.init(bytes: bytes, alpha: alpha, name: path)
    }

    /// Reads a picture from the bytes of a file, as `init(contentsOf:alpha:)` does.
    ///
    /// - Parameters:
    ///   - data: The whole file, at most `Image.maximumFileBytes` bytes.
    ///   - alpha: What becomes of transparency.
    ///   - name: What error messages call it.
    /// - Throws: `ImageError`.
    public init(data: Data, alpha: AlphaTreatment = .overWhite, name: String = "The picture") throws(ImageError) {
        try self.init(bytes: [UInt8](data), alpha: alpha, name: name)
    }

    private init(bytes: [UInt8], alpha: AlphaTreatment, name: String) throws(ImageError) {
        let format = try Self.format(of: bytes, name: name)
        var image =
            if format == .svg {
                try Self.drawnSVG(bytes, name: name) { min(max($0, 512), 2_048) }
            } else {
                try Self.decode(bytes, as: format, name: name)
            }
        if alpha == .overWhite { image = image.flattened(over: .white) }
        self = image
    }

    /// Draws an SVG file into a square of `side × side` pixels with 4 channels.
    ///
    /// The drawing is as large as fits, centred, and transparent around.
    ///
    /// - Parameters:
    ///   - path: The SVG file. It is not trusted; what it refers to outside itself is not loaded.
    ///   - side: Width and height of the result in pixels, 1…4,096.
    /// - Throws: `ImageError`.
    public init(svgAt path: String, fitting side: Int) throws(ImageError) {
        let bytes = try readFile(path, limit: 64 << 20)
        guard (1...4_096).contains(side) else {
            throw .impossibleSize(name: "The box for \(path)", width: side, height: side)
        }
        guard try Self.format(of: bytes, name: path) == .svg else { throw .notAPicture(name: path) }
        var drawn = try Self.drawnSVG(bytes, name: path) { _ in Double(side) }
        let longer = max(drawn.width, drawn.height)
        if longer > side {
            drawn = try drawn.resized(
                width: max(drawn.width * side / longer, 1),
                height: max(drawn.height * side / longer, 1)
            )
        }
        self = drawn.withOpaqueAlpha().placed(inSquare: side)
    }

    /// Draws SVG text that Lienzo wrote itself, at its own size, with its transparency.
    ///
    /// - Parameters:
    ///   - text: The whole drawing; its root says width and height in pixels.
    ///   - scale: How many pixels one of the drawing's becomes.
    /// - Throws: `ImageError`.
    package init(drawing text: String, scale: Double = 1) throws(ImageError) {
        self = try Self.decode(Array(text.utf8), as: .svg, scale: scale, name: "The drawing").withOpaqueAlpha()
    }

    // MARK: - Steps

    private static func format(of bytes: [UInt8], name: String) throws(ImageError) -> PictureFormat {
        if bytes.isEmpty { throw .empty(name: name) }
        if bytes.count > maximumFileBytes {
            throw .tooManyBytes(name: name, found: bytes.count, limit: maximumFileBytes)
        }
        guard let format = bytes.withUnsafeBytes({ PictureFormat(firstBytesOf: $0) }) else {
            throw .notAPicture(name: name)
        }
        // A PNG says its size at a fixed place. Looking there first gives the true reason for refusing a header that
        // announces too much, whatever else is wrong with the file.
        if format == .png, let size = PNGChunks.size(of: bytes) {
            try checkDecodable(width: size.width, height: size.height, name: name)
        }
        return format
    }

    /// Draws an SVG so that its longer side has as many pixels as `longerSide` makes of its own length, or a few more.
    private static func drawnSVG(
        _ bytes: [UInt8],
        name: String,
        longerSide: (Double) -> Double
    ) throws(ImageError) -> Image {
        var size = try open(bytes, as: .svg, name: name) { _, header in (header.width, header.height) }
        var magnification = 1.0
        if max(size.0, size.1) <= 4_096 {
            // libvips tells sizes in whole pixels; asked for 64 times the size, it tells small ones to a fraction.
            magnification = 64
            size = try open(bytes, as: .svg, scale: 64, name: name) { _, header in (header.width, header.height) }
        }
        let longer = Double(max(size.0, size.1)) / magnification
        let shorter = Double(min(size.0, size.1)) / magnification
        // To librsvg, what is too large to be drawn is one pixel large at any scale.
        guard longer >= 0.5 else {
            throw .damaged(name: name, format: "SVG", reason: "it is too large or too small to be drawn")
        }
        // A hair's breadth still gets one pixel, and libvips scales by no less than a thousandth.
        let scale = max(longerSide(longer) / longer, 1 / shorter, 0.001)
        return try decode(bytes, as: .svg, scale: scale, name: name)
    }

    private static func checkDecodable(width: Int, height: Int, name: String) throws(ImageError) {
        let fits = width <= maximumSide && height <= maximumSide && width * height <= maximumPixels
        guard fits else { throw .tooLarge(name: name, width: width, height: height) }
    }

    /// Opens, checks the announced size, and decodes.
    private static func decode(
        _ bytes: [UInt8],
        as format: PictureFormat,
        scale: Double = 1,
        name: String
    ) throws(ImageError) -> Image {
        try open(bytes, as: format, scale: scale, name: name) { picture, header throws(ImageError) in
            try checkDecodable(width: header.width, height: header.height, name: name)
            let size = header.width * header.height * header.channels
            var error = CVipsError()
            var status: Int32 = 0
            let pixels = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                status = cvips_read(picture, buffer.baseAddress, size, &error)
                count = status == 0 ? size : 0
            }
            guard status == 0 else { throw .damaged(name: name, format: format.rawValue, reason: error.message) }
            return Image(
                uncheckedWidth: header.width,
                height: header.height,
                channels: header.channels,
                pixels: pixels
            )
        }
    }

    /// Opens a file's bytes for as long as `body` runs; only the header has been read then.
    private static func open<R>(
        _ bytes: [UInt8],
        as format: PictureFormat,
        scale: Double = 1,
        name: String,
        body: (_ picture: OpaquePointer?, _ header: (width: Int, height: Int, channels: Int)) throws(ImageError) -> R
    ) throws(ImageError) -> R {
        try format == .heif ? Vips.startHEIF() : Vips.start()
        // `withUnsafeBytes` rethrows any error; a Result carries the typed one through.
        return try bytes.withUnsafeBytes { file -> Result<R, ImageError> in
            var error = CVipsError()
            var header = CVipsHeader()
            var picture: OpaquePointer?
            guard cvips_open(format.vips, file.baseAddress, file.count, scale, &picture, &header, &error) == 0 else {
                return .failure(.damaged(name: name, format: format.rawValue, reason: error.message))
            }
            defer { cvips_close(picture) }
            do throws(ImageError) {
                return .success(try body(picture, (Int(header.width), Int(header.height), Int(header.channels))))
            } catch {
                return .failure(error)
            }
        }.get()
    }
}
