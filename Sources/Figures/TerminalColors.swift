import Foundation

/// How much colour a terminal shows.
public enum TerminalColors: Sendable {
    /// No escape sequence at all: a file, a pipe, `NO_COLOR`, or a terminal that knows none.
    case none
    /// The 256 colours of xterm.
    case ansi256
    /// 24-bit colours.
    case trueColor

    /// What to use for text that goes to standard output.
    ///
    /// - Returns: `none` when standard output is not a terminal or the user set `NO_COLOR`.
    ///
    /// Source: no-color.org; the `COLORTERM` convention of terminal emulators.
    public static func forStandardOutput() -> TerminalColors {
        detect(environment: ProcessInfo.processInfo.environment, isTerminal: isatty(STDOUT_FILENO) == 1)
    }

    static func detect(environment: [String: String], isTerminal: Bool) -> TerminalColors {
        let term = environment["TERM"] ?? ""
        guard isTerminal, environment["NO_COLOR", default: ""].isEmpty, term != "dumb", !term.isEmpty else {
            return .none
        }
        return ["truecolor", "24bit"].contains(environment["COLORTERM"]) || term.hasSuffix("-direct")
            ? .trueColor : .ansi256
    }

    /// The columns of the terminal behind standard output; 100 where there is none.
    public static func columnsOfStandardOutput() -> Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= 20 else { return 100 }
        return Int(size.ws_col)
    }
}
