import ArgumentParser
import Foundation
import LienzoTorch

/// `lienzo doctor`: what this machine offers, and whether the engine gets it out.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check the engine: libtorch, CPU features, compute type, threads, measured speed, model."
    )

    @OptionGroup var output: OutputOptions

    mutating func run() async throws {
        let report = try MachineReport.measured()
        if output.json {
            try Console.json(report)
        } else {
            for (name, value) in report.lines {
                Console.line("\(name.padding(toLength: 16, withPad: " ", startingAt: 0))\(value)")
            }
        }
    }
}

/// What `doctor` found.
///
/// The names of its properties are the keys of `--json`.
struct MachineReport: Encodable {
    let lienzo: String
    let libtorch: String
    let processor: String
    let instructions: String
    let threads: Int
    let computeType: String
    /// GFLOP/s of a 1024×1024 matrix product, by type.
    let matmulRate: [String: Double]
    let keepsFreedMemory: Bool
    let cuda: Bool
    /// The model directory that commands use without `--model`; absent where there is none.
    let model: String?

    /// Looks at this machine, and multiplies matrices for a moment.
    static func measured() throws -> MachineReport {
        let computeType = Engine.preferredComputeType(on: .cpu)
        var rates = ["float32": Engine.matmulRate(.float32)]
        if computeType != .float32 { rates["\(computeType)"] = Engine.matmulRate(computeType) }
        return MachineReport(
            lienzo: LienzoCommand.configuration.version,
            libtorch: Engine.version,
            processor: processorName(),
            instructions: Engine.cpuCapability,
            threads: Engine.threads,
            computeType: "\(computeType)",
            matmulRate: rates.mapValues { $0.rounded() },
            keepsFreedMemory: Engine.keepsFreedMemory,
            cuda: Engine.hasCUDA,
            model: ModelLocation.default
        )
    }

    /// The report for people: a name and a value a line.
    var lines: [(String, String)] {
        let rates = matmulRate.sorted { $0.key > $1.key }.map { "\($0.key) \(Int($0.value)) GFLOP/s" }
        return [
            ("lienzo", lienzo),
            ("libtorch", libtorch),
            ("processor", processor),
            ("instructions", instructions),
            ("threads", "\(threads)"),
            ("compute type", computeType),
            ("matmul", rates.joined(separator: ", ")),
            ("freed memory", keepsFreedMemory ? "kept in the process" : "given back to the system"),
            ("CUDA", cuda ? "available" : "not available"),
            ("model", model ?? "none found: give one with --model"),
        ]
    }

    private static func processorName() -> String {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
    }
}
