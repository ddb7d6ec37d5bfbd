/// Bounds-checked big-endian access to the bytes of one file (OpenType fonts and Qt resources are big-endian).
struct ByteReader: Sendable {
    let bytes: [UInt8]
    /// The file's path, for error messages.
    let path: String

    func u8(_ offset: Int) throws(DataError) -> Int {
        try check(offset, 1)
        return Int(bytes[offset])
    }

    func u16(_ offset: Int) throws(DataError) -> Int {
        try check(offset, 2)
        return Int(bytes[offset]) << 8 | Int(bytes[offset + 1])
    }

    func u32(_ offset: Int) throws(DataError) -> Int {
        try check(offset, 4)
        return bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
    }

    func slice(_ offset: Int, count: Int) throws(DataError) -> ArraySlice<UInt8> {
        try check(offset, count)
        return bytes[offset..<offset + count]
    }

    private func check(_ offset: Int, _ count: Int) throws(DataError) {
        guard offset >= 0, count >= 0, count <= bytes.count, offset <= bytes.count - count else {
            throw .malformed(
                path: path,
                what: "expected \(count) bytes at offset \(offset), found a file of \(bytes.count) bytes"
            )
        }
    }
}
