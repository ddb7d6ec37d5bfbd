import Foundation

/// Makes a folder with all folders above it, where it is missing.
///
/// - Throws: one sentence where it cannot be made, or a file has its name.
package func makeFolder(_ path: String) throws(FileError) {
    do {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
        let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? POSIXError
        let code = underlying?.code.rawValue ?? (FileManager.default.fileExists(atPath: path) ? EEXIST : EIO)
        throw FileError("made a folder", path: path, code: code)
    }
}
