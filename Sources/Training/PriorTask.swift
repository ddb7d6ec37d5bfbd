import LienzoData
package import LienzoDiffusion
package import LienzoModels
package import LienzoNN
package import LienzoTorch

/// Trains the prior: from a caption's embedding and encoding to the image embedding of its picture, by diffusion that
/// predicts the embedding itself.
///
/// Source: Ramesh et al. 2022, section 2.2; Kandinsky 2.1.
package struct PriorTask: TrainingTask {
    package let store: ParameterStore
    package let prior: PriorTransformer
    private let data: ConditioningData
    private let scheduler: SchedulerConfiguration
    private let denoising: DenoisingLoss
    private var order: EpochOrder

    /// How often the words are left out, so that classifier-free guidance has something to start from.
    private static let dropping = 0.1

    package init(
        _ configuration: PriorTransformerConfiguration,
        store: ParameterStore,
        data: ConditioningData,
        scheduler: SchedulerConfiguration,
        plan: TrainingPlan
    ) throws {
        self.store = store
        self.data = data
        self.scheduler = scheduler
        denoising = DenoisingLoss(scheduler: scheduler)
        prior = try PriorTransformer(store.root, configuration)
        order = EpochOrder(showings: data.pictures.showings, batch: plan.batch, seed: plan.seed)
    }

    package mutating func loss(step: Int, generator: Generator) throws -> Tensor {
        try loss(data.pictures, order.indices(step: step), generator: generator)
    }

    private func loss(_ pictures: EncodedPictures, _ indices: [Int], generator: Generator) throws -> Tensor {
        var choices = SplitMix64(seed: generator.nextSeed())
        let (variants, texts) = pictures.showing(indices, using: &choices)
        let words = withoutGradient {
            data.captions(
                texts.map { Double.random(in: 0..<1, using: &choices) < Self.dropping ? "" : $0 },
                paddingIsRead: false
            )
        }
        let clean = prior.standardised(pictures.embeddings(indices, variants: variants))
        let context = try prior.context(
            textEmbedding: words.embedding,
            textEncoding: words.encoding,
            textMask: words.mask
        )
        return denoising(clean: clean, using: &choices, generator: generator) { prior($0, $1, context) }
    }

    /// The loss on held-out pictures, and how close the embeddings that the prior makes in ten steps from the plain
    /// caption come to those of the pictures, beside how close the captions' own embeddings come.
    package mutating func evaluate() throws -> [String: Double] {
        let generator = Generator(seed: 0)
        let indices = Array(0..<min(256, data.heldOut.count))
        let loss = try loss(data.heldOut, indices, generator: generator).item
        let words = data.captions(
            indices.map { data.heldOut.records[$0].captions["en"]?.first ?? "" },
            paddingIsRead: false
        )
        let context = try prior.context(
            textEmbedding: words.embedding,
            textEncoding: words.encoding,
            textMask: words.mask
        )
        let sampler = try scheduler.sampler(steps: 10)
        let shape = [indices.count, prior.configuration.embeddingDim]
        let drawn = Tensor.randn(shape, generator: generator, device: store.device)
        var run = DenoisingSequence(
            sampler,
            from: drawn * sampler.initialNoiseScale,
            noise: NoiseSource(generator)
        ) { [prior, store] sample, timestep in
            prior(sample, Tensor([Float(timestep)], device: store.device), context)
        }
        while run.next() != nil {}
        let truth = data.heldOut.embeddings(indices, variants: indices.map { _ in .plain }).normalized()
        let made = prior.unstandardised(run.sample).normalized()
        return [
            "loss": loss,
            "cosine": (made * truth).sum(dims: [-1]).mean().item,
            "text-cosine": (words.embedding.normalized() * truth).sum(dims: [-1]).mean().item,
        ]
    }
}
