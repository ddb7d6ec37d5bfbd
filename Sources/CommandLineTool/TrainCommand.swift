import ArgumentParser
import Foundation
import LienzoTraining

/// `lienzo train`: the stages of a model directory, or a CLIP of its own.
struct TrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a stage of a model directory or a CLIP, or go on with a training that was stopped.",
        discussion: """
            The stages of a model directory, in order: clip, autoencoder, prior, decoder (`lienzo train stage --help`). \
            `contrastive` trains a CLIP from pictures and captions. Ctrl-C writes a checkpoint into the run folder; the \
            same command goes on from it exactly.
            """,
        subcommands: [TrainStageCommand.self, TrainContrastiveCommand.self],
        defaultSubcommand: TrainStageCommand.self
    )
}

/// `lienzo train STAGE`: one of the four trainings that make a model directory.
struct TrainStageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stage",
        abstract: "Train a stage of a model directory; the word stage may be left out.",
        discussion: "The stages in order: clip, autoencoder, prior, decoder."
    )

    @Argument(help: "clip, autoencoder, prior or decoder.")
    var stage: TrainingStage

    @Option(
        help: "The folder of the model directory whose configurations say what to train, and which gets the weights."
    )
    var model = "runs/mini"

    @Option(help: "The folder of the shards that `lienzo data build` made.")
    var data = "data/mini"

    @Option(help: "The folder for checkpoints and the log (default: runs/STAGE).")
    var run: String?

    @Option(help: "The pretrained towers that Scripts/fetch-towers got (clip only).")
    var towers = ".cache/towers"

    @Option(help: "Weights to begin with instead of random ones, such as the stage's own of another model (not clip).")
    var start: String?

    @Option(help: "Steps of the whole run.")
    var steps: Int?

    @Option(help: "Samples in a step.")
    var batch: Int?

    @Option(help: "How many pictures are read at most, for a trial (default: all).")
    var pictures: Int?

    @Option(help: "The highest learning rate.")
    var learningRate: Double?

    @Option(help: "Where all randomness comes from.")
    var seed: UInt64 = 0

    @OptionGroup var output: OutputOptions

    func validate() throws {
        if start != nil, stage == .clip {
            throw ValidationError("--start is for the other stages; clip begins with the pretrained towers")
        }
        if let steps, steps < 1 { throw ValidationError("--steps is \(steps), expected 1 or more") }
        if let batch, !(1...65_536).contains(batch) {
            throw ValidationError("--batch is \(batch), expected 1 to 65536")
        }
        if let pictures, pictures < 1 { throw ValidationError("--pictures is \(pictures), expected 1 or more") }
        if let learningRate, !(learningRate > 0 && learningRate < 1) {
            throw ValidationError("--learning-rate is \(learningRate), expected a number between 0 and 1")
        }
    }

    func run() async throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: model, isDirectory: &isFolder), isFolder.boolValue else {
            throw CommandError(
                "There is no folder \(model) to train in: weights are written into it, so it is named by its path and "
                    + "never by an id; begin with a copy of a model directory, such as 'cp -r mini runs/mini'."
            )
        }
        let run = run ?? "runs/\(stage.rawValue)"
        try OutputFile.requireWritable("\(model)/\(stage.weights)")
        try OutputFile.requireWritable(folder: run, option: "--run")
        var plan = stage.plan
        plan.steps = steps ?? plan.steps
        plan.batch = batch ?? plan.batch
        plan.learningRate = learningRate ?? plan.learningRate
        plan.warmUp = min(plan.warmUp, plan.steps / 2)
        plan.seed = seed
        let places = TrainingPlaces(
            model: model,
            data: data,
            run: run,
            towers: towers,
            start: start,
            pictureLimit: pictures ?? .max
        )
        var display = TrainingDisplay(stage: stage.rawValue, steps: plan.steps)
        try stage.run(plan, places, isCancelled: { Task.isCancelled }) { display.show($0) }
        display.finish()
        try Task.checkCancellation()
        if output.json {
            try Console.json(display.summary)
        } else if let weights = display.summary.weights {
            Console.line(weights)
        }
    }
}

extension TrainingStage: ExpressibleByArgument {}
