import Foundation

/// Streams the regular files of a tar archive in order; nothing is ever extracted, and one entry at most is in memory.
///
/// Absolute names, `..` in names, links, devices and entries above `entryLimit` are refused: archives are hostile until
/// checked. Pax headers are understood where they rename the next entry (Python's tarfile writes them for long names
/// and fractional times).
///
/// Source: POSIX.1-2001 ustar and pax interchange formats.
struct TarReader: ~Copyable {
    /// One regular file of the archive.
    struct Entry: Equatable {
        let name: String
        let size: Int
        fileprivate let padding: Int
    }

    private let path: String
    private let entryLimit: Int
    private let handle: FileHandle
    private let end: UInt64
    private var position: UInt64 = 0
    private var open: Entry?

    /// Opens the archive at `path`; entries of more than `entryLimit` bytes are refused.
    init(path: String, entryLimit: Int = 1 << 26) throws(DataError) {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw .unreadable(path: path, reason: "expected a readable tar archive, found none")
        }
        let end: UInt64
        do {
            end = try handle.seekToEnd()
            try handle.seek(toOffset: 0)
        } catch { throw .unreadable(path: path, reason: error.localizedDescription) }
        self.path = path
        self.entryLimit = entryLimit
        self.handle = handle
        self.end = end
    }

    deinit { try? handle.close() }

    /// The next regular file, or nil at the end.
    ///
    /// Contents that were not read are stepped over without reading.
    mutating func next() throws(DataError) -> Entry? {
        try skip()
        var renamed: String?
        while true {
            guard let header = try header() else { return nil }
            let size = try number(header, 124..<136)
            let ownName = try name(header)
            let entry = Entry(name: renamed ?? ownName, size: size, padding: (512 - size % 512) % 512)
            guard UInt64(size) <= end - position else {
                throw .malformed(
                    path: path,
                    what: "expected \(size) bytes for \(entry.name), found \(end - position)"
                )
            }
            switch header[156] {
            case UInt8(ascii: "0"), 0:
                guard size <= entryLimit else {
                    throw .malformed(
                        path: path,
                        what: "expected entries of at most \(entryLimit) bytes, found \(size) for \(entry.name)"
                    )
                }
                try checkName(entry.name)
                open = entry
                return entry
            case UInt8(ascii: "5"), UInt8(ascii: "g"):
                open = entry
                try skip()
                renamed = nil
            case UInt8(ascii: "x"):
                open = entry
                renamed = try paxPath(try contents(limit: 1 << 16))
            default:
                throw .malformed(
                    path: path,
                    what: "expected regular files only, found \(entry.name) of type code \(header[156])"
                )
            }
        }
    }

    /// The bytes of the file that `next()` returned last; once only.
    mutating func contents() throws(DataError) -> [UInt8] { try contents(limit: entryLimit) }

    private mutating func contents(limit: Int) throws(DataError) -> [UInt8] {
        guard let entry = open else { throw .invalid("The contents of a tar entry can be read once, after next().") }
        guard entry.size <= limit else {
            throw .malformed(path: path, what: "expected at most \(limit) bytes for \(entry.name), found \(entry.size)")
        }
        var bytes = try read(entry.size + entry.padding)
        bytes.removeLast(entry.padding)
        open = nil
        return bytes
    }

    private mutating func skip() throws(DataError) {
        guard let entry = open else { return }
        position += UInt64(entry.size + entry.padding)
        do { try handle.seek(toOffset: min(position, end)) } catch {
            throw .unreadable(path: path, reason: error.localizedDescription)
        }
        position = min(position, end)
        open = nil
    }

    /// The next header block; nil at the end of the archive (zero blocks or the end of the file).
    private mutating func header() throws(DataError) -> [UInt8]? {
        guard position < end else { return nil }
        let header = try read(512)
        if header.allSatisfy({ $0 == 0 }) { return nil }
        let sum = header.indices.reduce(0) { $0 + ((148..<156).contains($1) ? 32 : Int(header[$1])) }
        guard try number(header, 148..<156) == sum else {
            throw .malformed(path: path, what: "expected a tar header at offset \(position - 512), found other bytes")
        }
        return header
    }

    private mutating func read(_ count: Int) throws(DataError) -> [UInt8] {
        if count == 0 { return [] }
        let data: Data?
        do { data = try handle.read(upToCount: count) } catch {
            throw .unreadable(path: path, reason: error.localizedDescription)
        }
        guard let data, data.count == count else {
            throw .malformed(
                path: path,
                what: "expected \(count) bytes at offset \(position), found the end of the file"
            )
        }
        position += UInt64(count)
        return [UInt8](data)
    }

    private func name(_ header: [UInt8]) throws(DataError) -> String {
        func text(_ range: Range<Int>) -> String { String(decoding: header[range].prefix { $0 != 0 }, as: UTF8.self) }
        let prefix = header[257..<263].elementsEqual(Array("ustar\0".utf8)) ? text(345..<500) : ""
        return prefix.isEmpty ? text(0..<100) : prefix + "/" + text(0..<100)
    }

    private func number(_ header: [UInt8], _ range: Range<Int>) throws(DataError) -> Int {
        let digits = header[range].filter { $0 != 0 && $0 != 32 }
        guard let value = Int(String(decoding: digits, as: UTF8.self), radix: 8), value >= 0 else {
            throw .malformed(path: path, what: "expected octal digits in a tar header at \(range), found other bytes")
        }
        return value
    }

    private func checkName(_ name: String) throws(DataError) {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard !name.isEmpty, !name.hasPrefix("/"), !parts.contains("..") else {
            throw .malformed(path: path, what: "expected entry names inside the archive, found \(name)")
        }
    }

    /// The `path` record of a pax header, if it has one; a `size` record is refused.
    private func paxPath(_ bytes: [UInt8]) throws(DataError) -> String? {
        var result: String?
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            guard let space = line.firstIndex(of: " "), let equals = line.firstIndex(of: "="), space < equals else {
                continue
            }
            switch line[line.index(after: space)..<equals] {
            case "path": result = String(line[line.index(after: equals)...])
            case "size": throw .malformed(path: path, what: "expected entries below 8 GiB, found a pax size record")
            default: break
            }
        }
        return result
    }
}
