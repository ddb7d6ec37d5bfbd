import Foundation
import LienzoCheckpoints
package import LienzoNN
package import LienzoTorch

/// What a run trains: the parameters, the loss of a step, and figures on data that training does not see.
package protocol TrainingTask {
    /// Owns the parameters.
    var store: ParameterStore { get }

    /// The loss of one step, a scalar.
    ///
    /// - Parameters:
    ///   - step: counted from 0.
    ///   - generator: the only source of randomness, fresh for each step.
    /// - Returns: a scalar that gradients can be taken of.
    /// - Throws: where the step's loss cannot be computed.
    mutating func loss(step: Int, generator: Generator) throws -> Tensor

    /// Adds the gradient of the step's loss to the parameters, and returns the loss; where several processes train, the
    /// gradient is the mean of what each adds, and the loss is that of all.
    ///
    /// - Parameters:
    ///   - step: counted from 0.
    ///   - generator: the only source of randomness, fresh for each step.
    /// - Returns: the loss, a scalar.
    /// - Throws: where the step's loss cannot be computed.
    mutating func backward(step: Int, generator: Generator) throws -> Tensor

    /// Called behind each step, to bring parameters back into their range.
    mutating func didStep()

    /// What a checkpoint keeps of the task beside its parameters; all processes ask at the same time.
    func state() -> [(name: String, tensor: Tensor)]

    /// Goes on from a ``state()``.
    mutating func restore(_ state: [(name: String, tensor: Tensor)]) throws

    /// Figures by name with the averaged weights in place.
    mutating func evaluate() throws -> [String: Double]

    /// What the plan's learning rate is multiplied with for a parameter.
    func learningRateScale(of name: String) -> Double
}

extension TrainingTask {
    package mutating func backward(step: Int, generator: Generator) throws -> Tensor {
        let loss = try loss(step: step, generator: generator)
        loss.backward()
        return loss
    }

    package mutating func didStep() {}
    package func state() -> [(name: String, tensor: Tensor)] { [] }
    package mutating func restore(_ state: [(name: String, tensor: Tensor)]) throws {}

    package func learningRateScale(of name: String) -> Double { 1 }
}

/// What a run reports after each step.
package struct TrainingProgress: Sendable {
    /// Steps done.
    package let step: Int
    package let steps: Int
    /// The mean loss of the last steps.
    package let loss: Double
    /// Samples a second, in this session of the run.
    package let rate: Double
    package let secondsLeft: Double
    /// The figures of the evaluation that was made after this step, if one was.
    package let evaluation: [String: Double]?
}

/// Runs a task step by step: gradients, clipping, AdamW, averaged weights, checkpoints; goes on where a run stopped.
///
/// A resumed run gives the losses that an uninterrupted one would have given: all randomness and the order of the
/// samples are functions of the seed and the number of the step, and a checkpoint holds the rest.
///
/// Several processes may train together, each with its own samples: they begin with the parameters of the first, and take
/// each step with the mean of their gradients. Only the first has a run directory.
package struct Trainer<Task: TrainingTask> {
    package private(set) var task: Task
    private let plan: TrainingPlan
    private let run: RunDirectory?
    private let group: ProcessGroup
    private let optimizer: AdamW
    private let average: ExponentialMovingAverage
    private let rate: LearningRate
    private var step = 0

    /// Begins a run, or goes on from its latest checkpoint.
    ///
    /// - Parameters:
    ///   - task: what is trained.
    ///   - plan: the numbers of the run.
    ///   - run: where checkpoints and the log are; of the first process only.
    ///   - group: the processes that train together.
    /// - Throws: where the latest checkpoint cannot be read or is another model's.
    package init(_ task: Task, plan: TrainingPlan, run: RunDirectory?, group: ProcessGroup = ProcessGroup()) throws {
        self.task = task
        self.plan = plan
        self.run = run
        self.group = group
        let trainable = task.store.trainable
        optimizer = AdamW(
            trainable,
            weightDecay: plan.weightDecay,
            beta2: plan.beta2,
            epsilon: plan.epsilon,
            learningRateScale: task.learningRateScale
        )
        average = ExponentialMovingAverage(trainable, decay: plan.averageDecay)
        rate = LearningRate(
            peak: plan.learningRate,
            warmUp: plan.warmUp,
            steps: plan.steps,
            floor: plan.rateFloor
        )
        let checkpoint = run?.latest()
        let taskState = task.state()
        if let checkpoint {
            let source = try SafetensorsFile(checkpoint.path)
            try TrainingState.restore(modelState, from: PrefixedSource(source, prefix: "model."))
            try average.restore(from: PrefixedSource(source, prefix: "average."))
            try optimizer.restore(from: PrefixedSource(source, prefix: "optimizer."))
            try TrainingState.restore(taskState, from: PrefixedSource(source, prefix: "task."))
        }
        step = shareStart(checkpoint?.step ?? 0, taskState)
        if step > 0 { try self.task.restore(taskState) }
        try run?.truncateLog(from: step)
    }

    /// Gives all processes what the first has read, and returns its step.
    private func shareStart(_ step: Int, _ taskState: [(name: String, tensor: Tensor)]) -> Int {
        guard !group.isAlone else { return step }
        let number = Tensor([Int64(step)])
        let state = modelState + average.state + optimizer.state + taskState
        group.broadcast([number] + state.map(\.tensor))
        return Int(number.int64s().first ?? 0)
    }

    /// Steps done so far.
    package var stepsDone: Int { step }

    /// What training changes; frozen parameters are where they came from.
    private var modelState: [(name: String, tensor: Tensor)] {
        task.store.entries.filter { $0.kind != .frozen }.map { ($0.name, $0.tensor.detached()) }
    }

    /// Trains to the end of the plan, or until `isCancelled`; either way the last step is in a checkpoint.
    ///
    /// - Parameters:
    ///   - checkpointSeconds: how often a checkpoint is written.
    ///   - evaluationSteps: how often the task is evaluated; 0 for at the end only.
    ///   - logSteps: how often a line is logged.
    ///   - isCancelled: asked before each step; training stops where it says so.
    ///   - report: called after each step.
    ///   - evaluated: called after each evaluation, when the log has it.
    /// - Throws: ``TrainingError`` where the loss is no longer a number; errors of the task and of files. The
    ///   checkpoint written last stays as it is.
    package mutating func train(
        checkpointSeconds: Double = 300,
        evaluationSteps: Int = 0,
        logSteps: Int = 20,
        isCancelled: () -> Bool,
        report: (TrainingProgress) -> Void,
        evaluated: () throws -> Void = {}
    ) throws {
        let start = Date()
        let first = step
        var savedAt = Date()
        var savedStep = step
        var losses: [Double] = []
        while step < plan.steps {
            let isDue = Date().timeIntervalSince(savedAt) > checkpointSeconds
            let wish = agreed(stops: isCancelled(), saves: isDue && savedStep != step)
            if wish.saves {
                try save()
                savedAt = Date()
                savedStep = step
            }
            if wish.stops { break }
            losses.append(try advance())
            let isLast = step == plan.steps
            let evaluates = isLast || (evaluationSteps > 0 && step % evaluationSteps == 0)
            let evaluation = evaluates ? try evaluate() : nil
            let elapsed = Date().timeIntervalSince(start)
            let done = Double(step - first)
            report(
                TrainingProgress(
                    step: step,
                    steps: plan.steps,
                    loss: losses.reduce(0, +) / Double(losses.count),
                    rate: done * Double(plan.batch) / elapsed,
                    secondsLeft: elapsed / done * Double(plan.steps - step),
                    evaluation: evaluation
                )
            )
            if step % logSteps == 0 || evaluates {
                try run?.log(
                    LogLine(
                        step: step,
                        loss: losses.reduce(0, +) / Double(losses.count),
                        learningRate: rate(step - 1),
                        evaluation: evaluation
                    )
                )
                losses.removeAll(keepingCapacity: true)
                if evaluates { try evaluated() }
            }
        }
        if savedStep != step { try save() }
    }

    /// Whether any process is to stop, and whether the first wants a checkpoint; the same answer in all of them.
    private func agreed(stops: Bool, saves: Bool) -> (stops: Bool, saves: Bool) {
        guard !group.isAlone else { return (stops, saves) }
        let flags = Tensor([stops, saves && group.isFirst].map { $0 ? Float(1) : 0 })
        group.maximum([flags])
        let agreed = flags.floats()
        return (agreed.first == 1, agreed.last == 1)
    }

    /// One step; returns its loss.
    package mutating func advance() throws -> Double {
        let generator = Generator(seed: SeedSequence.seed(plan.seed, stream: 1, index: step))
        let value = try torchScope {
            let loss = try task.backward(step: step, generator: generator)
            group.average(optimizer.gradients)
            let norm = optimizer.clipGradients(to: plan.clipNorm)
            let value = loss.item
            guard value.isFinite, norm.isFinite else {
                throw TrainingError(
                    "the loss of step \(step) is \(value) and its gradient's norm \(norm); "
                        + "a lower --learning-rate may help (the last checkpoint\(run.map { " in \($0.path)" } ?? "") is good)"
                )
            }
            optimizer.step(learningRate: rate(step))
            task.didStep()
            average.update(step: step)
            return value
        }
        step += 1
        return value
    }

    private mutating func evaluate() throws -> [String: Double] {
        try average.withAverages { try withoutGradient { try torchScope { try task.evaluate() } } }
    }

    /// Asks the task something with the averaged weights in place.
    package func withAverages<Result>(_ body: (Task) throws -> Result) throws -> Result {
        try average.withAverages { try withoutGradient { try torchScope { try body(task) } } }
    }

    private func save() throws {
        let taskState = try torchScope { task.state() }
        guard let run else { return }
        let tensors =
            modelState.map { ("model.\($0.name)", $0.tensor) }
            + average.state.map { ("average.\($0.name)", $0.tensor) }
            + optimizer.state.map { ("optimizer.\($0.name)", $0.tensor) }
            + taskState.map { ("task.\($0.name)", $0.tensor) }
        try run.save(tensors.map { (name: $0.0, tensor: $0.1) }, step: step)
    }

    /// All tensors of the model with the averaged weights in place, as they are shipped.
    package var averagedWeights: [(name: String, tensor: Tensor)] {
        let averages = Dictionary(uniqueKeysWithValues: average.values.map { ($0.name, $0.tensor) })
        return task.store.entries.map { ($0.name, averages[$0.name] ?? $0.tensor.detached()) }
    }
}

/// The part of a source whose names begin with a prefix, without it.
private struct PrefixedSource: ParameterSource {
    private let base: any ParameterSource
    private let prefix: String

    init(_ base: any ParameterSource, prefix: String) {
        self.base = base
        self.prefix = prefix
    }

    var description: String { base.description }
    var names: [String] { base.names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) } }
    func shape(of name: String) -> [Int]? { base.shape(of: prefix + name) }
    func tensor(named name: String) throws -> Tensor { try base.tensor(named: prefix + name) }
}
