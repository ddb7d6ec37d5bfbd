import Foundation
import LienzoData

/// The files that a stage reads and does not write, by what they hold.
///
/// A run goes on only with those that it began with, and what frozen networks made of pictures is used again only
/// where both are still the same.
package struct TrainingInputs: Codable, Sendable, Equatable {
    /// SHA-256 by name: `data/…`, `model/…`, `towers/…`, and `start` for the weights that a run begins with.
    private var digests: [String: String] = [:]
    /// How many pictures of each split are read at most; all where it is `nil`.
    private var pictureLimit: Int?

    /// No files: a task that makes its samples.
    package init() {}

    /// What a run reads that is too large to be read through, or is set by hand: by name, in a few words.
    package init(_ facts: [String: String]) { digests = facts }

    /// Reads the files of a stage; those that are missing are left for whoever needs them to name.
    ///
    /// - Throws: ``TrainingError`` where there are no shards; errors of files.
    init(of stage: TrainingStage, in places: TrainingPlaces) throws {
        pictureLimit = places.pictureLimit == .max ? nil : places.pictureLimit
        for path in try places.shards("train") + places.shards("validation") {
            digests["data/\((path as NSString).lastPathComponent)"] = try fileDigest(path)
        }
        try add(stage.modelFiles, as: "model", in: places.model.path)
        if stage == .clip { try add(PretrainedTowers.files, as: "towers", in: places.towers) }
        if let start = places.start { digests["start"] = try fileDigest(start) }
    }

    private mutating func add(_ files: [String], as group: String, in folder: String) throws {
        for file in files where FileManager.default.fileExists(atPath: "\(folder)/\(file)") {
            digests["\(group)/\(file)"] = try fileDigest("\(folder)/\(file)")
        }
    }

    /// Identifies the pictures and those other files whose names begin with `prefix`.
    func key(_ prefix: String) -> String {
        let lines = digests.filter { $0.key.hasPrefix("data/") || $0.key.hasPrefix(prefix) }.sorted { $0.key < $1.key }
        return lines.map { "\($0.key) \($0.value)" }.joined(separator: "\n")
            + (pictureLimit.map { "\nat most \($0)" } ?? "")
    }

    /// Where this does not read what another run read, a few words each.
    func differences(from other: TrainingInputs) -> [String] {
        Difference.all(from: other.digests, to: digests)
            + Difference.all(
                from: ["--pictures": other.pictureLimit.map(String.init) ?? "all"],
                to: ["--pictures": pictureLimit.map(String.init) ?? "all"]
            )
    }
}

extension TrainingStage {
    /// The files of the model directory that the stage learns from; the configuration of the part that it trains is
    /// held by its checkpoints.
    fileprivate var modelFiles: [String] {
        let clip = [
            "clip/config.json", "clip/open_clip_config.json", "clip/tokenizer_config.json", "clip/vocab.txt",
            ModelFolder.clipWeights,
        ]
        return switch self {
        case .clip, .autoencoder: []
        case .prior: clip + ["prior_scheduler/scheduler_config.json"]
        case .decoder:
            clip + ["autoencoder/config.json", ModelFolder.autoencoderWeights, "scheduler/scheduler_config.json"]
        }
    }
}
