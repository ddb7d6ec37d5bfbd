import Foundation

/// A content on its way into the cache: it grows under a passing name, and gets its own when it is whole and right.
///
/// A value that is dropped leaves what has arrived, and a later one goes on there.
struct IncompleteBlob: ~Copyable {
    private let path: String
    private let destination: String
    private let file: RepositoryPath
    private let metadata: FileMetadata
    private let descriptor: Int32
    private var hash: ContentHash
    /// How many bytes have arrived.
    private(set) var count = 0

    /// Opens what an earlier download left, or begins.
    ///
    /// The caller holds the lock of the tag. Nothing is taken over whose rightness could not be checked at the end.
    init(_ metadata: FileMetadata, of file: RepositoryPath, in folder: RepositoryFolder) throws {
        self.file = file
        destination = folder.blob(metadata.tag)
        path = destination + ".incomplete"
        self.metadata = metadata
        hash = ContentHash(of: metadata.tag, size: metadata.size)
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o666)
        guard descriptor >= 0 else { throw HubError("written", path: path, code: errno) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw HubError(.disk, "\(path) could not be written: it is not a regular file.")
        }
        if metadata.tag.meaning != .opaque, status.st_size <= metadata.size {
            try readWhatIsThere()
        } else {
            try restart()
        }
    }

    deinit { close(descriptor) }

    /// Whether as many bytes have arrived as there are.
    var isFull: Bool { count == metadata.size }

    /// Hashes the bytes that an earlier download left, a megabyte at a time.
    private mutating func readWhatIsThere() throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            try Task.checkCancellation()
            let read = pread(descriptor, buffer.baseAddress, buffer.count, off_t(count))
            if read < 0, errno == EINTR { continue }
            guard read >= 0 else { throw HubError("read", path: path, code: errno) }
            if read == 0 { break }
            hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<read]))
            count += read
        }
    }

    /// Forgets what has arrived.
    mutating func restart() throws(HubError) {
        guard ftruncate(descriptor, 0) == 0 else { throw HubError("written", path: path, code: errno) }
        hash = ContentHash(of: metadata.tag, size: metadata.size)
        count = 0
    }

    /// Appends bytes.
    ///
    /// - Throws: `HubError` of kind `damaged` where there are more than there should be, of kind `disk` where they do
    ///   not fit the disk.
    mutating func append(_ bytes: UnsafeRawBufferPointer) throws(HubError) {
        guard bytes.count <= metadata.size - count else {
            throw HubError(
                .damaged,
                "More than \(metadata.size) bytes arrived of \(file), which is all that it should have; nothing was kept."
            )
        }
        var rest = bytes
        while !rest.isEmpty {
            let written = pwrite(descriptor, rest.baseAddress, rest.count, off_t(count))
            if written < 0, errno == EINTR { continue }
            guard written >= 0 else { throw HubError("written", path: path, code: errno) }
            hash.update(UnsafeRawBufferPointer(rebasing: rest[..<written]))
            count += written
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    /// Gives the content its name, where it is what its tag says.
    ///
    /// - Returns: false where it is not; then what has arrived is forgotten.
    mutating func commit() throws(HubError) -> Bool {
        guard isFull, hash.matches else {
            try restart()
            return false
        }
        guard ftruncate(descriptor, off_t(count)) == 0, fsync(descriptor) == 0, rename(path, destination) == 0 else {
            throw HubError("written", path: destination, code: errno)
        }
        // The rename is on the disk only when the folder is. Some file systems cannot sync a folder.
        let folder = open(URL(fileURLWithPath: path).deletingLastPathComponent().path, O_RDONLY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
        return true
    }

    /// Removes what has arrived, because it will never be right.
    func discard() { unlink(path) }
}
