import Foundation
import LienzoCheckpoints
import LienzoModels
import LienzoNN
import LienzoTorch
import Testing

@testable import LienzoTraining

/// A tiny model of the fixtures, six pairs, and what the reference makes of them.
struct TinyCLIP {
    let store: ParameterStore
    let expected: Expected
    private let model: CLIP

    /// The numbers of the reference's step.
    static let plan = TrainingPlan(
        steps: 1,
        batch: 6,
        learningRate: 1e-2,
        warmUp: 0,
        weightDecay: 0.2,
        beta2: 0.98,
        epsilon: 1e-6,
        clipNorm: 0,
        averageDecay: 0
    )

    /// What the reference computed, by name; a name that is not there fails the test.
    struct Expected {
        let file: SafetensorsFile
        subscript(_ name: String) -> Tensor {
            get throws { try file.tensor(named: name) }
        }
    }

    /// A model in training mode.
    init(
        _ tower: String,
        computeType: DType = .float32,
        isTrainable: @escaping (String) -> Bool = { _ in true }
    ) throws {
        let folder = try #require(Bundle.module.resourceURL).appending(path: "Fixtures/contrastive").path
        expected = Expected(file: try SafetensorsFile("\(folder)/\(tower)-expected.safetensors"))
        store = ParameterStore(
            training: try SafetensorsFile("\(folder)/\(tower).safetensors"),
            generator: nil,
            computeType: computeType,
            isTrainable: isTrainable
        )
        store.batchStatistics = .usual
        model = try CLIP(store.root, Self.configuration(tower))
        try store.finish(ignoring: CLIP.isIgnorable)
    }

    private static func configuration(_ tower: String) -> CLIPConfiguration {
        func transformer(_ width: Int, heads: Int) -> CLIPTransformer.Configuration {
            .init(width: width, layers: 2, heads: heads, activation: .gelu)
        }
        return CLIPConfiguration(
            imageTower: tower == "vit"
                ? .visionTransformer(
                    .init(transformer: transformer(32, heads: 2), imageSize: 32, patchSize: 8, embeddingDimension: 16)
                )
                : .resNet(.init(layers: [1, 1, 1, 1], width: 4, heads: 4, imageSize: 64, embeddingDimension: 16)),
            textTower: .init(
                transformer: transformer(24, heads: 3),
                vocabularySize: 64,
                contextLength: 12,
                embeddingDimension: 16
            )
        )
    }

    var pairs: Pairs {
        get throws { Pairs(pixels: try expected["pixels"], ids: try expected["ids"]) }
    }

    func objective(parts: Int = 1, group: ProcessGroup = ProcessGroup()) -> ContrastiveLoss {
        ContrastiveLoss(model, store: store, parts: parts, group: group)
    }

    func gradient(of name: String) -> Tensor? { store.entries.first { $0.name == name }?.tensor.gradient }

    /// Every gradient that the reference has of a parameter that is trained.
    func expectGradients(within tolerance: Double, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let names = expected.file.names.filter { $0.hasPrefix("gradient.") }.map { String($0.dropFirst(9)) }
        let trained = Set(store.trainable.map(\.name)).intersection(names)
        #expect(trained.count >= 8, sourceLocation: sourceLocation)
        for name in trained {
            let found = try #require(gradient(of: name), "\(name)", sourceLocation: sourceLocation)
            let wanted = try expected["gradient.\(name)"]
            // A key's bias changes nothing, so its gradient is only what rounding leaves.
            guard wanted.abs().max().item > 1e-6 else { continue }
            #expect(difference(found, wanted) < tolerance, "\(name)", sourceLocation: sourceLocation)
        }
    }

    /// The parameters that the reference tells after its step, as they are here.
    func after() throws -> [String: Tensor] {
        let names = Set(expected.file.names.filter { $0.hasPrefix("after.") }.map { String($0.dropFirst(6)) })
        let entries = store.entries.filter { names.contains($0.name) }
        #expect(entries.count == names.count && names.count >= 8)
        return Dictionary(uniqueKeysWithValues: entries.map { ($0.name, $0.tensor.detached()) })
    }

    /// The six pairs as the only step of a training.
    func task(group: ProcessGroup = ProcessGroup()) throws -> some TrainingTask {
        Task(store: store, objective: objective(group: group), pairs: try pairs)
    }

    private struct Task: TrainingTask {
        let store: ParameterStore
        let objective: ContrastiveLoss
        let pairs: Pairs

        func loss(step: Int, generator: Generator) throws -> Tensor { objective(pairs) }
        func backward(step: Int, generator: Generator) throws -> Tensor { objective.backward(pairs) }
        func didStep() { objective.clampScale() }
        func evaluate() throws -> [String: Double] { [:] }
    }
}

/// The largest difference, relative to the largest magnitude of the reference.
func difference(_ found: Tensor, _ expected: Tensor) -> Double {
    guard found.shape == expected.shape else { return .infinity }
    let (a, b) = (found.detached().to(.float64), expected.detached().to(.float64))
    return (a - b).abs().max().item / max(b.abs().max().item, 1e-12)
}

/// The cosine of the angle between two tensors.
func cosine(_ found: Tensor, _ expected: Tensor) -> Double {
    let (a, b) = (found.detached().to(.float64), expected.detached().to(.float64))
    return (a * b).sum().item / max((a.square().sum() * b.square().sum()).sqrt().item, 1e-300)
}
