import Foundation

/// Why a file could not be read or written; `description` is one sentence.
public struct FileError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file the caller named.
    public let path: String
    /// The whole sentence, with the path in it.
    public let description: String

    package init(path: String, description: String) {
        self.path = path
        self.description = description
    }

    /// The sentence for a failed system call.
    ///
    /// - Parameters:
    ///   - action: what could not be done, as a participle: "read", "written".
    ///   - path: the file the caller named.
    ///   - code: the value of `errno` right after the call.
    package init(_ action: String, path: String, code: Int32) {
        let reason =
            switch code {
            case ENOSPC, EDQUOT: "the disk is full; free some space and try again"
            case ENOENT: "there is no such file or folder"
            case EACCES, EPERM, EROFS: "permission is denied"
            case EISDIR: "it is a folder"
            case EEXIST: "there is a file of this name"
            case ENOTDIR: "a part of its path is a file"
            default: String(cString: strerror(code))
            }
        self.init(path: path, description: "\(path) could not be \(action): \(reason).")
    }
}
