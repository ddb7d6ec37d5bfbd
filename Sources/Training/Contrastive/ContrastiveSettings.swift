import Foundation
import LienzoData
import LienzoFiles
package import LienzoTorch

/// What a contrastive run reads, writes and leaves out, beside the numbers of its plan.
package struct ContrastiveSettings: Sendable {
    /// Webdataset archives to train on.
    package var shards: [String]
    /// Webdataset archives to evaluate on; none for no evaluation.
    package var validation: [String] = []
    /// How many held-out pairs are read at most.
    package var validationPairs = 1_000
    /// The folder for checkpoints, log and curve.
    package var run: String
    /// The folder that gets the trained model.
    package var output: String
    /// In how many parts a process's pairs go through the towers.
    package var parts = 1
    /// How many streams the shards are read in; one for each process where `nil`.
    package var streams: Int?
    /// Samples (still encoded) that each stream has in memory for shuffling.
    package var bufferSize = 4_096
    /// The type of products and convolutions; the device's preferred one where `nil`.
    package var computeType: DType?
    package var locksImageTower = false
    package var locksTextTower = false
    /// Whether blocks keep only their inputs for the gradient.
    package var recomputesBlocks = false
    /// Steps between evaluations.
    package var evaluationSteps = 500
    /// Steps between lines of the log.
    package var logSteps = 20

    package init(shards: [String], run: String, output: String) {
        self.shards = shards
        self.run = run
        self.output = output
    }

    /// Whether training changes a parameter.
    func trains(_ name: String) -> Bool {
        if name == "logit_scale" { return true }
        return ContrastiveLoss.isOfImageTower(name) ? !locksImageTower : !locksTextTower
    }

    /// How the pairs of a batch are dealt to streams, processes and parts.
    ///
    /// - Throws: ``TrainingError`` where they do not divide.
    func division(batch: Int, processes: Int) throws -> (streams: Int, perStream: Int) {
        let streams = streams ?? processes
        guard streams >= 1, streams.isMultiple(of: processes) else {
            throw TrainingError(
                "\(streams) streams cannot be shared by \(processes) processes; give a multiple of them (--streams)"
            )
        }
        guard shards.count >= streams else {
            throw TrainingError(
                "there are \(shards.count) shards for \(streams) streams; expected at least one for each: give more "
                    + "shards, or fewer streams or processes"
            )
        }
        guard batch >= 2, batch.isMultiple(of: streams) else {
            throw TrainingError(
                "a batch of \(batch) pairs cannot be taken from \(streams) streams; expected a multiple of them, and at "
                    + "least 2 (--batch)"
            )
        }
        guard (batch / processes).isMultiple(of: parts) else {
            throw TrainingError(
                "the \(batch / processes) pairs of a process cannot go through the towers in \(parts) parts; expected a "
                    + "divisor (--accumulate)"
            )
        }
        return (streams, batch / streams)
    }

    /// What a resumed run must have the same, by name.
    func facts(of model: ContrastiveModel, streams: Int, computeType: DType) -> [String: String] {
        func size(_ path: String) -> String {
            let attributes = try? FileManager.default.attributesOfItem(atPath: path)
            return (attributes?[.size] as? Int ?? 0).counted("byte")
        }
        var facts = model.facts
        for (index, path) in shards.enumerated() {
            facts["shard \(index + 1)"] = "\(URL(fileURLWithPath: path).lastPathComponent) (\(size(path)))"
        }
        facts["--streams"] = "\(streams)"
        facts["--buffer"] = "\(bufferSize)"
        facts["--accumulate"] = "\(parts)"
        facts["--precision"] = computeType.rawValue
        facts["--lock-image"] = "\(locksImageTower)"
        facts["--lock-text"] = "\(locksTextTower)"
        return facts
    }
}
