import Foundation

/// A file that appears under its name whole, or not at all.
///
/// Bytes go to a temporary name in the same folder; `commit()` syncs them to the disk, renames and syncs the folder.
/// A value that is dropped before `commit()`, for instance because an error was thrown, leaves nothing behind.
///
///     var file = try AtomicFile(path)
///     try file.write(header)
///     try file.commit()
package struct AtomicFile: ~Copyable {
    private let path: String
    private let temporaryPath: String
    private let descriptor: Int32
    private var isCommitted = false

    /// Opens a temporary file beside `path`; its permissions follow the umask.
    ///
    /// A link is followed to the file that it names. What is there and is no regular file, such as a device, a folder
    /// or a link to nothing, is refused, because a rename would put the file in its place.
    package init(_ path: String) throws(FileError) {
        let path = try Self.destination(of: path)
        let url = URL(fileURLWithPath: path)
        // Short, since the file's own name may be as long as names can be.
        let name = ".\(UInt64.random(in: 0 ... .max)).part"
        let temporaryPath = url.deletingLastPathComponent().appendingPathComponent(name).path
        let descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw Self.cannotBegin(path, code: errno) }
        self.path = path
        self.temporaryPath = temporaryPath
        self.descriptor = descriptor
    }

    /// Where a file is written that is asked for under `path`: where it is a link, the file that it names.
    ///
    /// - Throws: where a folder, a device or a link to nothing has the name, which a rename would replace.
    package static func destination(of path: String) throws(FileError) -> String {
        var status = stat()
        guard stat(path, &status) == 0 else {
            guard lstat(path, &status) == 0 else { return path }
            throw FileError(
                path: path,
                description: "\(path) could not be written: it is a link to nothing; remove it, or name another file."
            )
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        case S_IFDIR: throw FileError("written", path: path, code: EISDIR)
        default:
            throw FileError(path: path, description: "\(path) could not be written: it is a device, not a file.")
        }
    }

    /// Checks before long work that its result can be written in the end; leaves nothing behind.
    ///
    /// - Throws: what ``init(_:)`` throws.
    package static func requireWritable(_ path: String) throws(FileError) { _ = try AtomicFile(path) }

    /// Why a file could not be begun: in a name that is new, what is missing can only be the folder.
    private static func cannotBegin(_ path: String, code: Int32) -> FileError {
        guard code == ENOENT else { return FileError("written", path: path, code: code) }
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().relativePath
        let reason =
            FileManager.default.fileExists(atPath: folder)
            ? "the system takes no files in the folder \(folder); name another"
            : "there is no folder \(folder); make it, or name another"
        return FileError(path: path, description: "\(path) could not be written: \(reason).")
    }

    deinit {
        close(descriptor)
        if !isCommitted { unlink(temporaryPath) }
    }

    /// Appends bytes; a call the system cuts short is continued.
    package mutating func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let chunk = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
            let count = Foundation.write(descriptor, chunk.baseAddress, chunk.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw FileError("written", path: path, code: errno)
            }
            rest = rest.dropFirst(count)
        }
    }

    /// Appends the bytes of an array.
    package mutating func write(_ bytes: [UInt8]) throws(FileError) {
        try bytes.withUnsafeBufferPointer { (buffer) throws(FileError) in
            try write(UnsafeRawBufferPointer(buffer))
        }
    }

    /// Puts the file under its name, replacing what was there.
    package consuming func commit() throws(FileError) {
        guard fsync(descriptor) == 0, rename(temporaryPath, path) == 0 else {
            throw FileError("written", path: path, code: errno)
        }
        isCommitted = true
        // The rename is on the disk only when the folder is. Some file systems cannot sync a folder; the file is whole
        // either way.
        let folderPath = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let folder = open(folderPath, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }
}

extension AtomicFile {
    /// Writes a whole file in one call.
    package static func write(_ bytes: some Sequence<UInt8>, to path: String) throws(FileError) {
        var file = try AtomicFile(path)
        try file.write(Array(bytes))
        try file.commit()
    }
}
