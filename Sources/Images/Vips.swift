import CVips

/// libvips, started once for the process.
enum Vips {
    /// The first outcome of starting is the outcome for good.
    private static let started: Result<Void, ImageError> = start(cvips_start)
    private static let startedHEIF: Result<Void, ImageError> = start(cvips_start_heif)

    static func start() throws(ImageError) {
        try started.get()
    }

    static func startHEIF() throws(ImageError) {
        try start()
        try startedHEIF.get()
    }

    private static func start(_ call: (UnsafeMutablePointer<CVipsError>?) -> Int32) -> Result<Void, ImageError> {
        var error = CVipsError()
        return call(&error) == 0 ? .success(()) : .failure(.libraryUnavailable(reason: error.message))
    }
}

extension CVipsError {
    /// What libvips said, without a full stop, to go inside a sentence.
    var message: String {
        withUnsafeBytes(of: text) { bytes in
            var end = bytes.firstIndex(of: 0) ?? bytes.endIndex
            while end > 0, bytes[end - 1] == UInt8(ascii: ".") || bytes[end - 1] == UInt8(ascii: " ") { end -= 1 }
            return String(decoding: bytes[..<end], as: UTF8.self)
        }
    }
}

extension PictureFormat {
    var vips: CVipsFormat {
        switch self {
        case .png: CVIPS_PNG
        case .jpeg: CVIPS_JPEG
        case .webp: CVIPS_WEBP
        case .gif: CVIPS_GIF
        case .svg: CVIPS_SVG
        case .heif: CVIPS_HEIF
        }
    }
}
