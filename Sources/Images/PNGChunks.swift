/// The few parts of the PNG container that libvips leaves to us: the size in the header, and text.
///
/// Source: W3C, Portable Network Graphics Specification (Third Edition), sections 5 and 11.3.3.
enum PNGChunks {
    /// Width and height as the header has them; nil when the file does not begin with a header.
    static func size(of bytes: [UInt8]) -> (width: Int, height: Int)? {
        guard bytes.count >= 24, bytes[12..<16].elementsEqual("IHDR".utf8) else { return nil }
        return (number(bytes, at: 16), number(bytes, at: 20))
    }

    // MARK: - Writing text

    /// Puts text behind the header: `tEXt` where Latin letters suffice, `iTXt` (UTF-8) otherwise, in order of keys.
    static func inserting(_ text: [String: String], into png: [UInt8]) throws(ImageError) -> [UInt8] {
        // Eight bytes of signature, then the header: length, name, 13 bytes, checksum.
        let end = 8 + 4 + 4 + 13 + 4
        guard png.count >= end else { return png }
        var result = Array(png[..<end])
        for (key, value) in text.sorted(by: { $0.key < $1.key }) {
            result += try chunk(key: key, value: value)
        }
        return result + png[end...]
    }

    private static func chunk(key: String, value: String) throws(ImageError) -> [UInt8] {
        let keyBytes = Array(key.utf8)
        let printable = keyBytes.allSatisfy { (0x20...0x7E).contains($0) }
        guard (1...79).contains(keyBytes.count), printable, key.first != " ", key.last != " ", !key.contains("  ")
        else {
            throw .badText(key: key, reason: "a key is 1 to 79 printable ASCII characters without stray spaces")
        }
        let valueBytes = Array(value.utf8)
        guard valueBytes.count <= maximumTextBytes else {
            throw .badText(key: key, reason: "a value has at most \(maximumTextBytes) bytes")
        }
        guard !valueBytes.contains(0) else { throw .badText(key: key, reason: "a value has no zero character") }
        let plain = valueBytes.allSatisfy { $0 == 0x0A || (0x20...0x7E).contains($0) }
        // iTXt: key, 0, not compressed, method 0, no language, 0, no translated key, 0, text.
        return plain
            ? chunk("tEXt", keyBytes + [0] + valueBytes)
            : chunk("iTXt", keyBytes + [0, 0, 0, 0, 0] + valueBytes)
    }

    private static func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
        let body = Array(name.utf8) + data
        return bigEndian(UInt32(data.count)) + body + bigEndian(checksum(body))
    }

    // MARK: - Reading text

    /// The most bytes of one text, and of all texts of a file together, that are read or written.
    static let maximumTextBytes = 1 << 20

    /// All uncompressed text of a PNG.
    ///
    /// Chunks that are too long, cut off or malformed are passed over.
    static func text(of bytes: [UInt8]) -> [String: String] {
        var result: [String: String] = [:]
        var total = 0
        var at = 8
        // A chunk is at least 12 bytes: length, name, checksum.
        while at + 12 <= bytes.count, result.count < 1_000 {
            let length = number(bytes, at: at)
            guard length <= bytes.count - at - 12 else { break }
            let name = bytes[at + 4..<at + 8]
            let data = bytes[at + 8..<at + 8 + length]
            at += 12 + length
            if name.elementsEqual("IEND".utf8) { break }
            let isPlain = name.elementsEqual("tEXt".utf8)
            guard isPlain || name.elementsEqual("iTXt".utf8), total + length <= maximumTextBytes else { continue }
            total += length
            if let (key, value) = isPlain ? latin(data) : international(data) { result[key] = value }
        }
        return result
    }

    private static func latin(_ data: ArraySlice<UInt8>) -> (String, String)? {
        guard let zero = data.firstIndex(of: 0) else { return nil }
        func text(_ bytes: ArraySlice<UInt8>) -> String {
            String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
        }
        return (text(data[..<zero]), text(data[(zero + 1)...]))
    }

    private static func international(_ data: ArraySlice<UInt8>) -> (String, String)? {
        guard let zero = data.firstIndex(of: 0), data.endIndex - zero >= 5, data[zero + 1] == 0,
            let language = data[(zero + 3)...].firstIndex(of: 0),
            let translated = data[(language + 1)...].firstIndex(of: 0)
        else { return nil }
        return (
            String(decoding: data[..<zero], as: UTF8.self),
            String(decoding: data[(translated + 1)...], as: UTF8.self)
        )
    }

    // MARK: - Numbers

    private static func number(_ bytes: [UInt8], at index: Int) -> Int {
        bytes[index..<index + 4].reduce(0) { $0 << 8 | Int($1) }
    }

    private static func bigEndian(_ number: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
    }

    /// CRC-32 as PNG's annex D has it.
    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~0) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ ($0 >> 8) }
    }

    private static let table: [UInt32] = (0..<256).map { start in
        (0..<8).reduce(UInt32(start)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
    }
}
