import Foundation
import LienzoCheckpoints
import LienzoFiles
import LienzoModels
import LienzoNN
import LienzoTorch

/// The work of one stage: what to do, where, and whom to tell.
struct StageRun {
    let plan: TrainingPlan
    let places: TrainingPlaces
    let inputs: TrainingInputs
    let folder: RunDirectory
    let device: Device
    let isCancelled: () -> Bool
    let report: (TrainingEvent) -> Void

    /// The side of the pictures that the autoencoder and the decoder are trained on.
    private static let pictureSide = 128

    func trainAutoencoder() throws {
        let side = Self.pictureSide
        let task = try AutoencoderTask(
            places.model.autoencoderConfiguration(),
            store: newStore(),
            pictures: PictureTable(shards: places.shards("train"), side: side, limit: places.pictureLimit) {
                try prepare("reading pictures", $0)
            },
            heldOut: PictureTable(shards: places.shards("validation"), side: side, limit: places.pictureLimit),
            window: side / 2,
            plan: plan
        )
        try train(task, to: TrainingStage.autoencoder.weights) { trainer in
            let measured = try trainer.withAverages { try $0.measureLatents() }
            try places.model.set(
                ["shift_factor": measured.shift, "scaling_factor": measured.scale],
                in: "autoencoder/config.json"
            )
        }
    }

    func trainPrior() throws {
        let configuration = try PriorTransformerConfiguration(
            json: places.model.configuration("prior/config.json"),
            file: "\(places.model.path)/prior/config.json"
        )
        let data = try conditioning(withLatents: false)
        let (mean, deviation) = data.pictures.statistics()
        let task = try PriorTask(
            configuration,
            store: newStore(with: ["clip_mean": mean, "clip_std": deviation]),
            data: data,
            scheduler: places.model.scheduler("prior_scheduler"),
            plan: plan
        )
        try train(task, to: TrainingStage.prior.weights)
    }

    func trainDecoder() throws {
        let configuration = try UNet2DConditionConfiguration(
            json: places.model.configuration("unet/config.json"),
            file: "\(places.model.path)/unet/config.json"
        )
        let task = try DecoderTask(
            configuration,
            store: newStore(),
            data: conditioning(withLatents: true),
            scheduler: places.model.scheduler("scheduler"),
            plan: plan
        )
        try train(task, to: TrainingStage.decoder.weights)
    }

    /// Parameters to train: `tensors`, and the others from the file that the run is to begin with, or else drawn with
    /// the plan's seed.
    private func newStore(with tensors: [String: Tensor] = [:]) throws -> ParameterStore {
        guard let start = places.start else {
            let generator = Generator(seed: plan.seed)
            return ParameterStore(training: TensorDictionary(tensors), generator: generator, device: device)
        }
        let file = try SafetensorsFile(start)
        var all = tensors
        for name in file.names where all[name] == nil { all[name] = try file.tensor(named: name) }
        return ParameterStore(
            training: TensorDictionary(all, description: start),
            generator: nil,
            device: device
        )
    }

    /// Says what is being prepared, and ends the preparation where the run is to stop.
    func prepare(_ what: String, _ count: Int) throws {
        guard !isCancelled() else { throw CancellationError() }
        report(.preparing(what, count))
    }

    /// Trains to the end of the plan and writes the averaged weights; `complete` does what has to be done before.
    private func train<Task: TrainingTask>(
        _ task: Task,
        to file: String,
        complete: (inout Trainer<Task>) throws -> Void = { _ in }
    ) throws {
        var trainer = try Trainer(task, plan: plan, run: folder)
        try trainer.train(evaluationSteps: 250, isCancelled: isCancelled) { report(.progress($0)) }
        guard trainer.stepsDone == plan.steps else { return }
        try complete(&trainer)
        try places.model.write(trainer.averagedWeights, to: file)
        report(.wrote("\(places.model.path)/\(file)"))
    }

    /// The pictures as the frozen networks see them, and the frozen text tower.
    private func conditioning(withLatents: Bool) throws -> ConditioningData {
        let clip = try places.model.clip(on: device)
        let autoencoder = withLatents ? try places.model.autoencoder(on: device) : nil
        func encode(_ split: String) throws -> EncodedPictures {
            try EncodedPictures(
                shards: places.shards(split),
                limit: places.pictureLimit,
                clip: clip,
                embeddingCache: cache("\(split)-embeddings", of: "clip"),
                latents: autoencoder.map { autoencoder in
                    .init(
                        autoencoder: autoencoder,
                        pictureSide: Self.pictureSide,
                        cache: try cache("\(split)-latents", of: "autoencoder")
                    )
                },
                device: device,
                progress: prepare
            )
        }
        return try ConditioningData(
            pictures: encode("train"),
            heldOut: encode("validation"),
            captions: CaptionEncoder(clip: clip, tokenizer: places.model.tokenizer(), device: device)
        )
    }

    /// Keeps what a frozen part of the model makes of a split, for all stages whose run folders stand side by side.
    private func cache(_ name: String, of part: String) throws -> FeatureCache {
        let folder = "\(places.run)/../encoded"
        try makeFolder(folder)
        return FeatureCache(path: "\(folder)/\(name).safetensors", key: inputs.key("model/\(part)/"))
    }
}
