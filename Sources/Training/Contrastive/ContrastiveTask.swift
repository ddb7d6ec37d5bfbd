import LienzoData
package import LienzoModels
package import LienzoNN
import LienzoTokenizers
package import LienzoTorch

/// Trains a CLIP from pictures and captions alone, by the objective of the paper.
///
/// Source: Radford et al. 2021, sections 2.3 and 2.5, figure 3.
package struct ContrastiveTask: TrainingTask {
    package let store: ParameterStore
    private let objective: ContrastiveLoss
    private let pairs: PairSettings
    private let heldOut: HeldOutPairs
    private let group: ProcessGroup
    private let note: @Sendable (String) -> Void
    /// Where this process's streams stand behind the last batch.
    private var states: [StreamState]
    private var reader: Lookahead<PairBatch>?

    /// - Parameters:
    ///   - configuration: the shape of the model.
    ///   - store: where its parameters start.
    ///   - pairs: what it is trained on.
    ///   - heldOut: what it is evaluated on.
    ///   - parts: in how many parts a process's pairs go through the towers.
    ///   - group: the processes that train together.
    ///   - note: told of samples that are passed over.
    /// - Throws: `ParameterError` where the store lacks a tensor, or has one that the model does not use.
    package init(
        _ configuration: CLIPConfiguration,
        store: ParameterStore,
        pairs: PairSettings,
        heldOut: HeldOutPairs,
        parts: Int,
        group: ProcessGroup,
        note: @escaping @Sendable (String) -> Void = { _ in }
    ) throws {
        self.store = store
        self.pairs = pairs
        self.heldOut = heldOut
        self.group = group
        self.note = note
        objective = ContrastiveLoss(
            try CLIP(store.root, configuration),
            store: store,
            parts: parts,
            group: group
        )
        try store.finish(ignoring: CLIP.isIgnorable)
        let own = pairs.streams / group.size
        states = (0..<own).map { pairs.start(of: group.rank * own + $0) }
    }

    package mutating func loss(step: Int, generator: Generator) throws -> Tensor { objective(try nextPairs()) }

    package mutating func backward(step: Int, generator: Generator) throws -> Tensor {
        store.batchStatistics = .usual
        return objective.backward(try nextPairs())
    }

    package mutating func didStep() { objective.clampScale() }

    private mutating func nextPairs() throws -> Pairs {
        let reader = try self.reader ?? startReading()
        self.reader = reader
        let batch = try reader.next()
        states = batch.states
        let (side, device) = (batch.side, store.device)
        let preprocessing = objective.model.configuration.preprocessing
        func channels(_ values: [Double]) -> Tensor {
            Tensor(values.map(Float.init), shape: [1, 3, 1, 1], device: device)
        }
        // [count, side, side, 3] → [count, 3, side, side], channels last as they are
        let bytes = Tensor(batch.pixels, shape: [batch.count, side, side, 3], device: device).permute(0, 3, 1, 2)
        let pixels =
            (bytes.to(.float32) / 255 - channels(preprocessing.mean)) / channels(preprocessing.standardDeviation)
        let ids = Tensor(batch.ids.map(Int64.init), shape: [batch.count, batch.tokens], device: device)
        return Pairs(pixels: pixels, ids: ids)
    }

    private func startReading() throws -> Lookahead<PairBatch> {
        let reader = try PairReader(pairs, states: states, first: group.rank * states.count, note: note)
        return Lookahead { try reader.next() }
    }

    // MARK: What a checkpoint keeps

    /// Epoch and position of every stream of all processes, `[streams, 2]`.
    package func state() -> [(name: String, tensor: Tensor)] {
        let own = states.flatMap { [Int64($0.epoch), Int64($0.position)] }
        return [("streams", group.gather(Tensor(own, shape: [states.count, 2])))]
    }

    package mutating func restore(_ state: [(name: String, tensor: Tensor)]) throws {
        guard let numbers = state.first?.tensor.int64s(), numbers.count == 2 * pairs.streams,
            numbers.allSatisfy({ (0...1 << 48).contains($0) })
        else { throw TrainingError("the checkpoint does not say where its \(pairs.streams) streams stand") }
        for place in states.indices {
            let index = group.rank * states.count + place
            states[place].epoch = Int(numbers[2 * index])
            states[place].position = Int(numbers[2 * index + 1])
        }
        reader = nil
    }

    // MARK: Evaluation

    /// The loss on held-out pairs in batches as large as those of training, and how often a picture has its own caption
    /// first, or among the first five, of all held-out captions, and a caption its picture.
    ///
    /// Only the first process evaluates.
    package mutating func evaluate() throws -> [String: Double] {
        guard group.isFirst, !heldOut.shards.isEmpty else { return [:] }
        store.batchStatistics = .running
        defer { store.batchStatistics = .usual }
        var (images, texts): ([Tensor], [Tensor]) = ([], [])
        try heldOut.forEachBlock(objective.model.configuration, pairs.tokenizer) { block in
            let made = objective.embeddings(
                ofPictures: block.pixels.to(store.device),
                texts: block.ids.to(store.device)
            )
            images.append(made.image)
            texts.append(made.text)
        }
        guard !images.isEmpty else { throw TrainingError("the validation shards hold no pair that can be read") }
        let (image, text) = (Tensor.cat(images), Tensor.cat(texts))
        let cosines = image.matmul(text.transpose(0, 1))
        let (captions, pictures) = (Self.recall(cosines), Self.recall(cosines.transpose(0, 1)))
        return [
            "loss": loss(image, text), "caption R@1": captions.first, "caption R@5": captions.five,
            "picture R@1": pictures.first, "picture R@5": pictures.five, "pairs": Double(image.size(0)),
        ]
    }

    private func loss(_ image: Tensor, _ text: Tensor) -> Double {
        let size = min(pairs.perStream * pairs.streams, image.size(0))
        let losses = stride(from: 0, through: image.size(0) - size, by: size).map { start in
            objective.loss(
                image: image.narrow(dim: 0, start: start, length: size),
                text: text.narrow(dim: 0, start: start, length: size)
            ).item
        }
        return losses.reduce(0, +) / Double(losses.count)
    }

    /// How often the right one, which has the row's own number, is the first or among the first five; equals count first.
    private static func recall(_ cosines: Tensor) -> (first: Double, five: Double) {
        let count = cosines.size(0)
        let own = Tensor.arange(0, Double(count), dtype: .int64, device: cosines.device).unsqueeze(1)
        let right = cosines.gather(dim: 1, own)
        let before = Double(count - 1) - cosines.isLess(than: right).to(.float32).sum(dims: [1])
        return (
            before.isLess(than: 1).to(.float32).mean().item, before.isLess(than: 5).to(.float32).mean().item
        )
    }
}
