import ArgumentParser
import Foundation
import LienzoTorch
import LienzoTraining

/// `lienzo train contrastive`: a CLIP from pictures and captions.
struct TrainContrastiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "contrastive",
        abstract: "Train a CLIP on pictures with captions, from the start or from a model that is there.",
        discussion: """
            The shards are webdataset archives: a picture (png, jpg, webp) and captions (json or txt) a sample. They are \
            streamed; a shuffle buffer and one batch are in memory. At its end the run writes a folder of OpenCLIP, which \
            `lienzo embed --model` and open_clip read. Ctrl-C writes a checkpoint; the same command goes on from it \
            exactly.

            Several processes train together where a launcher sets RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT for \
            each: they share the batch and the shards, and take each step with the mean of their gradients.
            """
    )

    @Option(parsing: .upToNextOption, help: "The shards to train on, or folders of them.", completion: .file())
    var shards: [String]

    @Option(parsing: .upToNextOption, help: "Shards to evaluate on, or folders of them.", completion: .file())
    var validation: [String] = []

    @Option(
        help: "A new model: a published name, such as ViT-B/32 or RN50, or an open_clip_config.json.",
        completion: .file()
    )
    var architecture: String?

    @Option(
        help: "A model to begin with: OpenCLIP's, transformers' or OpenAI's, by its path or its id in the cache.",
        completion: .file()
    )
    var start: String?

    @Option(help: "The folder for checkpoints, log and loss curve.")
    var run = "runs/contrastive"

    @Option(help: "The folder that gets the trained model. (default: the run's folder with /model)")
    var output: String?

    @Option(help: "Steps of the whole run.")
    var steps = ContrastiveRun.plan.steps

    @Option(help: "Pairs in a step, of all processes together; each is told apart from all others.")
    var batch = ContrastiveRun.plan.batch

    @Option(help: "In how many parts a process's pairs go through the towers, to save memory; the gradient stays.")
    var accumulate = 1

    @Option(help: "The highest learning rate.")
    var learningRate = ContrastiveRun.plan.learningRate

    @Option(help: "Steps in which the learning rate rises. (default: 2000, at most a tenth of the steps)")
    var warmUp: Int?

    @Option(help: "How much of each matrix is taken away in a step, times the learning rate.")
    var weightDecay = ContrastiveRun.plan.weightDecay

    @Option(help: "The largest norm of a step's gradient; 0 for any.")
    var clipNorm = ContrastiveRun.plan.clipNorm

    @Option(
        help:
            "The decay of the running average of the weights, which is then what is evaluated and written; 0 for none."
    )
    var averageDecay = ContrastiveRun.plan.averageDecay

    @Option(help: "The arithmetic: fp32 or bf16. (default: what is fast here)")
    var precision: Precision?

    @Flag(help: "Leave the image tower as it is (with --start).")
    var lockImage = false

    @Flag(help: "Leave the text tower as it is (with --start).")
    var lockText = false

    @Flag(
        help: "Keep only the inputs of each block for the gradient and compute the rest again: less memory, more time."
    )
    var checkpointActivations = false

    @Option(help: "Steps between evaluations.")
    var evaluateEvery = 500

    @Option(help: "How many pairs are evaluated on at most.")
    var validationPairs = 1_000

    @Option(help: "Samples (still encoded) that each stream has in memory for shuffling.")
    var buffer = 4_096

    @Option(
        help: "In how many streams the shards are read; a multiple of the processes. (default: one for each process)"
    )
    var streams: Int?

    @Option(help: "How processes talk to each other: gloo.")
    var backend = ProcessGroup.Backend.gloo

    @Option(help: "Where all randomness comes from.")
    var seed: UInt64 = 0

    @OptionGroup var outputOptions: OutputOptions

    func validate() throws {
        guard (architecture == nil) != (start == nil) else {
            throw ValidationError("Give either --architecture, for a new model, or --start, for one that is there.")
        }
        guard !shards.isEmpty else { throw ValidationError("--shards is empty; expected archives or folders of them.") }
        let counts = [
            ("--steps", steps, 1_000_000_000), ("--batch", batch, 1 << 20), ("--accumulate", accumulate, 1 << 16),
            ("--evaluate-every", evaluateEvery, 1_000_000_000), ("--validation-pairs", validationPairs, 100_000),
            ("--buffer", buffer, 1 << 24), ("--streams", streams ?? 1, 1 << 16),
        ]
        for (name, value, limit) in counts where !(1...limit).contains(value) {
            throw ValidationError("\(name) is \(value); expected 1 to \(limit).")
        }
        guard batch >= 2 else { throw ValidationError("--batch is \(batch); expected at least 2 pairs to tell apart.") }
        if let warmUp, !(0...steps).contains(warmUp) {
            throw ValidationError("--warm-up is \(warmUp); expected 0 to the \(steps) steps.")
        }
        let numbers = [
            ("--learning-rate", learningRate, 1.0), ("--weight-decay", weightDecay, 10),
            ("--clip-norm", clipNorm, 1e9), ("--average-decay", averageDecay, 0.999_999),
        ]
        for (name, value, limit) in numbers where !(0...limit).contains(value) {
            throw ValidationError("\(name) is \(value); expected 0 to \(limit).")
        }
        guard batch.isMultiple(of: accumulate) else {
            throw ValidationError("--accumulate is \(accumulate); expected a divisor of the \(batch) pairs of a step.")
        }
        guard batch.isMultiple(of: streams ?? 1) else {
            throw ValidationError("--streams is \(streams ?? 1); expected a divisor of the \(batch) pairs of a step.")
        }
        guard start != nil || !lockImage && !lockText else {
            throw ValidationError(
                "A tower that knows nothing cannot be locked; give a trained one with --start, or leave "
                    + "\(lockImage ? "--lock-image" : "--lock-text") out."
            )
        }
        guard !(lockImage && lockText) else {
            throw ValidationError("Both towers are locked, so there is nothing to train; leave one of the locks out.")
        }
        guard backend == .gloo else {
            throw ValidationError("This build of libtorch has no NCCL, only Gloo for the CPU; leave --backend out.")
        }
    }

    func run() async throws {
        var plan = ContrastiveRun.plan
        plan.steps = steps
        plan.batch = batch
        plan.learningRate = learningRate
        plan.warmUp = warmUp ?? min(plan.warmUp, steps / 10)
        plan.weightDecay = weightDecay
        plan.clipNorm = clipNorm
        plan.averageDecay = averageDecay
        plan.seed = seed
        if let output { try OutputFile.requireWritable(folder: output, option: "--output") }
        try OutputFile.requireWritable(folder: run, option: "--run")
        var settings = ContrastiveSettings(
            shards: try ShardPaths.all(shards),
            run: run,
            output: output ?? "\(run)/model"
        )
        settings.validation = try ShardPaths.all(validation)
        settings.validationPairs = validationPairs
        settings.parts = accumulate
        settings.streams = streams
        settings.bufferSize = buffer
        settings.computeType = precision?.type
        settings.locksImageTower = lockImage
        settings.locksTextTower = lockText
        settings.recomputesBlocks = checkpointActivations
        settings.evaluationSteps = evaluateEvery
        let model =
            try start.map { try ContrastiveModel(start: ModelLocation.path(of: $0)) }
            ?? ContrastiveModel(architecture: architecture ?? "")
        let group = try Launch.group()
        var display = TrainingDisplay(stage: "contrastive", steps: plan.steps)
        try ContrastiveRun(model, plan: plan, settings: settings, group: group).run(
            isCancelled: { Task.isCancelled },
            note: { Console.note("lienzo: \($0)") },
            report: { if group.isFirst { display.show($0) } }
        )
        display.finish()
        try Task.checkCancellation()
        guard group.isFirst else { return }
        if outputOptions.json {
            try Console.json(display.summary)
        } else if let folder = display.summary.weights {
            Console.line(folder)
        }
    }
}

extension ProcessGroup.Backend: ExpressibleByArgument {}

/// What a launcher of several processes says to each of them.
enum Launch {
    /// The processes that were started together, as `torchrun` and other launchers say it; this one alone where none
    /// says anything.
    ///
    /// - Throws: `CommandError` where a launcher has said only half, or numbers that cannot be.
    static func group(_ environment: [String: String] = ProcessInfo.processInfo.environment) throws -> ProcessGroup {
        guard let size = environment["WORLD_SIZE"] else { return ProcessGroup() }
        func number(_ name: String, in range: ClosedRange<Int>) throws(CommandError) -> Int {
            let text = environment[name]
            guard let value = text.flatMap({ Int($0) }), range.contains(value) else {
                throw CommandError(
                    "The environment variable \(name) is \(text ?? "not set"); expected \(range.lowerBound) to "
                        + "\(range.upperBound), as a launcher of several processes sets it (WORLD_SIZE is \(size))."
                )
            }
            return value
        }
        let count = try number("WORLD_SIZE", in: 1...65_536)
        if count == 1 { return ProcessGroup() }
        guard let address = environment["MASTER_ADDR"], !address.isEmpty else {
            throw CommandError(
                "The environment variable MASTER_ADDR is not set; expected the address of the machine of process 0."
            )
        }
        return try ProcessGroup(
            address: address,
            port: number("MASTER_PORT", in: 1...65_535),
            rank: number("RANK", in: 0...count - 1),
            size: count
        )
    }
}
