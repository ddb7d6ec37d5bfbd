import ArgumentParser
import Foundation
import LienzoTraining

/// `lienzo train STAGE`: one of the four trainings that make a model directory.
struct TrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a stage of a model directory, or go on with a training that was stopped.",
        discussion: """
            The stages in order: clip, autoencoder, prior, decoder. Ctrl-C writes a checkpoint into the run folder; \
            the same command goes on from it exactly.
            """
    )

    @Argument(help: "clip, autoencoder, prior or decoder.")
    var stage: TrainingStage

    @Option(help: "The model directory whose configurations say what to train, and which gets the weights.")
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
        var plan = stage.plan
        plan.steps = steps ?? plan.steps
        plan.batch = batch ?? plan.batch
        plan.learningRate = learningRate ?? plan.learningRate
        plan.warmUp = min(plan.warmUp, plan.steps / 2)
        plan.seed = seed
        let places = TrainingPlaces(
            model: model,
            data: data,
            run: run ?? "runs/\(stage.rawValue)",
            towers: towers,
            start: start,
            pictureLimit: pictures ?? .max
        )
        var display = TrainingDisplay(stage: stage, steps: plan.steps)
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

/// Shows a training on standard error: a bar on a terminal, now and then a line elsewhere.
private struct TrainingDisplay {
    struct Summary: Encodable {
        var stage: String
        var steps = 0
        var loss: Double?
        var evaluation: [String: Double] = [:]
        var weights: String?
    }

    private(set) var summary: Summary
    private var bar: ProgressBar?
    private let steps: Int
    private var lastLine = Date.distantPast

    init(stage: TrainingStage, steps: Int) {
        summary = Summary(stage: stage.rawValue)
        self.steps = steps
    }

    mutating func show(_ event: TrainingEvent) {
        switch event {
        case .preparing(let what, let count):
            line("\(what): \(count)", every: 5)
        case .progress(let progress):
            summary.steps = progress.step
            summary.loss = progress.loss
            let rate = String(format: "loss %.4f, %.1f samples/s", progress.loss, progress.rate)
            if Console.isInteractive {
                if bar == nil { bar = ProgressBar(summary.stage, total: steps, unit: "steps") }
                bar?.update(completed: progress.step, note: rate)
            } else {
                let left = ProgressBar.duration(progress.secondsLeft)
                line("step \(progress.step) of \(progress.steps), \(rate), \(left) left", every: 15)
            }
            if let evaluation = progress.evaluation {
                summary.evaluation = evaluation
                let figures = evaluation.sorted { $0.key < $1.key }.map { String(format: "%@ %.4f", $0.key, $0.value) }
                Console.note("\(Console.isInteractive ? "\n" : "")held out: \(figures.joined(separator: ", "))")
            }
        case .wrote(let path):
            summary.weights = path
        }
    }

    private mutating func line(_ text: String, every seconds: Double) {
        guard Date().timeIntervalSince(lastLine) >= seconds else { return }
        lastLine = Date()
        Console.note(text)
    }

    func finish() { bar?.finish() }
}
