import LienzoDiffusion
import LienzoImages
import LienzoModels
import LienzoTorch

/// Words to pictures, or pictures to variations of them, by Karlo: unCLIP that makes small pictures and enlarges them.
///
/// The model that makes pictures of words has a prior, the one that makes variations and blends of pictures
/// (``GenerationRequest/imageEmbedding``) an image encoder. The pipeline works on a thread of its own, one request
/// after the other. Reading its directory costs little; the weights are read with the first request, or by ``prepare()``. The
/// same seed gives the reference's picture.
///
/// Source: Ramesh et al. 2022; diffusers' `UnCLIPPipeline` and `UnCLIPImageVariationPipeline`.
public actor KarloPipeline: PictureGenerator {
    /// The model's folder, name and version.
    public nonisolated var directory: ModelDirectory { configurations.directory }
    /// Width and height in pixels of the model's pictures; it makes no others.
    public nonisolated var pictureSize: Int { configurations.pictureSize }

    /// The classes of `model_index.json` that the pipeline runs; `mini` has the first of them, too, and other parts.
    static let classNames = ["UnCLIPPipeline", "UnCLIPImageVariationPipeline"]

    private nonisolated let configurations: KarloConfigurations
    private let executor = ThreadExecutor(name: "Lienzo.KarloPipeline")
    private let loading: LoadingOptions
    private var model = LazyModel<KarloModel>()

    /// The pipeline's own thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// A pipeline of the model in a folder, on the CPU.
    ///
    /// Throws one sentence where the folder's configuration files are missing, wrong or do not fit each other.
    public init(modelDirectory path: String) throws {
        try self.init(modelDirectory: path, loading: LoadingOptions())
    }

    /// The same with weights read and kept as one likes.
    package init(modelDirectory path: String, loading: LoadingOptions) throws {
        configurations = try KarloConfigurations(ModelDirectory(path))
        self.loading = loading
    }

    /// A request with the numbers of steps and the guidance that are usual for the model.
    ///
    /// - Parameter prompt: the words.
    /// - Returns: the request, to be changed as one likes.
    ///
    /// Source: the defaults of diffusers' `UnCLIPPipeline`.
    public nonisolated func request(prompt: String) -> GenerationRequest {
        GenerationRequest(prompt: prompt, steps: 25, priorSteps: 25, guidance: 8, priorGuidance: 4, candidates: 1)
    }

    /// Reads the weights now rather than with the first request.
    ///
    /// Throws one sentence for a missing file and for a missing, surplus or misshapen tensor.
    public func prepare() throws {
        _ = try loaded()
    }

    /// Makes pictures.
    ///
    /// Leaving the loop over the stream stops the work within one step. A request that cannot be served ends the stream
    /// with an error of one sentence before any work is done.
    public nonisolated func generate(
        _ request: GenerationRequest
    ) -> AsyncThrowingStream<GenerationEvent, any Error> {
        AsyncThrowingStream(of: { try await self.run(request, emit: $0) })
    }

    private func run(_ request: GenerationRequest, emit: @escaping (GenerationEvent) -> Void) throws {
        try Task.checkCancellation()
        try request.validate()
        let plan = try KarloPlan(request, configurations)
        try KarloGeneration(request: request, plan: plan, model: try loaded(emit: emit), emit: emit).run()
    }

    private func loaded(emit: (GenerationEvent) -> Void = { _ in }) throws -> KarloModel {
        try model(notices: configurations.notices, emit: emit) { try KarloModel(configurations, loading) }
    }
}

/// One request on its way through the networks of Karlo.
struct KarloGeneration {
    let request: GenerationRequest
    let plan: KarloPlan
    let model: KarloModel
    let emit: (GenerationEvent) -> Void

    private var report: GenerationReport { GenerationReport(pictures: request.count, emit: emit) }

    private var guidance: Guidance { Guidance(scale: request.guidance, rescale: request.guidanceRescale) }

    /// Makes the pictures one after the other, each from its own generator, so that a picture does not depend on how
    /// many are made with it.
    func run() throws {
        let condition = try condition()
        for index in 0..<request.count {
            let seed = request.seed &+ UInt64(index)
            let sample = try samples(condition, picture: index, seed: seed).large
            emit(.picture(GeneratedPicture(image: try image(sample), index: index, seed: seed)))
        }
    }

    /// The last samples of decoder and super-resolution for the picture of a seed.
    func samples(seed: UInt64) throws -> (small: Tensor, large: Tensor) {
        try samples(condition(), picture: 0, seed: seed)
    }

    private func condition() throws -> KarloModel.Condition {
        let condition = try report.timed(.text) {
            try torchScope { try model.encode(request.prompt, guidance: guidance) }
        }
        report.note(truncated: condition.batch.truncated)
        return condition
    }

    private func samples(
        _ condition: KarloModel.Condition,
        picture: Int,
        seed: UInt64
    ) throws -> (small: Tensor, large: Tensor) {
        let noise = NoiseSource(Generator(seed: seed))
        let embedding = try model.embedder.embedding(
            plan.images,
            request,
            picture: picture,
            noise: noise,
            report: report
        )
        let small = try report.timed(.decoder) {
            let run = try torchScope {
                try model.run(condition, embedding, sampler: plan.sampler, guidance: guidance, noise: noise)
            }
            return try report.steps(
                of: run,
                .decoder,
                picture: picture,
                steps: plan.sampler.timesteps.count
            ) { step, progress in
                guard let every = request.previewEvery, progress.step.isMultiple(of: every),
                    progress.step < progress.steps
                else { return }
                emit(.preview(try image(step.original), progress))
            }
        }
        let large = try report.timed(.enlarging) {
            defer { model.finishEnlargement() }
            let run = try torchScope {
                try model.enlargement(of: small, sampler: plan.enlargingSampler, noise: noise)
            }
            let steps = plan.enlargingSampler.timesteps.count
            return try report.steps(of: run, .enlarging, picture: picture, steps: steps)
        }
        return (small, large)
    }

    private func image(_ sample: Tensor) throws -> Image {
        try Image(planes: torchScope { sample.floats() }, width: sample.size(3), height: sample.size(2))
    }

}
