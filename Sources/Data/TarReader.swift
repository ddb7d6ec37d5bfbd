import CArchive

/// Streams the regular files of a tar archive in order; nothing is ever extracted, and one entry at most is in memory.
///
/// libarchive reads the format. Absolute names, `..` in names, links, devices and entries above `entryLimit` are
/// refused: archives are hostile until checked.
struct TarReader: ~Copyable {
    /// One regular file of the archive.
    struct Entry: Equatable {
        let name: String
        let size: Int
    }

    private let path: String
    private let entryLimit: Int
    private let archive: OpaquePointer
    /// The entry whose contents have not been read yet.
    private var open: Entry?

    /// Opens the archive at `path`; entries of more than `entryLimit` bytes are refused.
    init(path: String, entryLimit: Int = 1 << 26) throws(DataError) {
        guard let archive = archive_read_new() else {
            throw .unreadable(path: path, reason: "libarchive has no memory for a reader")
        }
        archive_read_support_format_tar(archive)
        guard archive_read_open_filename(archive, path, 1 << 16) == ARCHIVE_OK else {
            let reason = message(of: archive)
            archive_read_free(archive)
            throw .unreadable(path: path, reason: "expected a readable tar archive; \(reason)")
        }
        self.path = path
        self.entryLimit = entryLimit
        self.archive = archive
    }

    deinit { archive_read_free(archive) }

    /// The next regular file, or nil at the end.
    ///
    /// Contents that were not read are stepped over without reading.
    mutating func next() throws(DataError) -> Entry? {
        open = nil
        while true {
            var header: OpaquePointer?
            let status = archive_read_next_header(archive, &header)
            if status == ARCHIVE_EOF { return nil }
            // A warning is about something that is not used here, such as an owner's name.
            guard status >= ARCHIVE_WARN, let header else {
                throw .malformed(path: path, what: "expected a tar archive; \(message(of: archive))")
            }
            let isFolder = archive_entry_filetype(header) == FileType.folder
            let entry = try checked(header)
            if isFolder { continue }
            open = entry
            return entry
        }
    }

    /// The bytes of the file that `next()` returned last; once only.
    mutating func contents() throws(DataError) -> [UInt8] {
        guard let entry = open else { throw .invalid("The contents of a tar entry can be read once, after next().") }
        open = nil
        var bytes = [UInt8](repeating: 0, count: entry.size)
        var filled = 0
        while filled < entry.size {
            let count = bytes.withUnsafeMutableBytes { buffer in
                let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
                return archive_read_data(archive, rest.baseAddress, rest.count)
            }
            guard count > 0 else {
                throw .malformed(
                    path: path,
                    what: "expected \(entry.size) bytes for \(entry.name), found \(filled) (\(message(of: archive)))"
                )
            }
            filled += count
        }
        return bytes
    }

    /// The entry, where it is a folder or a regular file of a bearable size and a name inside the archive.
    private func checked(_ header: OpaquePointer) throws(DataError) -> Entry {
        let bytes = archive_entry_pathname_utf8(header) ?? archive_entry_pathname(header)
        let name = bytes.map { String(cString: $0) } ?? ""
        guard !name.isEmpty, !name.hasPrefix("/"), !name.split(separator: "/").contains("..") else {
            throw .malformed(path: path, what: "expected entry names inside the archive, found \(name)")
        }
        let type = archive_entry_filetype(header)
        guard [FileType.regular, FileType.folder].contains(type), archive_entry_hardlink(header) == nil else {
            throw .malformed(path: path, what: "expected regular files only, found \(name), a link or a device")
        }
        let size = archive_entry_size(header)
        guard (0...Int64(entryLimit)).contains(size) else {
            throw .malformed(
                path: path,
                what: "expected entries of at most \(entryLimit) bytes, found \(size) for \(name)"
            )
        }
        return Entry(name: name, size: Int(size))
    }
}

/// The kinds of entries that are read and written, as the upper bits of a Unix mode.
enum FileType {
    static let regular: UInt32 = 0o100000
    static let folder: UInt32 = 0o040000
}

/// What libarchive says went wrong last, without a full stop.
func message(of archive: OpaquePointer?) -> String {
    archive_error_string(archive).map { "libarchive says \"\(String(cString: $0))\"" } ?? "libarchive says nothing"
}
