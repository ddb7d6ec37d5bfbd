import LienzoFiles
package import LienzoImages

/// What can go wrong while a data set is read or built; each case describes itself in one sentence.
package enum DataError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A file could not be opened or read.
    case unreadable(path: String, reason: String)
    /// A file is not what its place or name says; `what` names the part, what was expected and what was found.
    case malformed(path: String, what: String)
    /// The picture of a sample cannot be decoded.
    case picture(ImageError)
    /// An output could not be written.
    case unwritable(path: String, reason: String)
    /// A Debian package is neither unpacked nor obtainable.
    case missingPackage(name: String, reason: String)
    /// The task was cancelled before the work was done.
    case cancelled
    /// A caller's value is outside its range.
    case invalid(String)

    /// One sentence: what is wrong, what was expected, what was found.
    package var description: String {
        switch self {
        case .unreadable(let path, let reason): "Cannot read \(path): \(reason.asSentence)"
        case .malformed(let path, let what): "\(path) is malformed: \(what.asSentence)"
        case .picture(let error): error.description
        case .unwritable(let path, let reason): "Cannot write \(path): \(reason.asSentence)"
        case .missingPackage(let name, let reason): "The Debian package \(name) is missing: \(reason.asSentence)"
        case .cancelled: "The data set was not built: it was stopped."
        case .invalid(let sentence): sentence
        }
    }
}
