/// Reads little-endian numbers and runs of bytes one after another and never beyond the end.
struct ByteReader {
    private let bytes: ArraySlice<UInt8>
    /// The index of the next byte.
    private(set) var position: Int
    /// What is being read, for the message when it ends too soon.
    private let subject: String
    private let path: String

    init(_ bytes: ArraySlice<UInt8>, of subject: String, path: String) {
        self.bytes = bytes
        position = bytes.startIndex
        self.subject = subject
        self.path = path
    }

    var isAtEnd: Bool { position == bytes.endIndex }

    mutating func take(_ count: Int) throws(CheckpointError) -> ArraySlice<UInt8> {
        guard count >= 0, count <= bytes.endIndex - position else {
            throw CheckpointError(path, "\(subject) ends in the middle of an item; the file is damaged or not complete")
        }
        defer { position += count }
        return bytes[position..<position + count]
    }

    mutating func number<Number: FixedWidthInteger>(
        _ type: Number.Type = Number.self
    ) throws(CheckpointError) -> Number {
        try take(Number.bitWidth / 8).reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }

    /// A number that must fit an `Int`.
    mutating func count<Number: FixedWidthInteger>(_ type: Number.Type) throws(CheckpointError) -> Int {
        guard let value = Int(exactly: try number(type)), value >= 0 else {
            throw CheckpointError(path, "\(subject) has a size that no file can have")
        }
        return value
    }

    /// The bytes up to the next newline, which is skipped.
    mutating func line() throws(CheckpointError) -> ArraySlice<UInt8> {
        guard let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) else {
            throw CheckpointError(path, "\(subject) ends in the middle of a line; the file is damaged or not complete")
        }
        defer { position = end + 1 }
        return bytes[position..<end]
    }
}
