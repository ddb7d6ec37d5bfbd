import Foundation
import LienzoData
package import LienzoModels
package import LienzoNN
package import LienzoTorch

/// Trains a dual encoder whose image tower stays as it is (LiT): the two projections and, gently, the text tower.
///
/// It learns from captioned pictures in two languages, from imagined photographs of named classes, and from what the
/// image tower's own classifier thinks of each picture. English captions are held near where the pretrained text tower
/// puts them, and Spanish ones are drawn to their English titles.
///
/// Source: Radford et al. 2021, figure 3 (the loss); Zhai et al. 2022 (locked towers); Norouzi et al. 2014 and Hinton
/// et al. 2015 (the classifier's opinion as a target); Reimers & Gurevych 2020 (a second language by distillation).
package struct CLIPTask: TrainingTask {
    package let store: ParameterStore
    private let imageProjection: Linear
    private let textProjection: Linear
    private let textTower: BERT
    private let pictures: PictureFeatures
    private let heldOut: PictureFeatures
    private let prototypes: ClassPrototypes
    /// The pretrained text tower.
    private let texts: TextFeatures
    private let classNames: ClassNames
    private var order: EpochOrder

    /// What cosines are multiplied with in the loss.
    package static let scale = 15.0
    /// The part of the picture's features that a step does not see.
    private static let dropping = 0.5
    private static let spanishShare = 0.45
    private static let classWeight = 0.5
    private static let kindWeight = 0.5
    private static let opinionWeight = 0.3
    private static let keepingWeight = 2.0
    private static let translationWeight = 0.5
    /// Imagined photographs in a step, for classes and for kinds each.
    private static let imagined = 192

    package init(
        store: ParameterStore,
        configuration: OpenCLIPConfiguration,
        pictures: PictureFeatures,
        heldOut: PictureFeatures,
        prototypes: ClassPrototypes,
        texts: TextFeatures,
        plan: TrainingPlan
    ) throws {
        self.store = store
        self.pictures = pictures
        self.heldOut = heldOut
        self.prototypes = prototypes
        self.texts = texts
        classNames = ClassNames(prototypes.names, texts: texts)
        let dimension = configuration.embeddingDimension
        imageProjection = try Linear(
            store.root["visual"]["head"]["proj"],
            from: pictures.width,
            to: dimension,
            bias: false
        )
        textProjection = try Linear(store.root["text"]["proj"], from: texts.width, to: dimension, bias: false)
        textTower = try BERT(store.root["text"]["transformer"], configuration.textTower)
        order = EpochOrder(count: pictures.count, batch: plan.batch, seed: plan.seed)
    }

    package func learningRateScale(of name: String) -> Double {
        if name.hasPrefix("visual") { return 1 }
        return name.hasPrefix("text.proj") ? 0.3 : 0.1
    }

    package mutating func loss(step: Int, generator: Generator) throws -> Tensor {
        let indices = order.indices(step: step)
        var choices = SplitMix64(seed: generator.nextSeed())
        let isSpanish = indices.map { index in
            pictures.records[index].captions["es"]?.isEmpty == false
                && Double.random(in: 0..<1, using: &choices) < Self.spanishShare
        }
        let captions = zip(indices, isSpanish).map { index, isSpanish in
            CaptionSampler(spanishShare: isSpanish ? 1 : 0).caption(for: pictures.records[index], using: &choices)
        }
        let variants = indices.map { _ in Int.random(in: 0..<PictureFeatures.variants, using: &choices) }
        let seen = pictures.features(indices, variants: variants)

        let image = embedding(ofPictures: dropped(seen, generator: generator))
        let words = texts.pooled(captions, textTower)
        let text = textProjection(words).to(.float32).normalized()
        let contrast = Self.symmetricCrossEntropy(image.matmul(text.transpose(0, 1)) * Self.scale)

        let template = ClassNames.templates.randomElement(using: &choices) ?? "%"
        let names = classNames.features(in: template, using: &choices)
        let nameEmbeddings = textProjection(names).to(.float32).normalized()
        let classes = (0..<Self.imagined).map { _ in Int.random(in: 0..<prototypes.names.count, using: &choices) }
        let recognised = recognition(of: classes, showing: classes, among: nameEmbeddings, generator: generator)

        let kinds = (0..<Self.imagined).map { _ in Int.random(in: 0..<ClassKinds.words.count, using: &choices) }
        let examples = kinds.map { kind in
            ClassKinds.words[kind].classes.flatMap(Array.init).randomElement(using: &choices) ?? 0
        }
        let kindNames = embedding(ofTexts: ClassKinds.words.map { template.replacing("%", with: $0.word) })
        let recognisedKinds = recognition(of: kinds, showing: examples, among: kindNames, generator: generator)

        let opinion = (image.matmul(nameEmbeddings.transpose(0, 1)) * Self.scale).logSoftmax(dim: -1)
        let agreement = (prototypes.probabilities(seen) * opinion).sum(dims: [-1]).mean()
        return contrast + recognised * Self.classWeight + recognisedKinds * Self.kindWeight
            - agreement * Self.opinionWeight
            + language(words, captions: captions, indices: indices, isSpanish: isSpanish)
    }

    /// Where each row's partner has the same number: the mean over rows and columns.
    private static func symmetricCrossEntropy(_ logits: Tensor) -> Tensor {
        let pairs = Tensor.arange(0, Double(logits.size(0)), dtype: .int64, device: logits.device)
        return (logits.crossEntropy(pairs) + logits.transpose(0, 1).crossEntropy(pairs)) / 2
    }

    /// How well imagined photographs of the classes `showing` are given the name numbered `expected`.
    private func recognition(
        of expected: [Int],
        showing classes: [Int],
        among names: Tensor,
        generator: Generator
    ) -> Tensor {
        let photographs = prototypes.photographs(of: classes, generator: generator)
        let image = embedding(ofPictures: dropped(photographs, generator: generator))
        let right = Tensor(expected.map(Int64.init), device: image.device)
        return (image.matmul(names.transpose(0, 1)) * Self.scale).crossEntropy(right)
    }

    /// English stays where the pretrained tower puts it, Spanish goes to where it puts the English title.
    private func language(_ words: Tensor, captions: [String], indices: [Int], isSpanish: [Bool]) -> Tensor {
        let anchors = zip(zip(indices, captions), isSpanish).map { sample, isSpanish in
            isSpanish ? pictures.records[sample.0].captions["en"]?.first ?? sample.1 : sample.1
        }
        let pretrained = texts(anchors).normalized()
        let words = words.normalized()
        let cosines = (words * pretrained).sum(dims: [-1])
        let keeping = (1 - cosines).mean() * Self.keepingWeight
        let spanish = isSpanish.indices.filter { isSpanish[$0] }
        guard spanish.count > 1 else { return keeping }
        let rows = Tensor(spanish.map(Int64.init), device: store.device)
        let table = words.indexSelect(dim: 0, rows).matmul(pretrained.indexSelect(dim: 0, rows).transpose(0, 1))
        return keeping + Self.symmetricCrossEntropy(table * 20) * Self.translationWeight
    }

    private func dropped(_ features: Tensor, generator: Generator) -> Tensor {
        let kept = Tensor.bernoulli(
            features.shape,
            probability: 1 - Self.dropping,
            generator: generator,
            device: features.device
        )
        return features * kept / (1 - Self.dropping)
    }

    private func embedding(ofPictures features: Tensor) -> Tensor {
        imageProjection(features).to(.float32).normalized()
    }

    /// By the pretrained tower, which needs no gradient, and the projection.
    private func embedding(ofTexts texts: [String]) -> Tensor {
        textProjection(self.texts(texts)).to(.float32).normalized()
    }

    /// By the tower that is trained.
    private func trainedEmbedding(ofTexts texts: [String]) -> Tensor {
        textProjection(self.texts.pooled(texts, textTower)).to(.float32).normalized()
    }

    /// How often the caption of a held-out picture is the first, or among the first five, of 500 captions by cosine;
    /// and the same for ConSE, which needs no training.
    package mutating func evaluate() throws -> [String: Double] {
        var seen: Set<String> = []
        let chosen = heldOut.records.indices.filter { index in
            heldOut.records[index].captions["en"]?.first.map { seen.insert($0).inserted } ?? false
        }
        .prefix(500)
        let indices = Array(chosen)
        let captions = indices.compactMap { heldOut.records[$0].captions["en"]?.first }
        let features = heldOut.features(indices, variants: indices.map { _ in 0 })
        let images = embedding(ofPictures: features)
        let trained = recall(images, trainedEmbedding(ofTexts: captions))
        let names = texts(prototypes.names.map { "a photo of a \($0[0])" })
        let conse = recall(prototypes.conse(features, names: names), texts(captions))
        let spanish = indices.indices.filter { heldOut.records[indices[$0]].captions["es"]?.isEmpty == false }
        var figures = [
            "R@1": trained.first, "R@5": trained.five, "ConSE R@1": conse.first, "ConSE R@5": conse.five,
            "captions": Double(captions.count),
        ]
        guard !spanish.isEmpty else { return figures }
        let rows = Tensor(spanish.map(Int64.init), device: store.device)
        let titles = spanish.compactMap { heldOut.records[indices[$0]].captions["es"]?.first }
        let inSpanish = recall(images.indexSelect(dim: 0, rows), trainedEmbedding(ofTexts: titles))
        figures["Spanish R@5"] = inSpanish.five
        figures["Spanish captions"] = Double(titles.count)
        return figures
    }

    private func recall(_ pictures: Tensor, _ texts: Tensor) -> (first: Double, five: Double) {
        let cosines = pictures.normalized().matmul(texts.normalized().transpose(0, 1))
        let right = Tensor.arange(0, Double(pictures.size(0)), dtype: .int64, device: pictures.device).unsqueeze(1)
        let hits = cosines.topK(min(5, pictures.size(0))).indices.isEqual(to: right).to(.float32)
        return (
            hits.narrow(dim: 1, start: 0, length: 1).sum(dims: [1]).mean().item, hits.sum(dims: [1]).mean().item
        )
    }

    /// The projections, scaled so that embeddings of training pictures and captions have length √dimension on average.
    ///
    /// That is about unit variance for each number, which is what the prior and the decoder like. Cosines stay.
    package func scaledProjections(
        _ weights: [(name: String, tensor: Tensor)]
    ) throws -> [(name: String, tensor: Tensor)] {
        try withoutGradient {
            try torchScope {
                let indices = Array(0..<min(1024, pictures.count))
                let images = pictures.features(indices, variants: indices.map { _ in 0 })
                let captions = indices.compactMap { pictures.records[$0].captions["en"]?.first }
                let words = texts.pooled(captions, textTower)
                return weights.map { name, tensor in
                    guard name.hasSuffix("proj.weight") else { return (name, tensor) }
                    let inputs = name.hasPrefix("visual") ? images : words
                    let length = inputs.matmul(tensor.transpose(0, 1)).norm(dims: [-1]).mean().item
                    return (name, tensor * (Double(tensor.size(0)).squareRoot() / length))
                }
            }
        }
    }
}
