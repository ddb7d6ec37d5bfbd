import Foundation
import Testing

/// The tool as people run it: a process of its own, in a folder of its own.
struct Tool {
    struct Result {
        let status: Int32
        let output: String
        let errors: String

        /// The one sentence that a failure ends with.
        var lastError: String { errors.split(separator: "\n").last.map(String.init) ?? "" }
    }

    /// The folder that commands run in.
    let folder: String
    /// Variables that the tool sees besides those of the tests.
    var environment: [String: String] = [:]

    /// Where the build put the tool: beside the tests.
    static var executable: String {
        get throws {
            let tests = try #require(Bundle.main.executableURL)
            return tests.deletingLastPathComponent().appendingPathComponent("lienzo").path
        }
    }

    func callAsFunction(_ arguments: String...) throws -> Result { try run(arguments) }

    func run(_ arguments: [String]) throws -> Result { try run(Self.executable, arguments) }

    /// Runs a command line in which `.build/release/lienzo` is the tool under test.
    func shell(_ command: String) throws -> Result {
        let release = "\(folder)/.build/release"
        if !FileManager.default.fileExists(atPath: release) {
            try FileManager.default.createDirectory(atPath: release, withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(
                atPath: "\(release)/lienzo",
                withDestinationPath: Self.executable
            )
        }
        return try run("/bin/sh", ["-c", command])
    }

    private func run(_ program: String, _ arguments: [String]) throws -> Result {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        // Files, because a full pipe that nobody reads would stop the tool.
        let streams = ["output", "errors"].map { "\(folder)/.\($0)-\(UUID())" }
        let handles = try streams.map { path in
            try Data().write(to: URL(fileURLWithPath: path))
            return try #require(FileHandle(forWritingAtPath: path))
        }
        process.standardOutput = handles[0]
        process.standardError = handles[1]
        try process.run()
        process.waitUntilExit()
        let texts = try streams.map { try String(contentsOfFile: $0, encoding: .utf8) }
        for path in streams { try FileManager.default.removeItem(atPath: path) }
        return Result(status: process.terminationStatus, output: texts[0], errors: texts[1])
    }
}
