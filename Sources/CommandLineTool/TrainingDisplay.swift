import Foundation
import LienzoTraining

/// Shows a training on standard error: a bar on a terminal, now and then a line elsewhere.
struct TrainingDisplay {
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

    init(stage: String, steps: Int) {
        summary = Summary(stage: stage)
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
            if let evaluation = progress.evaluation, !evaluation.isEmpty {
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
