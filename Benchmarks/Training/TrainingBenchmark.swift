import Foundation
import LienzoModels
import LienzoNN
import LienzoTorch
import LienzoTraining

/// Takes contrastive training steps of a published CLIP on random pairs, one for each line of standard input, and prints
/// the milliseconds, the loss and the processor's milliseconds of each: what `Tools/evaluation/training_step.py` runs in turn with the reference.
///
///     echo | .build/release/LienzoTrainingBenchmark --architecture ViT-B/32 --batch 16 --precision bf16
///
/// `--tokens` says how long the captions are; at the longest, 77, nothing of them is padding.
@main
enum TrainingBenchmark {
    static func main() {
        do {
            Engine.prepare()
            try run(Options(Array(CommandLine.arguments.dropFirst())))
        } catch {
            FileHandle.standardError.write(Data("benchmark: \(error)\n".utf8))
            exit(1)
        }
    }

    private struct Options {
        var architecture = "ViT-B/32"
        var batch = 16
        var tokens = 77
        var precision = DType.bfloat16
        var recomputes = false

        init(_ words: [String]) throws {
            var rest = words[...]
            while let name = rest.popFirst() {
                if name == "--checkpoint-activations" {
                    recomputes = true
                    continue
                }
                guard let value = rest.popFirst() else { throw BenchmarkError("\(name) has no value.") }
                switch name {
                case "--architecture": architecture = value
                case "--batch": batch = Int(value) ?? 0
                case "--tokens": tokens = Int(value) ?? 0
                case "--precision": precision = value == "fp32" ? .float32 : .bfloat16
                default: throw BenchmarkError("\(name) is no option of this benchmark.")
                }
            }
            guard (2...4096).contains(batch), (3...77).contains(tokens) else {
                throw BenchmarkError("--batch is \(batch) and --tokens \(tokens); expected 2 to 4096 and 3 to 77.")
            }
        }
    }

    private static func run(_ options: Options) throws {
        guard let configuration = CLIPConfiguration(architecture: options.architecture) else {
            throw BenchmarkError("\(options.architecture) is no architecture that Lienzo knows.")
        }
        let store = ParameterStore(training: nil, generator: Generator(seed: 0), computeType: options.precision)
        store.recomputesBlocks = options.recomputes
        let task = try RandomPairs(configuration, store: store, batch: options.batch, tokens: options.tokens)
        var plan = ContrastiveRun.plan
        (plan.steps, plan.batch) = (1 << 30, options.batch)
        var trainer = try Trainer(task, plan: plan, run: nil)
        while readLine() != nil {
            let (start, used) = (ContinuousClock.now, processorMilliseconds())
            let loss = try trainer.advance()
            let milliseconds = (ContinuousClock.now - start) / .milliseconds(1)
            print(String(format: "%.1f %.4f %.1f", milliseconds, loss, processorMilliseconds() - used))
            fflush(nil)
        }
    }
}

/// What all threads of the process have computed so far, in milliseconds.
private func processorMilliseconds() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    func milliseconds(_ time: timeval) -> Double { Double(time.tv_sec) * 1e3 + Double(time.tv_usec) / 1e3 }
    return milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime)
}

/// Always the same random pairs.
private struct RandomPairs: TrainingTask {
    let store: ParameterStore
    private let objective: ContrastiveLoss
    private let pairs: Pairs

    init(_ configuration: CLIPConfiguration, store: ParameterStore, batch: Int, tokens: Int) throws {
        self.store = store
        objective = ContrastiveLoss(try CLIP(store.root, configuration), store: store)
        store.batchStatistics = .usual
        let generator = Generator(seed: 1)
        let (size, words) = (configuration.imageTower.imageSize, configuration.vocabularySize)
        let ids = Tensor.randint(1..<words - 2, [batch, tokens - 2], generator: generator)
        func column(_ id: Int) -> Tensor { Tensor([Int64](repeating: Int64(id), count: batch), shape: [batch, 1]) }
        pairs = Pairs(
            pixels: .randn([batch, 3, size, size], generator: generator),
            ids: .cat([column(words - 2), ids, column(words - 1)], dim: 1)
        )
    }

    func loss(step: Int, generator: Generator) throws -> Tensor { objective(pairs) }
    func didStep() { objective.clampScale() }
    func evaluate() throws -> [String: Double] { [:] }
}

private struct BenchmarkError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
