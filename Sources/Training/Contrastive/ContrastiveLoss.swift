package import LienzoModels
package import LienzoNN
package import LienzoTorch

/// Pictures and captions that belong together, as the towers read them.
package struct Pairs {
    /// `[pairs, 3, size, size]`, normalised.
    package let pixels: Tensor
    /// `[pairs, tokens]`.
    package let ids: Tensor

    package init(pixels: Tensor, ids: Tensor) {
        self.pixels = pixels
        self.ids = ids
    }

    package var count: Int { ids.size(0) }

    /// So many equal pieces in order.
    func split(_ parts: Int) -> [Pairs] {
        zip(pixels.chunk(parts, dim: 0), ids.chunk(parts, dim: 0)).map { Pairs(pixels: $0, ids: $1) }
    }
}

/// The symmetric cross entropy of CLIP over all pairs of a batch, and its gradient, however large the batch is.
///
/// The loss needs the embeddings of the whole batch, but the towers need not see it at once. Its gradient goes in two
/// steps: from the loss to the embeddings, which are few, and from the embeddings of one part after another to the
/// parameters. So a batch may be in parts that fit in memory (each is embedded twice: first without a record, to know all
/// embeddings), and in several processes, which exchange embeddings and their gradients only. Either way the gradient is
/// that of the whole batch in one pass; only batch normalisation, if a tower has it, sees parts.
///
/// Source: Radford et al. 2021, figure 3; Gao et al. 2021, https://arxiv.org/abs/2101.06983, section 3.2 (parts);
/// `open_clip/loss.py`, `ClipLoss` with `local_loss` and `gather_with_grad` (processes).
package struct ContrastiveLoss {
    package let model: CLIP
    private let store: ParameterStore
    private let parts: Int
    private let group: ProcessGroup
    private let trainsImages: Bool
    private let trainsTexts: Bool

    /// Embeddings of length 1, `[pairs, embeddingDimension]` each.
    private struct Embeddings {
        var image: Tensor
        var text: Tensor
    }

    /// - Parameters:
    ///   - model: both towers.
    ///   - store: the owner of its parameters.
    ///   - parts: in how many parts this process's pairs go through the towers.
    ///   - group: the processes that share a batch, each with as many pairs.
    package init(_ model: CLIP, store: ParameterStore, parts: Int = 1, group: ProcessGroup = ProcessGroup()) {
        self.model = model
        self.store = store
        self.parts = parts
        self.group = group
        let names = store.trainable.map(\.name)
        trainsImages = names.contains(where: Self.isOfImageTower)
        trainsTexts = names.contains { !Self.isOfImageTower($0) && !$0.hasPrefix("logit_") }
    }

    /// Whether a parameter is the image tower's.
    package static func isOfImageTower(_ name: String) -> Bool { name.hasPrefix("visual.") }

    /// The loss of pairs in one pass and one process, recorded for gradients.
    package func callAsFunction(_ pairs: Pairs) -> Tensor {
        let own = embeddings(pairs)
        return loss(own, among: own, from: 0)
    }

    /// Adds the gradient of the loss over the pairs of all processes to the parameters.
    ///
    /// With several processes the mean of what each has added is the gradient.
    ///
    /// - Parameter pairs: this process's; their number is a multiple of the parts.
    /// - Returns: the loss over the pairs of all processes, a scalar.
    package func backward(_ pairs: Pairs) -> Tensor {
        guard parts > 1 || !group.isAlone else {
            let loss = self(pairs)
            loss.backward()
            return loss.detached()
        }
        let pieces = pairs.split(parts)
        // A single part is recorded at once and not seen twice.
        let first = parts == 1 ? [embeddings(pairs)] : withoutGradient { withoutTrace { pieces.map(embeddings) } }
        let own = Embeddings(
            image: Self.leaf(.cat(first.map(\.image))),
            text: Self.leaf(.cat(first.map(\.text)))
        )
        let all = group.isAlone ? own : gathered(own)
        let loss = loss(own, among: all, from: group.rank * pairs.count)
        loss.backward()
        let gradients = gradients(own, all)
        for index in pieces.indices {
            let again = parts == 1 ? first[0] : embeddings(pieces[index], onlyTrained: true)
            let (start, count) = (index * pieces[0].count, pieces[index].count)
            func product(_ embedding: Tensor, _ gradient: Tensor) -> Tensor {
                (embedding * gradient.narrow(dim: 0, start: start, length: count)).sum()
            }
            let terms =
                (trainsImages ? [product(again.image, gradients.image)] : [])
                + (trainsTexts ? [product(again.text, gradients.text)] : [])
            terms.dropFirst().reduce(terms[0], +).backward()
        }
        let value = loss.detached().copy()
        group.average([value])
        return value
    }

    /// Keeps the logit scale between 1 and 100.
    ///
    /// Source: Radford et al. 2021, section 2.5; `open_clip_train/train.py`.
    package func clampScale() {
        guard model.logitScale.requiresGradient else { return }
        model.logitScale.copy(from: model.logitScale.detached().clamp(0, Self.largestScale))
    }

    /// log 100.
    private static let largestScale = 4.605_170_185_988_092

    /// Embeddings of length 1 of both sides, without a gradient's record where the caller wants none.
    func embeddings(ofPictures pixels: Tensor, texts ids: Tensor) -> (image: Tensor, text: Tensor) {
        let made = embeddings(Pairs(pixels: pixels, ids: ids))
        return (made.image, made.text)
    }

    /// The loss of embeddings that are all there is.
    func loss(image: Tensor, text: Tensor) -> Tensor {
        let own = Embeddings(image: image, text: text)
        return loss(own, among: own, from: 0)
    }

    private func embeddings(_ pairs: Pairs) -> Embeddings { embeddings(pairs, onlyTrained: false) }

    /// Where `onlyTrained`, what a locked tower says is left out, because it is known.
    private func embeddings(_ pairs: Pairs, onlyTrained: Bool) -> Embeddings {
        let nothing = Tensor.zeros([0])
        return Embeddings(
            image: onlyTrained && !trainsImages ? nothing : model.encodeImages(pairs.pixels).normalized(),
            text: onlyTrained && !trainsTexts ? nothing : model.encodeTexts(pairs.ids).embedding.normalized()
        )
    }

    /// The mean over this process's pictures of how badly each finds its caption, and over its captions likewise.
    private func loss(_ own: Embeddings, among all: Embeddings, from start: Int) -> Tensor {
        let scale = model.logitScale.exp()
        let count = own.image.size(0)
        let right = Tensor.arange(Double(start), Double(start + count), dtype: .int64, device: own.image.device)
        func side(_ queries: Tensor, _ answers: Tensor) -> Tensor {
            (queries.matmul(answers.transpose(0, 1)) * scale).crossEntropy(right)
        }
        return (side(own.image, all.text) + side(own.text, all.image)) / 2
    }

    private func gathered(_ own: Embeddings) -> Embeddings {
        Embeddings(
            image: Self.leaf(group.gather(own.image.detached())),
            text: Self.leaf(group.gather(own.text.detached()))
        )
    }

    /// What the losses of all processes together say of this process's embeddings.
    private func gradients(_ own: Embeddings, _ all: Embeddings) -> Embeddings {
        func gradient(_ tensor: Tensor) -> Tensor { tensor.gradient ?? .zeros(tensor.shape, device: tensor.device) }
        let here = Embeddings(image: gradient(own.image), text: gradient(own.text))
        if group.isAlone { return here }
        let everywhere = Embeddings(image: gradient(all.image), text: gradient(all.text))
        group.sum([everywhere.image, everywhere.text])
        let count = own.image.size(0)
        func mine(_ tensor: Tensor) -> Tensor { tensor.narrow(dim: 0, start: group.rank * count, length: count) }
        return Embeddings(image: here.image + mine(everywhere.image), text: here.text + mine(everywhere.text))
    }

    private static func leaf(_ tensor: Tensor) -> Tensor {
        let leaf = tensor.detached()
        leaf.setRequiresGradient(true)
        return leaf
    }

    /// Runs `body` so that running statistics of batches that will be seen again stay.
    private func withoutTrace<Result>(_ body: () -> Result) -> Result {
        let statistics = store.batchStatistics
        store.batchStatistics = statistics.withoutTrace
        defer { store.batchStatistics = statistics }
        return body()
    }
}
