import Foundation
import LienzoCheckpoints
import LienzoFiles
import LienzoModels
import LienzoNN
import LienzoTokenizers
package import LienzoTorch

/// One of the four trainings that make a model directory, in the order in which they need each other.
package enum TrainingStage: String, Sendable, CaseIterable {
    case clip, autoencoder, prior, decoder

    /// The file of the model directory that the stage writes.
    package var weights: String {
        switch self {
        case .clip: ModelFolder.clipWeights
        case .autoencoder: ModelFolder.autoencoderWeights
        case .prior: "prior/\(ModelFolder.weightsFile)"
        case .decoder: "unet/\(ModelFolder.weightsFile)"
        }
    }

    /// The numbers that `mini` was trained with.
    package var plan: TrainingPlan {
        switch self {
        case .clip:
            TrainingPlan(
                steps: 150,
                batch: 320,
                learningRate: 1e-3,
                warmUp: 10,
                weightDecay: 0.1,
                beta2: 0.98,
                averageDecay: 0.9
            )
        case .autoencoder: TrainingPlan(steps: 1200, batch: 24, learningRate: 1.5e-3, warmUp: 50, averageDecay: 0.99)
        case .prior:
            TrainingPlan(steps: 500, batch: 64, learningRate: 1e-3, warmUp: 50, beta2: 0.98, averageDecay: 0.99)
        case .decoder: TrainingPlan(steps: 17_100, batch: 16, learningRate: 6e-4, warmUp: 100, averageDecay: 0.995)
        }
    }
}

/// Where a stage reads and writes.
package struct TrainingPlaces: Sendable {
    /// The model directory that gets the weights.
    package let model: ModelFolder
    /// The folder of the shards: `train-*.tar` and `validation-*.tar`.
    package let data: String
    /// The folder for checkpoints and the log.
    package let run: String
    /// The pretrained towers and their classes' names (clip only), as `Scripts/fetch-towers` lays them out.
    package let towers: String
    /// Weights that a new run begins with instead of random ones (not clip, which begins with the towers).
    package let start: String?
    /// How many pictures of each split are read at most: a trial needs few.
    package let pictureLimit: Int

    package init(
        model: String,
        data: String,
        run: String,
        towers: String,
        start: String? = nil,
        pictureLimit: Int = .max
    ) {
        self.model = ModelFolder(model)
        self.data = data
        self.run = run
        self.towers = towers
        self.start = start
        self.pictureLimit = pictureLimit
    }

    func shards(_ split: String) throws -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: data)) ?? []
        let shards = names.filter { $0.hasPrefix("\(split)-") && $0.hasSuffix(".tar") }.sorted()
        guard !shards.isEmpty else {
            throw TrainingError("\(data) has no shard \(split)-*.tar; run `lienzo data build` first")
        }
        return shards.map { "\(data)/\($0)" }
    }
}

/// What a stage says while it works.
package enum TrainingEvent: Sendable {
    /// A piece of preparation: what, and how many pictures are done.
    case preparing(String, Int)
    case progress(TrainingProgress)
    /// The run has ended, and the weights are at this path.
    case wrote(String)
}

extension TrainingStage {
    /// Trains the stage to the end of the plan and writes its weights into the model directory; when cancelled, only
    /// the run's checkpoint is written, and the same call goes on from there.
    ///
    /// - Throws: ``TrainingError`` for a run that cannot begin or go on; `CancellationError` where it was cancelled while
    ///   it prepared the pictures; errors of files, weights and pictures.
    package func run(
        _ plan: TrainingPlan,
        _ places: TrainingPlaces,
        device: Device = .cpu,
        isCancelled: @escaping () -> Bool,
        report: @escaping (TrainingEvent) -> Void
    ) throws {
        let inputs = try TrainingInputs(of: self, in: places)
        let run = StageRun(
            plan: plan,
            places: places,
            inputs: inputs,
            folder: try RunDirectory(places.run, plan: plan, inputs: inputs),
            device: device,
            isCancelled: isCancelled,
            report: report
        )
        // An operator that fails outside a step's own scope, as with files that do not fit each other, is told as well.
        try torchScope {
            switch self {
            case .clip: try run.trainCLIP()
            case .autoencoder: try run.trainAutoencoder()
            case .prior: try run.trainPrior()
            case .decoder: try run.trainDecoder()
            }
        }
    }
}
