import Foundation
import LienzoSearch

/// Runs the built tool as a user would and prints, for each case, the time from process start to process end and the
/// peak memory, beside the bar that the project sets itself.
///
///     make bench
///
/// Then, for each of the engine's levers, the same with the lever left out, in alternation with all of them, and how
/// many times as long it takes.
///
/// The pictures are compared with six texts. Ends with exit code 1 where a bar is missed.
@main
enum ToolBenchmark {
    static func main() async {
        do {
            let arguments = CommandLine.arguments.dropFirst()
            switch arguments.first {
            case "encoder": try await EncoderBenchmark.run(Array(arguments.dropFirst()))
            case "network": try NetworkBenchmark.run(Array(arguments.dropFirst()))
            default: exit(try benchmark() ? 0 : 1)
            }
        } catch {
            FileHandle.standardError.write(Data("benchmark: \(error).\n".utf8))
            exit(1)
        }
    }

    /// Measures every case; false where a bar is missed.
    private static func benchmark() throws -> Bool {
        let pictures = Array(CommandLine.arguments.dropFirst())
        guard let picture = pictures.first else {
            throw BenchmarkError("give the pictures to compare")
        }
        let tool = try toolPath()
        let output = FileManager.default.temporaryDirectory.appendingPathComponent("lienzo-benchmark.png").path
        let texts = ["a lion", "a cat", "a dog", "a car", "a bus", "a bicycle"].flatMap { ["--text", $0] }
        let fifteen = (0..<15).map { pictures[$0 % pictures.count] }

        let generate = ["generate", "a red apple", "--output", output]
        let compare = ["compare"] + fifteen + texts
        let cases = [
            Case(
                name: "generate, default settings",
                arguments: generate,
                secondsBar: 8,
                megabytesBar: 1500
            ),
            Case(name: "compare, 15 pictures × 6 texts", arguments: compare, secondsBar: 2.5),
            Case(name: "compare, 1 picture × 6 texts", arguments: ["compare", picture] + texts, secondsBar: 0.8),
            Case(name: "start alone (--version)", arguments: ["--version"], secondsBar: nil),
        ]
        print("                                  median      best     bar    peak memory     bar")
        var misses = 0
        for measured in cases {
            let runs = try (0..<5).map { _ in try run(tool, measured.arguments) }
            if !measured.report(runs) { misses += 1 }
        }
        if try !measureSearch() { misses += 1 }
        try measureLevers(
            tool,
            [("generate, 5 steps", generate + ["--steps", "5"]), ("compare, 15 pictures", compare)]
        )
        return misses == 0
    }

    /// One exact search among 100,000 embeddings in memory; false where the bar is missed.
    private static func measureSearch() throws -> Bool {
        let (count, dimension, bar) = (100_000, 512, 30.0)
        var matrix = EmbeddingMatrix(dimension: dimension)
        for id in 0..<count {
            let row = (0..<dimension).map { _ in Float.random(in: -1...1) }
            row.withUnsafeBytes { matrix.append(Int64(id), $0) }
        }
        matrix.closeBlock()
        let times = try (0..<21).map { _ in
            let query = (0..<dimension).map { _ in Float.random(in: -1...1) }
            let start = ContinuousClock.now
            _ = try matrix.nearest(to: query, count: 10)
            return (ContinuousClock.now - start) / .milliseconds(1)
        }
        .sorted()
        print(
            "search, \(count) × \(dimension)".padding(toLength: 32, withPad: " ", startingAt: 0),
            String(format: "%6.1f ms %6.1f ms %5.1f ms", times[times.count / 2], times[0], bar)
        )
        return times[times.count / 2] <= bar
    }

    /// How many times as long each case takes without each lever.
    private static func measureLevers(_ tool: String, _ cases: [(name: String, arguments: [String])]) throws {
        print("\nwithout a lever, times as long   \(cases.map(\.name).joined(separator: "   "))")
        for (lever, meaning) in [("fk", "MKL's fast path"), ("ma", "freed memory kept"), ("pack", "prepared weights")] {
            let ratios = try cases.map { measured in
                let rounds = try (0..<5).map { _ in
                    let all = try run(tool, measured.arguments).seconds
                    return try run(tool, measured.arguments, environment: ["LIENZO_WITHOUT=\(lever)"]).seconds / all
                }
                return rounds.sorted()[rounds.count / 2]
            }
            let columns = zip(ratios, cases).map { ratio, measured in
                String(format: "%.2f", ratio).padding(toLength: measured.name.count + 3, withPad: " ", startingAt: 0)
            }
            print("\(lever), \(meaning)".padding(toLength: 32, withPad: " ", startingAt: 0), columns.joined())
        }
    }

    /// The tool beside this program: SwiftPM puts both into one folder.
    private static func toolPath() throws -> String {
        let folder = Bundle.main.executableURL?.resolvingSymlinksInPath().deletingLastPathComponent()
        let path = folder?.appendingPathComponent("lienzo").path ?? "lienzo"
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw BenchmarkError("there is no tool at \(path): run 'make build' first")
        }
        return path
    }

    /// Runs the tool once, with its output thrown away and more variables in its environment.
    private static func run(_ tool: String, _ arguments: [String], environment: [String] = []) throws -> Run {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)

        var words = ([tool] + arguments).map { strdup($0) }
        defer { for word in words { free(word) } }
        words.append(nil)
        var variables = (ProcessInfo.processInfo.environment.map { "\($0)=\($1)" } + environment).map { strdup($0) }
        defer { for variable in variables { free(variable) } }
        variables.append(nil)

        var process: pid_t = 0
        var status: Int32 = 0
        var usage = rusage()
        let start = ContinuousClock.now
        guard posix_spawn(&process, tool, &actions, nil, words, variables) == 0 else {
            throw BenchmarkError("\(tool) cannot be started")
        }
        guard wait4(process, &status, 0, &usage) == process, status == 0 else {
            throw BenchmarkError("'lienzo \(arguments.joined(separator: " "))' failed; its own words are above")
        }
        return Run(seconds: (ContinuousClock.now - start) / .seconds(1), megabytes: Double(usage.ru_maxrss) / 1024)
    }
}

/// One way to call the tool, with the bars it must stay under.
private struct Case {
    let name: String
    let arguments: [String]
    var secondsBar: Double?
    var megabytesBar: Double?

    /// Prints the line of this case; false where a bar is missed.
    func report(_ runs: [Run]) -> Bool {
        let seconds = runs.map(\.seconds).sorted()
        let median = seconds[seconds.count / 2]
        let peak = runs.map(\.megabytes).max() ?? 0
        print(
            name.padding(toLength: 32, withPad: " ", startingAt: 0),
            String(format: "%6.2f s  %6.2f s", median, seconds[0]),
            secondsBar.map { String(format: "%5.1f s", $0) } ?? "      –",
            String(format: "%11.0f MB", peak),
            megabytesBar.map { String(format: "%5.0f MB", $0) } ?? "      –"
        )
        return median <= (secondsBar ?? .infinity) && peak <= (megabytesBar ?? .infinity)
    }
}

private struct Run {
    let seconds: Double
    let megabytes: Double
}

struct BenchmarkError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
