import Foundation

/// The `Files:` paragraphs of a machine-readable Debian copyright file: which licence a file has.
///
/// Source: Debian copyright format 1.0.
struct DebianCopyright: Sendable {
    private let paragraphs: [(patterns: [String], licence: String)]

    init(path: String) throws(DataError) {
        self.init(text: try readText(path))
    }

    init(text: String) {
        var paragraphs: [(patterns: [String], licence: String)] = []
        for paragraph in text.components(separatedBy: "\n\n") {
            var fields: [String: String] = [:]
            var field = ""
            for line in paragraph.split(separator: "\n") {
                if line.first == " " || line.first == "\t" {
                    fields[field, default: ""] += "\n" + line
                } else if let colon = line.firstIndex(of: ":") {
                    field = line[..<colon].lowercased()
                    fields[field] = String(line[line.index(after: colon)...])
                }
            }
            guard let files = fields["files"], let licence = fields["license"]?.split(separator: "\n").first else {
                continue
            }
            let patterns = files.split(whereSeparator: \.isWhitespace).map(String.init)
            paragraphs.append((patterns, licence.trimmingCharacters(in: .whitespaces)))
        }
        self.paragraphs = paragraphs
    }

    /// The short name of the licence of `file`: the last paragraph that matches wins, as the format says.
    func licence(of file: String) -> String? { licence(ofAny: [file]) }

    /// The same for a file that may be listed under several names.
    func licence(ofAny files: [String]) -> String? {
        paragraphs.last { $0.patterns.contains { pattern in files.contains { matches($0, pattern: pattern) } } }?
            .licence
    }
}

/// Whether `text` matches a pattern of literal characters, `*` (any run, slashes too) and `?` (any one character).
func matches(_ text: String, pattern: String) -> Bool {
    let (t, p) = (Array(text.utf8), Array(pattern.utf8))
    var (i, j, star, mark) = (0, 0, -1, 0)
    while i < t.count {
        if j < p.count, p[j] == UInt8(ascii: "*") {
            (star, mark) = (j, i)
            j += 1
        } else if j < p.count, p[j] == t[i] || p[j] == UInt8(ascii: "?") {
            (i, j) = (i + 1, j + 1)
        } else if star >= 0 {
            mark += 1
            (i, j) = (mark, star + 1)
        } else {
            return false
        }
    }
    return p[j...].allSatisfy { $0 == UInt8(ascii: "*") }
}
