import Foundation

/// The bytes of a file, mapped into memory: pages are read when touched, and whoever holds the object keeps them.
///
/// Nobody here writes to the bytes, so they may be read from any thread; the mapping is private all the same, so that a
/// tensor that lies over it and is changed in place changes its own copy and never the file. A file that another program shortens
/// while it is mapped ends the process on access, as with every memory mapping; our own writers replace files by
/// renaming and never shorten one.
package final class MappedFile: Sendable {
    /// The path the file was opened by.
    package let path: String
    /// The first byte, page aligned; meaningless for an empty file.
    private nonisolated(unsafe) let start: UnsafeMutableRawPointer?
    /// The number of bytes.
    package let count: Int

    /// Maps the file at `path`.
    ///
    /// - Throws: when it is missing, not a regular file or not readable.
    package init(_ path: String) throws(FileError) {
        // O_NONBLOCK: opening a named pipe must fail below instead of waiting for a writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw FileError("read", path: path, code: errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileError("read", path: path, code: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            let kind = status.st_mode & S_IFMT == S_IFDIR ? "a folder" : "not a regular file"
            throw FileError(path: path, description: "\(path) could not be read: it is \(kind).")
        }
        let count = Int(status.st_size)
        var start: UnsafeMutableRawPointer?
        if count > 0 {
            start = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor, 0)
            guard start != MAP_FAILED else { throw FileError("read", path: path, code: errno) }
        }
        self.path = path
        self.start = start
        self.count = count
    }

    deinit {
        if let start { munmap(start, count) }
    }

    /// Calls `body` with every byte of the file.
    ///
    /// The buffer lives as long as this object; `body` may let a pointer out only together with a reference to it.
    package func withBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(self) {} }
        return try body(UnsafeRawBufferPointer(start: start, count: count))
    }

    /// Gives back the memory of the pages that lie inside `range`; touched again, they are read again.
    ///
    /// A checkpoint that is converted tensor by tensor would else stay in memory until its last tensor is done. What was
    /// written to these pages is lost: only for a range that nobody holds a tensor over.
    package func release(_ range: Range<Int>) {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let first = (range.lowerBound + page - 1) / page * page
        let last = range.upperBound / page * page
        guard let start, first < last else { return }
        madvise(start + first, last - first, MADV_DONTNEED)
    }
}
