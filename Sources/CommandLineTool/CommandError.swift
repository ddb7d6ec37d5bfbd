import LienzoFiles

/// What stops a command for a reason of its own: one sentence.
struct CommandError: Error, Sendable, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

extension CommandError {
    /// Ends a command that has done what it could, so that a script sees what it left out.
    ///
    /// - Parameters:
    ///   - skipped: how many inputs could not be read of those that were given by name.
    ///   - count: how many inputs there were.
    /// - Throws: where any was skipped.
    static func requireNone(_ skipped: Int, of count: Int) throws(CommandError) {
        guard skipped > 0 else { return }
        throw CommandError("\(skipped) of \(count.counted("input")) could not be read; the others are done.")
    }
}
