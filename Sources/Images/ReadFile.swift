import Foundation
import LienzoFiles

/// Reads a whole regular file, refusing folders, devices and more than `limit` bytes before anything is allocated.
///
/// Not mapped: a mapped file that another program shortens ends the process.
func readFile(_ path: String, limit: Int) throws(ImageError) -> [UInt8] {
    // Opening a named pipe would wait for ever without O_NONBLOCK; for a file it means nothing.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .file(FileError("read", path: path, code: errno)) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .file(FileError("read", path: path, code: errno)) }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw .file(FileError(path: path, description: "\(path) could not be read: it is a folder."))
    default: throw .file(FileError(path: path, description: "\(path) could not be read: it is not a regular file."))
    }
    let size = Int(status.st_size)
    guard size <= limit else { throw .tooManyBytes(name: path, found: size, limit: limit) }
    var failure: Int32?
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        while count < size {
            let got = read(descriptor, buffer.baseAddress.map { $0 + count }, size - count)
            if got < 0, errno == EINTR { continue }
            if got < 0 { failure = errno }
            if got <= 0 { break }
            count += got
        }
    }
    if let failure { throw .file(FileError("read", path: path, code: failure)) }
    return bytes
}
