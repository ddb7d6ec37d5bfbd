import Foundation
import LienzoData
package import LienzoModels
package import LienzoNN
package import LienzoTokenizers
package import LienzoTorch

/// Trains the two projections of a dual encoder whose towers stay as they are (LiT): captioned pictures, imagined
/// photographs of named classes, and what the image tower's own classifier thinks of each picture.
///
/// Source: Radford et al. 2021, figure 3 (the loss); Zhai et al. 2022 (locked towers); Norouzi et al. 2014 and Hinton
/// et al. 2015 (the classifier's opinion as a target).
package struct CLIPTask: TrainingTask {
    package let store: ParameterStore
    private let imageProjection: Linear
    private let textProjection: Linear
    private let pictures: PictureFeatures
    private let heldOut: PictureFeatures
    private let prototypes: ClassPrototypes
    private let texts: TextFeatures
    private let sampler = CaptionSampler()
    private var order: EpochOrder

    /// What cosines are multiplied with in the loss.
    package static let scale = 20.0
    /// The part of the picture's features that a step does not see.
    private static let dropping = 0.4
    private static let classWeight = 0.5
    private static let opinionWeight = 0.5
    /// Classes in a step.
    private static let classes = 256

    package init(
        store: ParameterStore,
        dimension: Int,
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
        imageProjection = try Linear(
            store.root["visual"]["head"]["proj"],
            from: pictures.width,
            to: dimension,
            bias: false
        )
        textProjection = try Linear(store.root["text"]["proj"], from: texts.width, to: dimension, bias: false)
        order = EpochOrder(count: pictures.count, batch: plan.batch, seed: plan.seed)
    }

    package mutating func loss(step: Int, generator: Generator) throws -> Tensor {
        let indices = order.indices(step: step)
        var choices = SplitMix64(seed: generator.nextSeed())
        let captions = indices.map { sampler.caption(for: pictures.records[$0], using: &choices) }
        let variants = indices.map { _ in Int.random(in: 0..<PictureFeatures.variants, using: &choices) }
        let seen = pictures.features(indices, variants: variants)

        let image = embedding(ofPictures: dropped(seen, generator: generator))
        let text = embedding(ofTexts: captions)
        let cosines = image.matmul(text.transpose(0, 1)) * Self.scale
        let pairs = Tensor.arange(0, Double(indices.count), dtype: .int64)
        let contrast = (cosines.crossEntropy(pairs) + cosines.transpose(0, 1).crossEntropy(pairs)) / 2

        let template = ["%", "a photo of a %", "a %", "a picture of a %"].randomElement(using: &choices) ?? "%"
        let names = prototypes.names.map { names in
            template.replacingOccurrences(of: "%", with: names.randomElement(using: &choices) ?? "")
        }
        let nameEmbeddings = embedding(ofTexts: names).transpose(0, 1)
        let classes = (0..<Self.classes).map { _ in Int.random(in: 0..<names.count, using: &choices) }
        let photographs = prototypes.photographs(of: classes, generator: generator)
        let ofPhotographs = embedding(ofPictures: dropped(photographs, generator: generator))
        let recognised = (ofPhotographs.matmul(nameEmbeddings) * Self.scale)
            .crossEntropy(Tensor(classes.map(Int64.init)))

        let opinion = (image.matmul(nameEmbeddings) * Self.scale).logSoftmax(dim: -1)
        let agreement = (prototypes.probabilities(seen) * opinion).sum(dims: [-1]).mean()
        return contrast + recognised * Self.classWeight - agreement * Self.opinionWeight
    }

    private func dropped(_ features: Tensor, generator: Generator) -> Tensor {
        let kept = Tensor.bernoulli(features.shape, probability: 1 - Self.dropping, generator: generator)
        return features * kept / (1 - Self.dropping)
    }

    private func embedding(ofPictures features: Tensor) -> Tensor {
        imageProjection(features).to(.float32).normalized()
    }

    private func embedding(ofTexts texts: [String]) -> Tensor {
        textProjection(self.texts(texts)).to(.float32).normalized()
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
        let text = embedding(ofTexts: captions)
        let trained = recall(embedding(ofPictures: features), text)
        let plain = texts(captions)
        let conse = recall(prototypes.conse(features, names: texts(prototypes.names.map { "a photo of a \($0[0])" })), plain)
        return [
            "R@1": trained.first, "R@5": trained.five, "ConSE R@1": conse.first, "ConSE R@5": conse.five,
            "captions": Double(captions.count),
        ]
    }

    private func recall(_ pictures: Tensor, _ texts: Tensor) -> (first: Double, five: Double) {
        let cosines = pictures.normalized().matmul(texts.normalized().transpose(0, 1))
        let right = Tensor.arange(0, Double(pictures.size(0)), dtype: .int64).unsqueeze(1)
        let hits = cosines.topK(5).indices.isEqual(to: right).to(.float32)
        return (
            hits.narrow(dim: 1, start: 0, length: 1).sum(dims: [1]).mean().item, hits.sum(dims: [1]).mean().item
        )
    }

    /// The projections, scaled so that embeddings of the training pictures and of their captions have length √dimension
    /// on average: about unit variance for each number, which is what the prior and the decoder like. Cosines stay.
    package func scaledProjections(
        _ weights: [(name: String, tensor: Tensor)]
    ) throws -> [(name: String, tensor: Tensor)] {
        try withoutGradient {
            try torchScope {
                let indices = Array(0..<min(1024, pictures.count))
                let images = pictures.features(indices, variants: indices.map { _ in 0 })
                let captions = indices.compactMap { pictures.records[$0].captions["en"]?.first }
                let words = texts(captions)
                return weights.map { name, tensor in
                    let inputs = name.hasPrefix("visual") ? images : words
                    let length = inputs.matmul(tensor.transpose(0, 1)).norm(dims: [-1]).mean().item
                    return (name, tensor * (Double(tensor.size(0)).squareRoot() / length))
                }
            }
        }
    }
}

/// The pooled features of every picture under the locked image tower: plain, and twice changed at random.
package struct PictureFeatures {
    /// How many ways each picture is seen.
    static let variants = 3

    package let records: [PictureRecord]
    /// `[variants, count, width]`, float32.
    private let features: Tensor

    var count: Int { records.count }
    var width: Int { features.size(-1) }

    /// Reads the shards and runs the tower over them.
    package init(shards: [String], clip: OpenCLIP, seed: UInt64, progress: (String, Int) -> Void) throws {
        let table = try PictureTable(shards: shards, side: 256) { progress("reading pictures", $0) }
        records = table.records
        var features: [Tensor] = []
        for variant in 0..<Self.variants {
            for start in stride(from: 0, to: table.count, by: 32) {
                let indices = Array(start..<min(start + 32, table.count))
                let generator = Generator(seed: SeedSequence.seed(seed, stream: 2, index: variant * table.count + start))
                try withoutGradient {
                    try torchScope {
                        let pictures =
                            variant == 0 ? table.pictures(indices) : Self.changed(table, indices, generator: generator)
                        let pixels = EncodedPictures.preprocessed(pictures, for: clip)
                        features.append(clip.imageTower(pixels).to(.float32))
                    }
                }
                progress("encoding pictures", variant * table.count + start)
            }
        }
        self.features = Tensor.cat(features).reshape(Self.variants, table.count, -1)
    }

    /// On light backgrounds, half mirrored, and larger or smaller in their square.
    private static func changed(_ table: PictureTable, _ indices: [Int], generator: Generator) -> Tensor {
        let light = Tensor.rand([indices.count, 3], generator: generator) * 0.4 + 0.6
        let pictures = Augmentation.mirroredAtRandom(
            table.pictures(indices, backgrounds: light),
            generator: generator
        )
        let side = table.side
        let size = Int(Double(side) * (0.65 + 0.5 * generator.uniform()))
        let scaled = pictures.interpolated(height: size, width: size, mode: .bilinear, antialias: true)
        let margin = side - size
        // A negative margin cuts; the background goes on where there is one.
        return scaled.padded(
            [margin / 2, margin - margin / 2, margin / 2, margin - margin / 2],
            mode: margin > 0 ? .replicate : .constant
        )
    }

    func features(_ indices: [Int], variants: [Int]) -> Tensor {
        let places = Tensor(zip(indices, variants).map { Int64($1 * count + $0) })
        return features.reshape(Self.variants * count, -1).indexSelect(dim: 0, places)
    }

    /// The features of the pictures as they are, `[count, width]`.
    package var plain: Tensor { features[0] }
}

/// The pooled features of texts under the locked text tower.
package struct TextFeatures {
    private let clip: OpenCLIP
    private let tokenizer: any TextTokenizer

    package init(clip: OpenCLIP, tokenizer: any TextTokenizer) {
        self.clip = clip
        self.tokenizer = tokenizer
    }

    var width: Int { clip.configuration.textTower.width }

    /// `[texts.count, width]`, float32.
    package func callAsFunction(_ texts: [String]) -> Tensor {
        withoutGradient {
            let length = clip.configuration.contextLength
            let encoded = texts.map { tokenizer.encode($0, length: length) }
            let longest = encoded.map { $0.mask.count { $0 } }.max() ?? length
            let ids = Tensor(encoded.flatMap { $0.ids.prefix(longest) }, shape: [texts.count, longest])
            let mask = Tensor(encoded.flatMap { $0.mask.prefix(longest) }, shape: [texts.count, longest])
            let states = clip.textTower(ids, mask: mask).to(.float32)
            let counts = mask.to(.float32).unsqueeze(-1)
            return (states * counts).sum(dims: [1]) / counts.sum(dims: [1])
        }
    }
}
