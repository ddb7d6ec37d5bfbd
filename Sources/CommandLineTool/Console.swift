import Foundation
import Synchronization

/// Where the tool writes: results to standard output, everything else to standard error.
enum Console {
    /// Whether standard error is a terminal that can redraw a line.
    static let isInteractive = isatty(STDERR_FILENO) == 1 && environment("TERM") != "dumb"

    /// The number of columns of the terminal on standard error; 80 where it does not say.
    static var columns: Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Writes one line of the result.
    static func line(_ text: String) {
        write(text + "\n", to: .standardOutput)
    }

    /// Writes one line that is not part of the result.
    static func note(_ text: String) {
        write(text + "\n", to: .standardError)
    }

    /// Writes the result for machines: JSON with sorted keys.
    static func json(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        line(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    /// Writes one line of a result for machines that has many: JSON with sorted keys.
    static func jsonLine(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        line(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    /// The text without what a terminal would obey: control characters become `?`, line breaks spaces.
    static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    switch scalar.properties.generalCategory {
                    case .control, .lineSeparator, .paragraphSeparator:
                        CharacterSet.newlines.contains(scalar) ? " " : "?"
                    default: scalar
                    }
                }
            )
        )
    }

    /// Writes as is.
    ///
    /// A message that nobody can read is no reason to fail; a result that did not arrive is, at the end.
    static func write(_ text: String, to stream: FileHandle) {
        write(Data(text.utf8), to: stream)
    }

    /// Writes bytes as they are.
    static func write(_ bytes: Data, to stream: FileHandle = .standardOutput) {
        do {
            try stream.write(contentsOf: bytes)
        } catch {
            if stream === FileHandle.standardOutput { lost.withLock { $0 = true } }
        }
    }

    /// Whether a part of the result could not be written, as on a full disk.
    static var hasLostOutput: Bool { lost.withLock { $0 } }

    private static let lost = Mutex(false)

    private static func environment(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name]
    }
}
