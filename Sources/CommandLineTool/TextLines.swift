import Foundation

/// Reads a file of texts line by line, whatever its length: plain text, or one JSON string a line.
struct TextLines {
    /// What a line is.
    enum Form: Sendable {
        case plain
        case jsonString
    }

    private let path: String
    private let form: Form
    private let handle: FileHandle
    /// What has been read and not handed out.
    private var rest = Data()
    private var isAtEnd = false
    private var number = 0

    /// The longest line that is read, in bytes.
    private static let longestLine = 16 << 20

    /// Opens a file; `-` is standard input.
    ///
    /// - Throws: ``CommandError`` where it cannot be opened.
    init(_ path: String, form: Form) throws(CommandError) {
        self.form = form
        self.path = path == "-" ? "standard input" : path
        if path == "-" {
            handle = .standardInput
            return
        }
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw CommandError("\(path) is missing; expected a file of texts.")
        }
        guard !isFolder.boolValue, let opened = FileHandle(forReadingAtPath: path) else {
            throw CommandError("\(path) cannot be read; expected a file of texts.")
        }
        handle = opened
    }

    /// The next text, or nil after the last; empty lines are stepped over.
    ///
    /// - Throws: ``CommandError`` where the file cannot be read or a line is not what it should be.
    mutating func next() throws(CommandError) -> String? {
        while let line = try line() {
            number += 1
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
            switch form {
            case .plain:
                guard let text = String(validating: line, as: UTF8.self) else {
                    throw CommandError("\(path): line \(number) is not UTF-8 text.")
                }
                return text.last == "\r" ? String(text.dropLast()) : text
            case .jsonString:
                guard let text = try? JSONDecoder().decode(String.self, from: line) else {
                    throw CommandError(
                        "\(path): line \(number) is no JSON string; expected one a line, such as \"a red apple\"."
                    )
                }
                return text
            }
        }
        return nil
    }

    /// The bytes of the next line without its line feed.
    private mutating func line() throws(CommandError) -> Data? {
        var searched = rest.startIndex
        while true {
            if let end = rest[searched...].firstIndex(of: 0x0A) {
                let line = rest[..<end]
                rest = rest[(end + 1)...]
                return line
            }
            if isAtEnd {
                defer { rest = Data() }
                return rest.isEmpty ? nil : rest
            }
            guard rest.count <= Self.longestLine else {
                throw CommandError("\(path): line \(number + 1) has more than \(Self.longestLine) bytes.")
            }
            searched = rest.endIndex
            do {
                guard let more = try handle.read(upToCount: 1 << 20), !more.isEmpty else {
                    isAtEnd = true
                    continue
                }
                // A new buffer, so that what was handed out is let go.
                let offset = rest.count
                rest = Data(rest) + more
                searched = offset
            } catch {
                throw CommandError("\(path) cannot be read: \(error.localizedDescription)")
            }
        }
    }
}
