import CZlib

/// The files inside a Qt resource collection (`.rcc`), as gcompris-qt-data ships its pictures.
///
/// Reads versions 1 to 3, stored and zlib-compressed files; Zstandard files are left out and counted.
///
/// Source: Qt 5.15, `qresource.cpp` (tree of 14- or 22-byte nodes, names in UTF-16BE, payloads behind a length).
struct QtResource: Sendable {
    private let reader: ByteReader
    private let files: [String: (payload: Int, compressed: Bool)]

    init(path: String) throws(DataError) {
        try self.init(bytes: readFile(path), path: path)
    }

    init(bytes: [UInt8], path: String) throws(DataError) {
        reader = ByteReader(bytes: bytes, path: path)
        guard try reader.slice(0, count: 4).elementsEqual(Array("qres".utf8)) else {
            throw .malformed(path: path, what: "expected a Qt resource that begins with qres, found other bytes")
        }
        let (version, tree) = (try reader.u32(4), try reader.u32(8))
        let (data, names) = (try reader.u32(12), try reader.u32(16))
        guard (1...3).contains(version) else {
            throw .malformed(path: path, what: "expected a Qt resource of version 1 to 3, found \(version)")
        }
        let node = version == 1 ? 14 : 22
        var files: [String: (payload: Int, compressed: Bool)] = [:]
        // Children always come after their parent, so a plain queue visits every node once.
        var queue: [(index: Int, folder: String)] = [(0, "")]
        var visited: Set<Int> = [0]
        while let (index, folder) = queue.popLast() {
            let at = tree + node * index
            let flags = try reader.u16(at + 4)
            let nameAt = names + (try reader.u32(at))
            let units = index == 0 ? [] : try Self.utf16(reader, at: nameAt)
            let name = index == 0 ? "" : folder + "/" + String(decoding: units, as: UTF16.self)
            if flags & 2 != 0 {
                let (count, first) = (try reader.u32(at + 6), try reader.u32(at + 10))
                for child in 0..<count {
                    _ = try reader.u32(tree + node * (first + child))
                    if visited.insert(first + child).inserted { queue.append((first + child, name)) }
                }
            } else if flags & 4 == 0 {
                files[name] = (data + (try reader.u32(at + 10)), flags & 1 != 0)
            }
        }
        self.files = files
    }

    /// The names of all files, with a leading slash, sorted.
    var names: [String] { files.keys.sorted() }

    /// The bytes of the file `name`; at most `limit` of them.
    func contents(of name: String, limit: Int = 1 << 26) throws(DataError) -> [UInt8] {
        guard let file = files[name] else {
            throw .malformed(path: reader.path, what: "expected a file \(name) in it, found none")
        }
        let count = try reader.u32(file.payload)
        let stored = try reader.slice(file.payload + 4, count: count)
        guard file.compressed else { return Array(stored) }
        let size = try reader.u32(file.payload + 4)
        guard size <= limit, count > 4 else {
            throw .malformed(path: reader.path, what: "expected at most \(limit) bytes for \(name), found \(size)")
        }
        var output = [UInt8](repeating: 0, count: size)
        var written = uLongf(size)
        let status = Array(stored.dropFirst(4)).withUnsafeBufferPointer { input in
            output.withUnsafeMutableBufferPointer { buffer in
                uncompress(buffer.baseAddress, &written, input.baseAddress, uLong(input.count))
            }
        }
        guard status == Z_OK, Int(written) == size else {
            throw .malformed(path: reader.path, what: "expected \(size) bytes of zlib data for \(name), found others")
        }
        return output
    }

    private static func utf16(_ reader: ByteReader, at offset: Int) throws(DataError) -> [UInt16] {
        var units: [UInt16] = []
        for i in 0..<(try reader.u16(offset)) { units.append(UInt16(try reader.u16(offset + 6 + 2 * i))) }
        return units
    }
}
