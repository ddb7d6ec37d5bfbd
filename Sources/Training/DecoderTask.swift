import LienzoData
package import LienzoDiffusion
package import LienzoModels
package import LienzoNN
package import LienzoTorch

/// Trains the decoder: from text and image embedding to the latents of the picture.
///
/// Source: Ramesh et al. 2022, section 2.1; Kandinsky 2.1.
package struct DecoderTask: TrainingTask {
    package let store: ParameterStore
    package let unet: UNet2DConditionModel
    private let data: ConditioningData
    private let denoising: DenoisingLoss
    private var order: EpochOrder

    /// How often words and image embedding are left out together, for classifier-free guidance.
    private static let dropping = 0.1
    /// How often the words alone are left out, so that the picture follows the image embedding.
    private static let droppingWords = 0.1
    /// The standard deviation of the noise on the image embedding, as a part of the embedding's own: the prior's
    /// embeddings are not exact either.
    private static let embeddingNoise = 0.2

    package init(
        _ configuration: UNet2DConditionConfiguration,
        store: ParameterStore,
        data: ConditioningData,
        scheduler: SchedulerConfiguration,
        plan: TrainingPlan
    ) throws {
        self.store = store
        self.data = data
        denoising = DenoisingLoss(scheduler: scheduler)
        unet = try UNet2DConditionModel(store.root, configuration)
        order = EpochOrder(showings: data.pictures.showings, batch: plan.batch, seed: plan.seed)
    }

    package mutating func loss(step: Int, generator: Generator) throws -> Tensor {
        try loss(data.pictures, order.indices(step: step), generator: generator)
    }

    private func loss(_ pictures: EncodedPictures, _ indices: [Int], generator: Generator) throws -> Tensor {
        var choices = SplitMix64(seed: generator.nextSeed())
        let isDropped = indices.map { _ in Double.random(in: 0..<1, using: &choices) < Self.dropping }
        let (variants, texts) = pictures.showing(indices, using: &choices)
        let words = withoutGradient {
            data.captions(
                zip(texts, isDropped).map { text, isDropped in
                    isDropped || Double.random(in: 0..<1, using: &choices) < Self.droppingWords ? "" : text
                },
                paddingIsRead: true
            )
        }
        let shown = Tensor(isDropped.map { Float($0 ? 0 : 1) }, shape: [indices.count, 1], device: store.device)
        let exact = pictures.embeddings(indices, variants: variants)
        let blur =
            Tensor.randn(exact.shape, generator: generator, device: store.device)
            * (exact.std().item * Self.embeddingNoise)
        let embedding = (exact + blur) * shown
        let clean = pictures.latents(indices, variants: variants)
        let context = try unet.context(
            textEmbedding: words.embedding,
            textEncoding: words.encoding,
            imageEmbedding: embedding
        )
        return denoising(clean: clean, using: &choices, generator: generator) { unet($0, $1, context) }
    }

    /// The loss on held-out pictures with fixed noise.
    package mutating func evaluate() throws -> [String: Double] {
        let indices = Array(0..<min(128, data.heldOut.count))
        return ["loss": try loss(data.heldOut, indices, generator: Generator(seed: 0)).item]
    }
}
