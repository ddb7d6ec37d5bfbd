import Foundation
import LienzoCheckpoints
import LienzoFiles
import LienzoNN
import LienzoTorch

/// The folder of one training run: its plan, its checkpoints and its log.
///
///     plan.json                          the numbers of the run, and the digests of the files it reads
///     checkpoint-00001000.safetensors    weights, averages, optimiser and data after 1,000 steps; the latest two
///     log.jsonl                          one line for each report
///
/// A stage may add what people look at, such as a curve.
package struct RunDirectory {
    package let path: String
    private let lock: RunLock

    /// A place in a run: everything that is needed to go on exactly.
    struct Checkpoint {
        let step: Int
        let path: String
    }

    /// What a run is made of, as its folder keeps it.
    private struct Record: Codable {
        let plan: TrainingPlan
        let inputs: TrainingInputs
    }

    /// Opens a run, or begins one.
    ///
    /// - Throws: ``TrainingError`` where the folder holds a run of another plan or on other files; file errors.
    package init(_ path: String, plan: TrainingPlan, inputs: TrainingInputs = TrainingInputs()) throws {
        self.path = path
        try makeFolder(path)
        lock = try RunLock("\(path)/.lock")
        let planPath = "\(path)/plan.json"
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        // A run that has no checkpoint yet has done nothing that another plan could spoil.
        guard latest() != nil, let bytes = FileManager.default.contents(atPath: planPath) else {
            try AtomicFile.write(encoder.encode(Record(plan: plan, inputs: inputs)), to: planPath)
            return
        }
        guard let existing = try? JSONDecoder().decode(Record.self, from: bytes) else {
            throw TrainingError("\(planPath) is not a training plan; remove the folder to begin a new run")
        }
        let differences = plan.differences(from: existing.plan) + inputs.differences(from: existing.inputs)
        guard differences.isEmpty else {
            let shown = differences.prefix(3).joined(separator: ", ")
            throw TrainingError(
                "\(path) holds a run that began otherwise (\(planPath)): \(shown)"
                    + (differences.count > 3 ? " and \(differences.count - 3) more" : "")
                    + "; give the same to resume it, or another --run folder to begin a new one"
            )
        }
    }

    /// The latest checkpoint.
    func latest() -> Checkpoint? { checkpoints().last }

    private func checkpoints() -> [Checkpoint] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.compactMap { name in
            guard name.hasPrefix("checkpoint-"), name.hasSuffix(".safetensors"),
                let step = Int(name.dropFirst("checkpoint-".count).dropLast(".safetensors".count))
            else { return nil }
            return Checkpoint(step: step, path: "\(path)/\(name)")
        }
        .sorted { $0.step < $1.step }
    }

    /// Writes a checkpoint whole or not at all, then removes all but the latest two.
    func save(_ tensors: [(name: String, tensor: Tensor)], step: Int) throws {
        let number = String(repeating: "0", count: max(0, 8 - "\(step)".count)) + "\(step)"
        try writeSafetensors(
            tensors.map { ($0.name, $0.tensor) },
            metadata: ["step": "\(step)"],
            to: "\(path)/checkpoint-\(number).safetensors"
        )
        for old in checkpoints().dropLast(2) { try? FileManager.default.removeItem(atPath: old.path) }
    }

    /// Drops the log's lines from `step` on, which a resumed run writes again.
    func truncateLog(from step: Int) throws {
        let path = "\(path)/log.jsonl"
        guard let bytes = FileManager.default.contents(atPath: path) else { return }
        let kept = String(decoding: bytes, as: UTF8.self).split(separator: "\n").filter { line in
            (try? JSONDecoder().decode(LogLine.self, from: Data(line.utf8))).map { $0.step <= step } ?? false
        }
        try AtomicFile.write(Data(kept.map { "\($0)\n" }.joined().utf8), to: path)
    }

    /// Adds a line to the log.
    func log(_ line: LogLine) throws {
        let path = "\(path)/log.jsonl"
        guard
            FileManager.default.fileExists(atPath: path) || FileManager.default.createFile(atPath: path, contents: nil),
            let handle = FileHandle(forWritingAtPath: path)
        else {
            throw TrainingError("\(path) could not be written")
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        do {
            try handle.seekToEnd()
            try handle.write(contentsOf: encoder.encode(line) + Data("\n".utf8))
            try handle.close()
        } catch {
            throw TrainingError("\(path) could not be written: \(error.localizedDescription)")
        }
    }

    /// The log so far.
    package func history() -> [LogLine] {
        let bytes = FileManager.default.contents(atPath: "\(path)/log.jsonl") ?? Data()
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap {
            try? JSONDecoder().decode(LogLine.self, from: Data($0.utf8))
        }
    }
}

/// Keeps a run to one process at a time; given back when the last copy goes, or when the process ends.
private final class RunLock {
    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw TrainingError("\(path) could not be opened: \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw TrainingError("another process is training in this folder (it holds \(path)); wait for it or stop it")
        }
    }

    deinit {
        close(descriptor)
    }
}

/// One report of a run.
package struct LogLine: Codable, Sendable, Equatable {
    /// Steps done.
    package let step: Int
    /// The mean loss since the last report.
    package let loss: Double
    package let learningRate: Double
    /// Named figures of an evaluation, where one was made at this step.
    package let evaluation: [String: Double]?
}

/// Why a training run cannot begin or go on; one sentence.
package struct TrainingError: Error, Sendable, CustomStringConvertible {
    package let description: String

    /// - Parameter reason: the sentence, with or without its full stop.
    package init(_ reason: String) {
        description = reason.asSentence
    }
}
