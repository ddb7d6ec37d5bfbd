import ArgumentParser
import Foundation

/// `lienzo evaluate`: how good a model is.
struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure a dual encoder or a classifier: zero-shot, retrieval, linear probe, the lecture's table.",
        subcommands: [ZeroShot.self, Retrieval.self, LinearProbeCommand.self, Supervised.self, Table.self]
    )

    /// The lines of a file that has at least one.
    static func lines(_ path: String, of what: String) throws(CommandError) -> [String] {
        var file = try TextLines(path, form: .plain)
        var lines: [String] = []
        while let line = try file.next() { lines.append(line.trimmingCharacters(in: .whitespaces)) }
        guard !lines.isEmpty else { throw CommandError("\(path) is empty; expected \(what), one a line.") }
        return lines
    }
}

extension Optional {
    /// `map` for work that waits.
    func asyncMap<Result>(_ transform: (Wrapped) async throws -> Result) async rethrows -> Result? {
        guard let self else { return nil }
        return try await transform(self)
    }
}
