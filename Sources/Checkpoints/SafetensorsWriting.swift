import LienzoFiles
package import LienzoTorch

/// Writes a safetensors file: under a temporary name, synced, then renamed, so that it is whole or absent.
///
/// One tensor's elements are in memory at a time beside the tensors themselves. The bytes are those that the reference
/// writes: wider types first, then by name.
///
/// - Parameters:
///   - tensors: names and tensors, on any device; each is stored in its own type and in row-major order.
///   - metadata: free text about the file; the reference expects `"format": "pt"`.
///   - path: where the file shall be.
/// - Throws: `CheckpointError` where a name is used twice or the file cannot be written, `TorchError` where a tensor
///   cannot be read.
///
/// Source: safetensors 0.8, `serialize_to_file`.
package func writeSafetensors(
    _ tensors: [(String, Tensor)],
    metadata: [String: String] = ["format": "pt"],
    to path: String
) throws {
    let sorted =
        tensors
        .map { (name: $0, type: StoredType($1.dtype), tensor: $1) }
        .sorted { left, right in
            left.type.rank == right.type.rank
                ? left.name.utf8.lexicographicallyPrecedes(right.name.utf8) : left.type.rank > right.type.rank
        }
    for (tensor, next) in zip(sorted, sorted.dropFirst()) where tensor.name == next.name {
        throw CheckpointError(path, "two tensors to be written have the name \(quoted(tensor.name))")
    }
    if sorted.contains(where: { $0.name == "__metadata__" }) {
        throw CheckpointError(path, "no tensor can have the name __metadata__, which the format keeps for itself")
    }
    do {
        var file = try AtomicFile(path)
        try file.write(safetensorsHeader(sorted.map { ($0.name, $0.type, $0.tensor.shape) }, metadata: metadata))
        for entry in sorted {
            try file.write(torchScope { entry.tensor.bytes() })
        }
        try file.commit()
    } catch let error as FileError {
        throw CheckpointError(error)
    }
}

/// The length and the JSON of a header whose tensors follow one another in this order.
func safetensorsHeader(
    _ entries: [(name: String, type: StoredType, shape: [Int])],
    metadata: [String: String]
) -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
        let pairs = metadata.sorted { $0.key < $1.key }.map { jsonString($0) + ":" + jsonString($1) }
        members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var offset = 0
    for entry in entries {
        let end = offset + entry.shape.reduce(entry.type.bitCount / 8, *)
        let shape = entry.shape.map(String.init).joined(separator: ",")
        members.append(
            "\(jsonString(entry.name)):{\"dtype\":\"\(entry.type.rawValue)\",\"shape\":[\(shape)],"
                + "\"data_offsets\":[\(offset),\(end)]}"
        )
        offset = end
    }
    var json = Array("{\(members.joined(separator: ","))}".utf8)
    // Spaces up to a multiple of eight, so that elements are aligned in a mapped file.
    json += repeatElement(UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
    return withUnsafeBytes(of: UInt64(json.count).littleEndian, Array.init) + json
}

private func jsonString(_ text: String) -> String {
    let escaped = text.unicodeScalars.map { scalar -> String in
        switch scalar {
        case "\"": "\\\""
        case "\\": "\\\\"
        case "\n": "\\n"
        case "\r": "\\r"
        case "\t": "\\t"
        case "\u{8}": "\\b"
        case "\u{C}": "\\f"
        case "\0"..<" ": "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
        default: String(scalar)
        }
    }
    return "\"" + escaped.joined() + "\""
}

extension StoredType {
    /// The place among the format's types, by which the reference sorts.
    fileprivate var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
