import Crypto
import Foundation

/// SHA-256 of a file's bytes as lower-case hexadecimal digits; a megabyte at a time is in memory.
///
/// - Throws: `DataError.unreadable`.
package func fileDigest(_ path: String) throws(DataError) -> String {
    var isFolder: ObjCBool = false
    guard !FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) || !isFolder.boolValue else {
        throw .unreadable(path: path, reason: "it is a folder; expected a file")
    }
    guard let handle = FileHandle(forReadingAtPath: path) else {
        throw .unreadable(path: path, reason: "expected a readable file, found none")
    }
    defer { try? handle.close() }
    var hash = SHA256()
    do {
        while let block = try handle.read(upToCount: 1 << 20), !block.isEmpty { hash.update(data: block) }
    } catch {
        throw .unreadable(path: path, reason: error.localizedDescription)
    }
    return hash.finalize().hex
}
