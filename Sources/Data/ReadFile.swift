import Foundation

/// The bytes of a file of at most `limit` bytes.
func readFile(_ path: String, limit: Int = 1 << 28) throws(DataError) -> [UInt8] {
    guard let handle = FileHandle(forReadingAtPath: path) else {
        throw .unreadable(path: path, reason: "expected a readable file, found none")
    }
    defer { try? handle.close() }
    do {
        let bytes = [UInt8](try handle.read(upToCount: limit + 1) ?? Data())
        guard bytes.count <= limit else {
            throw DataError.unreadable(path: path, reason: "expected at most \(limit) bytes, found more")
        }
        return bytes
    } catch let error as DataError {
        throw error
    } catch {
        throw .unreadable(path: path, reason: error.localizedDescription)
    }
}

/// The text of a UTF-8 file of at most `limit` bytes; bytes that are not UTF-8 become U+FFFD.
func readText(_ path: String, limit: Int = 1 << 26) throws(DataError) -> String {
    String(decoding: try readFile(path, limit: limit), as: UTF8.self)
}

/// All regular files under `folder` whose name ends in one of `extensions`, as sorted paths relative to `folder`.
///
/// Links are not followed.
func filePaths(under folder: String, extensions: Set<String>) throws(DataError) -> [String] {
    let root = URL(fileURLWithPath: folder)
    guard let walk = FileManager.default.enumerator(atPath: root.path) else {
        throw .unreadable(path: folder, reason: "expected a folder, found none")
    }
    var paths: [String] = []
    for case let path as String in walk {
        guard extensions.contains((path as NSString).pathExtension.lowercased()) else { continue }
        if walk.fileAttributes?[.type] as? FileAttributeType == .typeRegular { paths.append(path) }
    }
    return paths.sorted()
}
