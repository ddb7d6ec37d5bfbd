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
        case .autoencoder: TrainingPlan(steps: 4000, batch: 16, learningRate: 1e-3, warmUp: 50)
        case .prior: TrainingPlan(steps: 1500, batch: 128, learningRate: 1e-3, warmUp: 100, beta2: 0.98)
        case .decoder: TrainingPlan(steps: 8000, batch: 32, learningRate: 4e-4, warmUp: 200)
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

    package init(model: String, data: String, run: String, towers: String) {
        self.model = ModelFolder(model)
        self.data = data
        self.run = run
        self.towers = towers
    }

    func shards(_ split: String) throws -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: data)) ?? []
        let shards = names.filter { $0.hasPrefix("\(split)-") && $0.hasSuffix(".tar") }.sorted()
        guard !shards.isEmpty else {
            throw TrainingError("\(data) has no shard \(split)-*.tar; run `lienzo data build` first")
        }
        return shards.map { "\(data)/\($0)" }
    }

    /// What identifies the data and the networks that a cache was made of.
    func cacheKey(_ files: [String]) throws -> String {
        try (shards("train") + shards("validation") + files.map { "\(model.path)/\($0)" }).map { path in
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            return "\(path) \(attributes[.size] ?? 0) \(attributes[.modificationDate] ?? "")"
        }
        .joined(separator: "\n")
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
    package func run(
        _ plan: TrainingPlan,
        _ places: TrainingPlaces,
        device: Device = .cpu,
        isCancelled: () -> Bool,
        report: (TrainingEvent) -> Void
    ) throws {
        let run = try RunDirectory(places.run, plan: plan)
        switch self {
        case .clip: try trainCLIP(plan, places, run, isCancelled, report)
        case .autoencoder: try trainAutoencoder(plan, places, run, device, isCancelled, report)
        case .prior: try trainPrior(plan, places, run, device, isCancelled, report)
        case .decoder: try trainDecoder(plan, places, run, device, isCancelled, report)
        }
    }

    private func trainAutoencoder(
        _ plan: TrainingPlan,
        _ places: TrainingPlaces,
        _ run: RunDirectory,
        _ device: Device,
        _ isCancelled: () -> Bool,
        _ report: (TrainingEvent) -> Void
    ) throws {
        let side = Self.pictureSide
        let store = ParameterStore(training: nil, generator: Generator(seed: plan.seed), device: device)
        let task = try AutoencoderTask(
            places.model.autoencoderConfiguration(),
            store: store,
            pictures: PictureTable(shards: places.shards("train"), side: side) {
                report(.preparing("reading pictures", $0))
            },
            heldOut: PictureTable(shards: places.shards("validation"), side: side),
            window: side,
            plan: plan
        )
        var trainer = try Trainer(task, plan: plan, run: run)
        try trainer.train(evaluationSteps: 250, isCancelled: isCancelled) { report(.progress($0)) }
        guard trainer.stepsDone == plan.steps else { return }
        let measured = try trainer.withAverages { try $0.measureLatents() }
        let file = "autoencoder/\(ModelFolder.weightsFile)"
        try places.model.write(trainer.averagedWeights, to: file)
        try places.model.set(
            ["shift_factor": measured.shift, "scaling_factor": measured.scale],
            in: "autoencoder/config.json"
        )
        report(.wrote("\(places.model.path)/\(file)"))
    }

    private func trainPrior(
        _ plan: TrainingPlan,
        _ places: TrainingPlaces,
        _ run: RunDirectory,
        _ device: Device,
        _ isCancelled: () -> Bool,
        _ report: (TrainingEvent) -> Void
    ) throws {
        let configuration = try PriorTransformerConfiguration(
            json: places.model.configuration("prior/config.json"),
            file: "\(places.model.path)/prior/config.json"
        )
        let (pictures, heldOut, captions) = try encoded(places, withLatents: false, report)
        let (mean, deviation) = pictures.statistics()
        let store = ParameterStore(
            training: TensorDictionary(["clip_mean": mean, "clip_std": deviation]),
            generator: Generator(seed: plan.seed),
            device: device
        )
        let task = try PriorTask(
            configuration,
            store: store,
            pictures: pictures,
            heldOut: heldOut,
            captions: captions,
            scheduler: places.model.scheduler("prior_scheduler"),
            plan: plan
        )
        try train(
            task,
            plan,
            run,
            evaluationSteps: 250,
            places,
            to: "prior/\(ModelFolder.weightsFile)",
            isCancelled,
            report
        )
    }

    private func trainDecoder(
        _ plan: TrainingPlan,
        _ places: TrainingPlaces,
        _ run: RunDirectory,
        _ device: Device,
        _ isCancelled: () -> Bool,
        _ report: (TrainingEvent) -> Void
    ) throws {
        let configuration = try UNet2DConditionConfiguration(
            json: places.model.configuration("unet/config.json"),
            file: "\(places.model.path)/unet/config.json"
        )
        let (pictures, heldOut, captions) = try encoded(places, withLatents: true, report)
        let store = ParameterStore(training: nil, generator: Generator(seed: plan.seed), device: device)
        let task = try DecoderTask(
            configuration,
            store: store,
            pictures: pictures,
            heldOut: heldOut,
            captions: captions,
            scheduler: places.model.scheduler("scheduler"),
            plan: plan
        )
        try train(
            task,
            plan,
            run,
            evaluationSteps: 250,
            places,
            to: "unet/\(ModelFolder.weightsFile)",
            isCancelled,
            report
        )
    }

    /// The side of the pictures that the autoencoder and the decoder are trained on.
    private static var pictureSide: Int { 128 }

    private func train(
        _ task: some TrainingTask,
        _ plan: TrainingPlan,
        _ run: RunDirectory,
        evaluationSteps: Int,
        _ places: TrainingPlaces,
        to file: String,
        _ isCancelled: () -> Bool,
        _ report: (TrainingEvent) -> Void
    ) throws {
        var trainer = try Trainer(task, plan: plan, run: run)
        try trainer.train(evaluationSteps: evaluationSteps, isCancelled: isCancelled) { report(.progress($0)) }
        guard trainer.stepsDone == plan.steps else { return }
        try places.model.write(trainer.averagedWeights, to: file)
        report(.wrote("\(places.model.path)/\(file)"))
    }

    /// The pictures as the frozen networks see them, and the frozen text tower.
    private func encoded(
        _ places: TrainingPlaces,
        withLatents: Bool,
        _ report: (TrainingEvent) -> Void
    ) throws -> (train: EncodedPictures, heldOut: EncodedPictures, captions: CaptionEncoder) {
        let clip = try places.model.clip()
        let autoencoder = withLatents ? try places.model.autoencoder() : nil
        let weights =
            ["clip/open_clip_model.safetensors"] + (withLatents ? ["autoencoder/\(ModelFolder.weightsFile)"] : [])
        let key = try places.cacheKey(weights)
        func encode(_ split: String) throws -> EncodedPictures {
            try EncodedPictures(
                shards: places.shards(split),
                clip: clip,
                autoencoder: autoencoder,
                pictureSide: Self.pictureSide,
                cache: FeatureCache(path: "\(places.run)/\(split).safetensors", key: key),
                progress: { report(.preparing($0, $1)) }
            )
        }
        let captions = CaptionEncoder(clip: clip, tokenizer: try places.model.tokenizer())
        return (try encode("train"), try encode("validation"), captions)
    }
}
