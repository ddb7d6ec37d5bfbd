import CArchive
import Crypto
import LienzoFiles

/// Writes a tar archive whose bytes depend on nothing but the names and contents given: no times, owners or modes.
///
/// The layout of webdataset shards, in the ustar format by libarchive.
struct TarWriter: ~Copyable {
    private let path: String
    private var file: AtomicFile
    private var hash = SHA256()
    private let formatter = Formatter()

    /// libarchive's writer, and what it has made that the file does not have yet.
    private final class Formatter {
        let archive = archive_write_new()
        var bytes: [UInt8] = []

        init() {
            archive_write_set_format_ustar(archive)
            archive_write_set_bytes_per_block(archive, 0)
            archive_write_open(
                archive,
                Unmanaged.passUnretained(self).toOpaque(),
                nil,
                { _, formatter, bytes, count in
                    guard let formatter else { return -1 }
                    Unmanaged<Formatter>.fromOpaque(formatter).takeUnretainedValue().bytes +=
                        UnsafeRawBufferPointer(start: bytes, count: count)
                    return count
                },
                nil
            )
        }

        deinit { archive_write_free(archive) }
    }

    /// Begins an archive that stands at `path` when it is finished, and not before.
    init(path: String) throws(DataError) {
        do { file = try AtomicFile(path) } catch { throw .unwritable(path: path, reason: error.description) }
        self.path = path
    }

    /// Adds a file.
    ///
    /// `name` is at most 100 bytes of UTF-8.
    mutating func add(_ name: String, _ contents: [UInt8]) throws(DataError) {
        guard (1...100).contains(name.utf8.count), contents.count < 1 << 33 else {
            throw .invalid("A tar entry needs a name of 1 to 100 bytes and less than 8 GiB; \(name) has neither.")
        }
        let entry = archive_entry_new()
        defer { archive_entry_free(entry) }
        archive_entry_set_pathname(entry, name)
        archive_entry_set_filetype(entry, FileType.regular)
        archive_entry_set_perm(entry, 0o644)
        archive_entry_set_size(entry, Int64(contents.count))
        let archive = formatter.archive
        guard archive_write_header(archive, entry) == ARCHIVE_OK,
            contents.withUnsafeBytes({ archive_write_data(archive, $0.baseAddress, $0.count) }) == contents.count,
            archive_write_finish_entry(archive) == ARCHIVE_OK
        else { throw .unwritable(path: path, reason: message(of: archive)) }
        try flush()
    }

    /// Ends the archive, gives it its name and returns its SHA-256 in hexadecimal digits.
    consuming func finish() throws(DataError) -> String {
        guard archive_write_close(formatter.archive) == ARCHIVE_OK else {
            throw .unwritable(path: path, reason: message(of: formatter.archive))
        }
        try flush()
        let (path, digest) = (path, hash.finalize().hex)
        do { try file.commit() } catch { throw .unwritable(path: path, reason: error.description) }
        return digest
    }

    private mutating func flush() throws(DataError) {
        do { try file.write(formatter.bytes) } catch { throw .unwritable(path: path, reason: error.description) }
        hash.update(data: formatter.bytes)
        formatter.bytes.removeAll(keepingCapacity: true)
    }
}
