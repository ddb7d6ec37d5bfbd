import Foundation

/// Reads a whole regular file, refusing folders, devices and more than `limit` bytes before anything is allocated.
func readFile(_ path: String, limit: Int) throws(ImageError) -> [UInt8] {
    // Opening a named pipe would wait for ever without O_NONBLOCK; for a file it means nothing.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .unreadable(name: path, reason: systemReason()) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .unreadable(name: path, reason: systemReason()) }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw .unreadable(name: path, reason: "it is a folder, not a file")
    default: throw .unreadable(name: path, reason: "it is not a regular file")
    }
    let size = Int(status.st_size)
    guard size <= limit else { throw .tooManyBytes(name: path, found: size, limit: limit) }
    var failure: String?
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        while count < size {
            let got = read(descriptor, buffer.baseAddress.map { $0 + count }, size - count)
            if got < 0, errno == EINTR { continue }
            if got < 0 { failure = systemReason() }
            if got <= 0 { break }
            count += got
        }
    }
    if let failure { throw .unreadable(name: path, reason: failure) }
    return bytes
}

/// Writes a file so that either all of it is there or nothing is: to a temporary name beside it, synced, then renamed.
///
/// - Parameters:
///   - bytes: What the file will hold.
///   - path: Where; a file that is there is replaced.
/// - Throws: `ImageError.unwritable`; the temporary file is removed.
package func writeFile(_ bytes: [UInt8], to path: String) throws(ImageError) {
    let slash = path.lastIndex(of: "/")
    let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
    guard !name.isEmpty else { throw .unwritable(path: path, reason: "it names a folder") }
    let tag = String(UInt64.random(in: .min ... .max), radix: 36)
    let temporary = "\(folder)/.\(name.utf8.count > 200 ? "picture" : name).\(tag).part"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw .unwritable(path: path, reason: systemReason()) }
    var failure = bytes.withUnsafeBytes { buffer -> String? in
        var written = 0
        while written < buffer.count {
            let count = write(descriptor, buffer.baseAddress.map { $0 + written }, buffer.count - written)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return systemReason() }
            written += count
        }
        return fsync(descriptor) == 0 ? nil : systemReason()
    }
    if close(descriptor) != 0, failure == nil { failure = systemReason() }
    if failure == nil, rename(temporary, path) != 0 { failure = systemReason() }
    if let failure {
        unlink(temporary)
        throw .unwritable(path: path, reason: failure)
    }
    // The new name itself must survive a power cut; where a folder cannot be synced there is nothing more to do.
    let folderDescriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if folderDescriptor >= 0 {
        fsync(folderDescriptor)
        close(folderDescriptor)
    }
}

/// The last system error as words: "No such file or directory".
private func systemReason() -> String {
    String(cString: strerror(errno))
}
