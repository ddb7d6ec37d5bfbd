/// The formats that Lienzo reads, told apart by a file's first bytes and never by its name.
package enum PictureFormat: String, Sendable, CaseIterable {
    case png = "PNG"
    case jpeg = "JPEG"
    case webp = "WebP"
    case gif = "GIF"
    case svg = "SVG"
    case heif = "HEIC"

    /// For error messages.
    static let readable = "PNG, JPEG, WebP, GIF, SVG, HEIC or AVIF"

    /// Looks at the first bytes; nil when they are of no format that Lienzo reads.
    package init?(firstBytesOf bytes: UnsafeRawBufferPointer) {
        func has(_ signature: [UInt8], at offset: Int = 0) -> Bool {
            bytes.count >= offset + signature.count && bytes[offset..<offset + signature.count].elementsEqual(signature)
        }
        if has([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = .png
        } else if has([0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if has(Array("RIFF".utf8)), has(Array("WEBP".utf8), at: 8) {
            self = .webp
        } else if has(Array("GIF8".utf8)) {
            self = .gif
        } else if has(Array("ftyp".utf8), at: 4), Self.heifBrands.contains(where: { has(Array($0.utf8), at: 8) }) {
            self = .heif
        } else if Self.looksLikeSVG(bytes) {
            self = .svg
        } else {
            return nil
        }
    }

    /// The format that a file name's extension asks for when a picture is written.
    package init?(writingTo path: String) {
        guard let dot = path.lastIndex(of: ".") else { return nil }
        switch path[path.index(after: dot)...].lowercased() {
        case "png": self = .png
        case "jpg", "jpeg": self = .jpeg
        case "webp": self = .webp
        default: return nil
        }
    }

    private static let heifBrands = ["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1", "avif", "avis"]

    /// True for text that begins with markup and opens an `<svg` element within its first 64 KiB.
    ///
    /// Drawing programs put licences and document types before it, far beyond the 1,000 bytes that libvips looks at.
    private static func looksLikeSVG(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let head = bytes.prefix(65_536)
        let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let text = head.starts(with: byteOrderMark) ? head.dropFirst(3) : head
        guard text.first(where: { !($0 == 0x20 || (0x09...0x0D).contains($0)) }) == UInt8(ascii: "<") else {
            return false
        }
        let tag = Array("svg".utf8)
        for index in text.indices where text[index] == UInt8(ascii: "<") {
            let name = text[(index + 1)...]
            if name.starts(with: tag) { return true }
            // A prefixed name: <svg:svg is caught above, <ns:svg here.
            if let colon = name.prefix(32).firstIndex(of: UInt8(ascii: ":")),
                name[(colon + 1)...].starts(with: tag),
                name[..<colon].allSatisfy({ $0 > 0x2F })
            {
                return true
            }
        }
        return false
    }
}
