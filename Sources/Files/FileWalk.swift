import Foundation

/// Walks through files in order: those that are given as they are, folders by name and depth.
///
/// Hidden files are left out, and so are links to folders that were not asked for, which may lead round in a circle.
package struct FileWalk {
    /// A file, or a name that was given and that nothing has.
    package struct Entry {
        package let path: String
        /// Whether the caller named it, rather than a folder around it.
        package let isGiven: Bool
        package let exists: Bool
    }

    /// What is still to be walked through, the next at the end.
    private var waiting: [(path: String, isGiven: Bool)]

    /// - Parameter paths: files and folders.
    package init(_ paths: [String]) {
        waiting = paths.reversed().map { ($0, true) }
    }

    /// The next file, or nil after the last.
    ///
    /// - Throws: where a folder cannot be read.
    package mutating func next() throws(FileError) -> Entry? {
        while let (path, isGiven) = waiting.popLast() {
            var status = stat()
            let exists = stat(path, &status) == 0
            guard exists, status.st_mode & S_IFMT == S_IFDIR else {
                return Entry(path: path, isGiven: isGiven, exists: exists)
            }
            var link = stat()
            if !isGiven, lstat(path, &link) == 0, link.st_mode & S_IFMT == S_IFLNK { continue }
            let names: [String]
            do { names = try FileManager.default.contentsOfDirectory(atPath: path) } catch {
                throw FileError(
                    path: path,
                    description: "The folder \(path) cannot be read: \(error.localizedDescription)"
                )
            }
            waiting += names.filter { !$0.hasPrefix(".") }.sorted(by: >).map { ("\(path)/\($0)", false) }
        }
        return nil
    }
}
