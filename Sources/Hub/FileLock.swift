import Foundation

/// A lock between processes: a file that is held with `flock` until the value is gone, however the process ends.
///
/// huggingface_hub locks the same files in the same way, so the two share a cache.
///
/// Source: huggingface_hub, `utils/_fixes.py` (`WeakFileLock`).
struct FileLock: ~Copyable {
    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Takes the lock where nobody holds it.
    ///
    /// - Parameters:
    ///   - path: the file, which is made where it is not there.
    ///   - shared: whether others that ask for the same may hold it too.
    /// - Returns: the lock, or nil where another holds it.
    /// - Throws: `HubError` of kind `disk` where the file cannot be made.
    static func take(_ path: String, shared: Bool = false) throws(HubError) -> FileLock? {
        while true {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
            guard descriptor >= 0 else { throw HubError("locked", path: path, code: errno) }
            let lock = FileLock(descriptor: descriptor)
            var code: Int32
            repeat {
                code = flock(descriptor, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0 ? 0 : errno
            } while code == EINTR
            if code == EWOULDBLOCK { return nil }
            guard code == 0 else { throw HubError("locked", path: path, code: code) }
            // Whoever held the lock may have removed the file, and a third may hold a new one of the same name.
            if isNamed(path, descriptor) { return lock }
        }
    }

    /// Waits for the lock.
    ///
    /// - Parameters:
    ///   - path: the file, which is made where it is not there.
    ///   - shared: whether others that ask for the same may hold it too.
    ///   - waiting: called once where another holds it.
    /// - Returns: the lock.
    /// - Throws: `HubError` of kind `disk`, or `CancellationError`.
    static func wait(
        for path: String,
        shared: Bool = false,
        waiting: () -> Void = {}
    ) async throws -> FileLock {
        var hasWaited = false
        while true {
            if let lock = try take(path, shared: shared) { return lock }
            if !hasWaited { waiting() }
            hasWaited = true
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private static func isNamed(_ path: String, _ descriptor: Int32) -> Bool {
        var (named, opened) = (stat(), stat())
        return lstat(path, &named) == 0 && fstat(descriptor, &opened) == 0 && named.st_ino == opened.st_ino
            && named.st_dev == opened.st_dev
    }
}
