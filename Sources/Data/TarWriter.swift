import LienzoFiles

/// Writes a tar archive whose bytes depend on nothing but the names and contents given: no times, owners or modes.
///
/// Source: POSIX.1-1988 ustar; the layout of webdataset shards.
struct TarWriter: ~Copyable {
    private let path: String
    private var file: AtomicFile
    private var hash = SHA256()

    /// Begins an archive that stands at `path` when it is finished, and not before.
    init(path: String) throws(DataError) {
        self.path = path
        do { file = try AtomicFile(path) } catch { throw .unwritable(path: path, reason: error.description) }
    }

    /// Adds a file.
    ///
    /// `name` is at most 100 bytes of UTF-8.
    mutating func add(_ name: String, _ contents: [UInt8]) throws(DataError) {
        let nameBytes = Array(name.utf8)
        guard (1...100).contains(nameBytes.count), contents.count < 1 << 33 else {
            throw .invalid("A tar entry needs a name of 1 to 100 bytes and less than 8 GiB; \(name) has neither.")
        }
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int) {
            header.replaceSubrange(offset..<offset + text.utf8.count, with: Array(text.utf8))
        }
        header.replaceSubrange(0..<nameBytes.count, with: nameBytes)
        put("0000644\0", at: 100)
        put("0000000\0", at: 108)
        put("0000000\0", at: 116)
        put(octal(contents.count, digits: 11) + "\0", at: 124)
        put("00000000000\0", at: 136)
        put("        ", at: 148)
        put("0", at: 156)
        put("ustar\0", at: 257)
        put("00", at: 263)
        put(octal(header.reduce(0) { $0 + Int($1) }, digits: 6) + "\0 ", at: 148)
        try write(header + contents + [UInt8](repeating: 0, count: (512 - contents.count % 512) % 512))
    }

    /// Ends the archive, gives it its name and returns its SHA-256 in hexadecimal digits.
    consuming func finish() throws(DataError) -> String {
        try write([UInt8](repeating: 0, count: 1024))
        let (path, digest) = (path, hash.hex())
        do { try file.commit() } catch { throw .unwritable(path: path, reason: error.description) }
        return digest
    }

    private mutating func write(_ bytes: [UInt8]) throws(DataError) {
        do { try file.write(bytes) } catch { throw .unwritable(path: path, reason: error.description) }
        hash.update(bytes)
    }
}

private func octal(_ value: Int, digits: Int) -> String {
    let text = String(value, radix: 8)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
}
