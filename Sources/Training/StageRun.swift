import LienzoCheckpoints
import LienzoModels
import LienzoNN
import LienzoTorch

/// The work of one stage: what to do, where, and whom to tell.
struct StageRun {
    let plan: TrainingPlan
    let places: TrainingPlaces
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
                report(.preparing("reading pictures", $0))
            },
            heldOut: PictureTable(shards: places.shards("validation"), side: side, limit: places.pictureLimit),
            window: side / 2,
            plan: plan
        )
        try train(task, to: "autoencoder/\(ModelFolder.weightsFile)") { trainer in
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
            store: newStore(TensorDictionary(["clip_mean": mean, "clip_std": deviation])),
            data: data,
            scheduler: places.model.scheduler("prior_scheduler"),
            plan: plan
        )
        try train(task, to: "prior/\(ModelFolder.weightsFile)")
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
        try train(task, to: "unet/\(ModelFolder.weightsFile)")
    }

    /// Parameters to train: those that the run is to begin with, or else those of `source` and the others drawn with
    /// the plan's seed.
    private func newStore(_ source: (any ParameterSource)? = nil) throws -> ParameterStore {
        if let start = places.start {
            return ParameterStore(training: try SafetensorsFile(start), generator: nil, device: device)
        }
        return ParameterStore(training: source, generator: Generator(seed: plan.seed), device: device)
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
        let clip = try places.model.clip()
        let autoencoder = withLatents ? try places.model.autoencoder() : nil
        func encode(_ split: String) throws -> EncodedPictures {
            try EncodedPictures(
                shards: places.shards(split),
                limit: places.pictureLimit,
                clip: clip,
                embeddingCache: places.cache("\(split)-embeddings", of: ModelFolder.clipWeights),
                latents: autoencoder.map { autoencoder in
                    .init(
                        autoencoder: autoencoder,
                        pictureSide: Self.pictureSide,
                        cache: try places.cache("\(split)-latents", of: "autoencoder/\(ModelFolder.weightsFile)")
                    )
                },
                progress: { report(.preparing($0, $1)) }
            )
        }
        return try ConditioningData(
            pictures: encode("train"),
            heldOut: encode("validation"),
            captions: CaptionEncoder(clip: clip, tokenizer: places.model.tokenizer())
        )
    }
}
