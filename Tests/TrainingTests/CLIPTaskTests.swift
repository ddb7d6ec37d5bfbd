import LienzoCheckpoints
import LienzoData
import LienzoNN
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoTraining

/// What the image tower's classifier lends to the contrastive training.
@Suite struct ClassPrototypesTests {
    private let generator = Generator(seed: 4)

    private func prototypes(classes: Int, width: Int) -> ClassPrototypes {
        ClassPrototypes(
            names: (0..<classes).map { ["class \($0)"] },
            weight: .randn([classes, width], generator: generator),
            bias: .zeros([classes]),
            features: Tensor.randn([200, width], generator: generator).relu()
        )
    }

    @Test func `the classifier takes imagined photographs for their class`() throws {
        try torchScope {
            let prototypes = prototypes(classes: 10, width: 128)
            let classes = (0..<200).map { $0 % 10 }
            let photographs = prototypes.photographs(of: classes, generator: generator)
            #expect(photographs.min().item >= 0)
            let taken = prototypes.probabilities(photographs).topK(1).indices.flatten().int64s()
            let right = zip(taken, classes).filter { $0 == Int64($1) }.count
            #expect(right > 190, "\(right) of 200")
        }
    }

    @Test func `the projection points to the names of what the classifier sees, at length 1`() throws {
        try torchScope {
            let prototypes = prototypes(classes: 10, width: 128)
            let names = Tensor.randn([10, 32], generator: generator)
            let projection = prototypes.projection(into: names)
            #expect(projection.shape == [32, 128])
            let photographs = prototypes.photographs(of: Array(0..<10), generator: generator)
            let embeddings = photographs.matmul(projection.transpose(0, 1)).normalized()
            let nearest = embeddings.matmul(names.normalized().transpose(0, 1)).topK(1).indices.flatten().int64s()
            #expect(zip(nearest, 0..<10).filter { $0 == Int64($1) }.count >= 9, "\(nearest)")
        }
    }
}

/// The contrastive stage on a handful of features, with mini's own towers.
@Suite(.tags(.slow)) struct CLIPTaskTests {
    private let plan = TrainingPlan(steps: 4, batch: 6, learningRate: 1e-3, warmUp: 1, averageDecay: 0.5)

    /// The width of mini's image tower.
    private let width = 1280
    private let generator = Generator(seed: 2)
    private let pictures: PictureFeatures

    init() {
        let words = [
            ("red apple", "manzana roja"), ("house", "casa"), ("fish", "pez"), ("tree", "árbol"), ("cat", "gato"),
            ("bus", "autobús"),
        ]
        pictures = PictureFeatures(
            records: words.map { PictureRecord(captions: ["en": [$0.0], "es": [$0.1]], concept: $0.0) },
            features: Tensor.randn([PictureFeatures.variants * words.count, width], generator: generator).relu()
        )
    }

    private func task() throws -> CLIPTask {
        let folder = ModelFolder(Clone.mini)
        return try CLIPTask(
            store: ParameterStore(
                training: SafetensorsFile("\(Clone.mini)/\(ModelFolder.clipWeights)"),
                generator: nil
            ),
            configuration: folder.clipConfiguration(),
            pictures: pictures,
            heldOut: pictures,
            prototypes: ClassPrototypes(
                names: (0..<1000).map { ["thing \($0)"] },
                weight: .randn([1000, width], generator: generator) * 0.05,
                bias: .zeros([1000]),
                features: pictures.plain
            ),
            texts: TextFeatures(clip: folder.clip(), tokenizer: folder.tokenizer()),
            plan: plan
        )
    }

    @Test func `steps lower the loss, and the image tower is not among what they change`() throws {
        try withTemporaryFolder { folder in
            var trained = try torchScope { try self.task() }
            func fixedLoss() throws -> Double {
                try withoutGradient { try torchScope { try trained.loss(step: 0, generator: Generator(seed: 9)).item } }
            }
            let before = try fixedLoss()
            var trainer = try Trainer(trained, plan: plan, run: RunDirectory(folder, plan: plan))
            for _ in 0..<plan.steps { _ = try trainer.advance() }
            #expect(try fixedLoss() < before - 0.1)
            let names = trainer.task.store.trainable.map(\.name)
            #expect(names.contains("visual.head.proj.weight") && names.contains("text.proj.weight"))
            #expect(!names.contains { $0.hasPrefix("visual.trunk") })

            // Shipped embeddings have about unit variance for each number.
            let weights = try trainer.task.scaledProjections(trainer.averagedWeights)
            let head = try #require(weights.first { $0.name == "visual.head.proj.weight" }).tensor
            let length = try torchScope { pictures.plain.matmul(head.transpose(0, 1)).norm(dims: [-1]).mean().item }
            #expect(abs(length - Double(head.size(0)).squareRoot()) < 0.01)
        }
    }
}
