import CVips
import LienzoFiles

extension Image {
    /// The bytes of a PNG file.
    ///
    /// - Parameter text: What is stored with the picture, such as its prompt; keys of 1…79 printable ASCII
    ///   characters, values of at most 1 MiB of any text. `Image.text(ofPNGAt:)` reads it back, and so do other programs.
    /// - Returns: The whole file.
    /// - Throws: `ImageError.notEncodable` or `ImageError.badText`.
    public func png(text: [String: String] = [:]) throws(ImageError) -> [UInt8] {
        try PNGChunks.inserting(text, into: try encoded(as: .png, quality: 100))
    }

    /// The bytes of a JPEG file; transparency is laid over white.
    ///
    /// - Parameter quality: 1 (small) … 100 (good).
    /// - Returns: The whole file.
    /// - Throws: `ImageError.notEncodable`.
    public func jpeg(quality: Int = 90) throws(ImageError) -> [UInt8] {
        try flattened(over: .white).encoded(as: .jpeg, quality: quality)
    }

    /// The bytes of a lossy WebP file; transparency is kept.
    ///
    /// - Parameter quality: 1 (small) … 100 (good).
    /// - Returns: The whole file.
    /// - Throws: `ImageError.notEncodable`; a side above 16,383 is more than the format can hold.
    public func webp(quality: Int = 85) throws(ImageError) -> [UInt8] {
        try encoded(as: .webp, quality: quality)
    }

    /// Writes a picture file: all of it, or nothing.
    ///
    /// - Parameters:
    ///   - path: Where; its ending says the format: `.png`, `.jpg`, `.jpeg` or `.webp`. A file there is replaced.
    ///   - text: What is stored with the picture, as in `png(text:)`; for PNG only.
    /// - Throws: `ImageError`; nothing half-written is left.
    public func write(to path: String, text: [String: String] = [:]) throws(ImageError) {
        guard let format = PictureFormat(writingTo: path) else { throw .unknownExtension(path: path) }
        guard text.isEmpty || format == .png else { throw .textNeedsPNG(path: path) }
        let bytes =
            switch format {
            case .jpeg: try jpeg()
            case .webp: try webp()
            default: try png(text: text)
            }
        do {
            try AtomicFile.write(bytes, to: path)
        } catch {
            throw .file(error)
        }
    }

    /// The text that is stored in a PNG file, by key; empty when there is none.
    ///
    /// - Parameter path: The file. It is not trusted: texts above 1 MiB in all, compressed or malformed ones are left out.
    /// - Returns: The texts by their keys.
    /// - Throws: `ImageError.file`, `.tooManyBytes`, `.empty` or `.notAPicture`.
    public static func text(ofPNGAt path: String) throws(ImageError) -> [String: String] {
        let bytes = try readFile(path, limit: maximumFileBytes)
        if bytes.isEmpty { throw .empty(name: path) }
        guard bytes.withUnsafeBytes({ PictureFormat(firstBytesOf: $0) }) == .png else { throw .notAPicture(name: path) }
        return PNGChunks.text(of: bytes)
    }

    private func encoded(as format: PictureFormat, quality: Int) throws(ImageError) -> [UInt8] {
        try Vips.start()
        var error = CVipsError()
        var bytes: UnsafeMutablePointer<UInt8>?
        var length = 0
        let status = pixels.withUnsafeBufferPointer { buffer in
            cvips_encode(
                format.vips,
                buffer.baseAddress,
                Int32(width),
                Int32(height),
                Int32(channels),
                Int32(min(max(quality, 1), 100)),
                &bytes,
                &length,
                &error
            )
        }
        guard status == 0 else { throw .notEncodable(format: format.rawValue, reason: error.message) }
        defer { cvips_free(bytes) }
        return Array(UnsafeBufferPointer(start: bytes, count: length))
    }
}
