import Foundation
import LienzoNN
import LienzoTorch
import LienzoTraining
import Testing

/// Fits a linear layer to another one; random inputs of the step's generator.
private struct LineTask: TrainingTask {
    let store: ParameterStore
    private let layer: Linear
    /// Makes the loss of this step not a number.
    var failingStep = -1

    init() throws {
        store = ParameterStore(training: nil, generator: Generator(seed: 7), computeType: .float32)
        layer = try Linear(store.root["line"], from: 4, to: 3)
    }

    func loss(step: Int, generator: Generator) throws -> Tensor {
        let x = Tensor.randn([8, 4], generator: generator)
        let target = x.narrow(dim: 1, start: 0, length: 3) * 2 + 1
        let loss = (layer(x) - target).square().mean()
        return step == failingStep ? loss * Double.nan : loss
    }

    func evaluate() throws -> [String: Double] { ["fixed": try loss(step: 0, generator: Generator(seed: 0)).item] }
}

@Suite struct TrainerTests {
    private let plan = TrainingPlan(steps: 60, batch: 8, learningRate: 0.05, warmUp: 5, averageDecay: 0.9)

    private func folder() -> String { NSTemporaryDirectory() + "lienzo-training-\(UUID().uuidString)" }

    /// The loss of each step, from where the run stands to `end`.
    private func losses(_ run: RunDirectory, until end: Int) throws -> [Double] {
        var trainer = try Trainer(LineTask(), plan: plan, run: run)
        var done = trainer.stepsDone
        var losses: [Double] = []
        // logSteps of 1, so that a report is the loss of one step.
        try trainer.train(
            logSteps: 1,
            isCancelled: { done >= end },
            report: {
                done = $0.step
                losses.append($0.loss)
            }
        )
        return losses
    }

    @Test func `a run learns, and its averaged weights are close to the answer`() throws {
        let path = folder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let before = try #require(try LineTask().evaluate()["fixed"])
        var trainer = try Trainer(LineTask(), plan: plan, run: try RunDirectory(path, plan: plan))
        var last: TrainingProgress?
        try trainer.train(isCancelled: { false }, report: { last = $0 })
        let progress = try #require(last)
        #expect(progress.step == 60)
        #expect(try #require(progress.evaluation?["fixed"]) < before / 10)
        let names = trainer.averagedWeights.map(\.name)
        #expect(names == ["line.weight", "line.bias"])
    }

    @Test func `a run that is stopped and resumed gives the losses of one that is not`() throws {
        let (whole, parts) = (folder(), folder())
        defer { for path in [whole, parts] { try? FileManager.default.removeItem(atPath: path) } }
        let expected = try losses(RunDirectory(whole, plan: plan), until: 60)
        let run = try RunDirectory(parts, plan: plan)
        let found = try losses(run, until: 17) + losses(run, until: 41) + losses(run, until: 60)
        #expect(expected.count == 60)
        #expect(found == expected)
        let history = run.history()
        #expect(history.map(\.loss) == expected)
    }

    @Test func `another seed gives other losses`() throws {
        let (a, b) = (folder(), folder())
        defer { for path in [a, b] { try? FileManager.default.removeItem(atPath: path) } }
        var other = plan
        other.seed = 1
        var first = try Trainer(LineTask(), plan: plan, run: RunDirectory(a, plan: plan))
        var second = try Trainer(LineTask(), plan: other, run: RunDirectory(b, plan: other))
        #expect(try first.advance() != second.advance())
    }

    @Test func `a run folder of another plan is refused`() throws {
        let path = folder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        var other = plan
        other.batch = 9
        // Before the first checkpoint a run may still be given other numbers.
        _ = try RunDirectory(path, plan: other)
        _ = try losses(RunDirectory(path, plan: plan), until: 3)
        let error = #expect(throws: TrainingError.self) { try RunDirectory(path, plan: other) }
        #expect(error?.description.contains("batch was \(plan.batch) and is 9") == true)
    }

    @Test func `two processes cannot train in one folder`() throws {
        let path = folder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let first = try RunDirectory(path, plan: plan)
        let error = withExtendedLifetime(first) {
            #expect(throws: TrainingError.self) { try RunDirectory(path, plan: plan) }
        }
        #expect(error?.description.contains("another process") == true)
    }

    @Test func `a loss that is not a number ends the run and keeps the checkpoint`() throws {
        let path = folder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let run = try RunDirectory(path, plan: plan)
        _ = try losses(run, until: 10)
        var task = try LineTask()
        task.failingStep = 12
        var trainer = try Trainer(task, plan: plan, run: run)
        #expect(throws: TrainingError.self) { try trainer.train(isCancelled: { false }, report: { _ in }) }
        #expect(try Trainer(LineTask(), plan: plan, run: run).stepsDone == 10)
    }

    @Test func `a damaged checkpoint is told in a sentence`() throws {
        let path = folder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let run = try RunDirectory(path, plan: plan)
        _ = try losses(run, until: 3)
        let file = "\(path)/checkpoint-00000003.safetensors"
        let bytes = try #require(FileManager.default.contents(atPath: file))
        try bytes.dropLast(10).write(to: URL(fileURLWithPath: file))
        #expect {
            try Trainer(LineTask(), plan: plan, run: run)
        } throws: { error in
            "\(error)".contains("checkpoint-00000003.safetensors") && "\(error)".hasSuffix(".")
        }
    }

    @Test func `the learning rate rises, falls along a cosine and ends at its floor`() {
        let rate = LearningRate(peak: 1, warmUp: 10, steps: 110, floor: 0.1)
        #expect(rate(0) == 0.1)
        #expect(rate(9) == 1)
        #expect(abs(rate(60) - 0.55) < 1e-12)
        #expect(abs(rate(110) - 0.1) < 1e-12)
    }

    @Test func `every epoch has every sample once, in an order that depends on the seed`() {
        var order = EpochOrder(count: 10, batch: 4, seed: 3)
        let all = (0..<5).flatMap { order.indices(step: $0) }
        #expect(Set(all.prefix(10)) == Set(0..<10))
        #expect(Set(all.suffix(10)) == Set(0..<10))
        #expect(Array(all.prefix(10)) != Array(all.suffix(10)))
        // A step is a function of its number: asked out of order it is the same.
        var again = EpochOrder(count: 10, batch: 4, seed: 3)
        #expect(again.indices(step: 3) == Array(all[12..<16]))
        #expect(again.indices(step: 1) == Array(all[4..<8]))
    }

    @Test func `an epoch shows a sample as often as it is told to`() {
        var order = EpochOrder(showings: [1, 3, 0, 2], batch: 3, seed: 3)
        let epochs = (0..<4).map { order.indices(step: $0) }
        #expect((epochs[0] + epochs[1]).sorted() == [0, 1, 1, 1, 3, 3])
        #expect((epochs[2] + epochs[3]).sorted() == [0, 1, 1, 1, 3, 3])
    }

    @Test func `AdamW moves as torch's does`() throws {
        // torch: w = [1., -2.] as a 1×2 matrix, loss = (w ** 2).sum(), AdamW(lr=0.1, betas=(0.9, 0.99),
        // weight_decay=0.05), two steps.
        let expected: [Float] = [0.790_941_66, -1.780_724_53]
        let store = ParameterStore(
            training: TensorDictionary(["w": Tensor([Float(1), -2], shape: [1, 2])]),
            generator: nil,
            computeType: .float32
        )
        let parameter = try store.root.parameter("w", [1, 2])
        let optimizer = AdamW(store.trainable, weightDecay: 0.05, beta1: 0.9, beta2: 0.99)
        for _ in 0..<2 {
            parameter().square().sum().backward()
            optimizer.step(learningRate: 0.1)
        }
        for (a, b) in zip(parameter().floats(), expected) { #expect(abs(a - b) < 1e-5) }
    }

    @Test func `gradients are clipped together`() throws {
        let store = ParameterStore(
            training: TensorDictionary(["w": Tensor([Float(3), 4], shape: [1, 2])]),
            generator: nil,
            computeType: .float32
        )
        let parameter = try store.root.parameter("w", [1, 2])
        let optimizer = AdamW(store.trainable)
        (parameter().square().sum() / 2).backward()
        #expect(optimizer.clipGradients(to: 1) == 5)
        let clipped = parameter().gradient?.floats() ?? []
        #expect(abs(clipped[0] - 0.6) < 1e-6 && abs(clipped[1] - 0.8) < 1e-6)
    }
}
