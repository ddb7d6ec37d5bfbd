import LienzoFiles

/// The checked table of contents of a safetensors file: every tensor lies where it says, once, with no gap.
///
/// The file is: the header's length (8 bytes, little-endian), the header (JSON), the elements. Nothing in it is
/// believed until checked, and a header that passes cannot make a later read leave the file.
///
/// Source: https://github.com/huggingface/safetensors, README "Format" and `safetensors/src/tensor.rs`.
package struct SafetensorsHeader: Sendable {
    /// One tensor: row-major elements at `bytes` of the file.
    package struct Entry: Sendable, Equatable {
        package let name: String
        package let type: StoredType
        package let shape: [Int]
        /// Where the elements are, counted from the start of the file.
        package let bytes: Range<Int>
    }

    /// The tensors in the order of their elements in the file.
    package let entries: [Entry]
    /// Free text about the file (`__metadata__`).
    package let metadata: [String: String]

    /// The longest header the format allows, in bytes.
    package static let byteLimit = 100_000_000
    /// More tensors than any published model has, few enough that a hostile header stays cheap.
    package static let tensorLimit = 65_536
    /// As many dimensions as the engine has.
    package static let rankLimit = 64

    /// Checks the header of a file.
    ///
    /// - Parameters:
    ///   - file: all bytes of the file; only the header is touched.
    ///   - path: the file's name in messages.
    /// - Throws: where anything in the header breaks the format.
    package init(file: UnsafeRawBufferPointer, path: String) throws(CheckpointError) {
        guard file.count >= 8 else {
            throw CheckpointError(path, "a safetensors file begins with 8 bytes, but this one has \(file.count)")
        }
        let length = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
        guard length <= UInt64(Self.byteLimit) else {
            throw CheckpointError(
                path,
                "the header claims \(length) bytes, but one has at most \(Self.byteLimit); this is another kind of file"
            )
        }
        let bodyStart = 8 + Int(length)
        guard bodyStart <= file.count else {
            throw CheckpointError(
                path,
                "the header claims \(length) bytes, but the file ends after \(file.count - 8) of them: "
                    + "it is cut short; copy or download it again"
            )
        }
        var parser = SafetensorsHeaderParser(bytes: Array(file[8..<bodyStart]), path: path)
        let contents = try parser.parse()
        metadata = contents.metadata
        entries = try Self.placed(contents.entries, bodyStart: bodyStart, bodyCount: file.count - bodyStart, path: path)
    }

    /// The entries in the order of their elements, each checked against its shape, its neighbours and the file's end.
    private static func placed(
        _ parsed: [SafetensorsHeaderParser.Entry],
        bodyStart: Int,
        bodyCount: Int,
        path: String
    ) throws(CheckpointError) -> [Entry] {
        let sorted = parsed.sorted { ($0.start, $0.end) < ($1.start, $1.end) }
        var end = 0
        var entries: [Entry] = []
        entries.reserveCapacity(sorted.count)
        for entry in sorted {
            let name = quoted(entry.name)
            guard entry.start == end else {
                let fault = entry.start > end ? "leaves a hole after" : "overlaps"
                throw CheckpointError(
                    path,
                    "the tensor \(name) begins at byte \(entry.start), which \(fault) its neighbour that ends at \(end)"
                )
            }
            guard entry.end >= entry.start else {
                throw CheckpointError(path, "the tensor \(name) ends at byte \(entry.end), before it begins")
            }
            guard let count = entry.type.byteCount(shape: entry.shape) else {
                throw CheckpointError(
                    path,
                    "the tensor \(name) of shape \(entry.shape) and type \(entry.type.rawValue) "
                        + "has no whole number of bytes that a computer can count"
                )
            }
            guard entry.end - entry.start == count else {
                throw CheckpointError(
                    path,
                    "the tensor \(name) of shape \(entry.shape) and type \(entry.type.rawValue) needs \(count) bytes, "
                        + "but its offsets span \(entry.end - entry.start)"
                )
            }
            guard entry.end <= bodyCount else {
                throw CheckpointError(
                    path,
                    "the tensor \(name) ends at byte \(entry.end), but only \(bodyCount) follow the header: "
                        + "the file is cut short; copy or download it again"
                )
            }
            end = entry.end
            entries.append(
                Entry(
                    name: entry.name,
                    type: entry.type,
                    shape: entry.shape,
                    bytes: bodyStart + entry.start..<bodyStart + entry.end
                )
            )
        }
        guard end == bodyCount else {
            throw CheckpointError(path, "\(bodyCount - end) bytes follow the last tensor, which belong to none")
        }
        return entries
    }
}
