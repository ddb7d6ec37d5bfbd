import LienzoDiffusion
package import LienzoModels
package import LienzoTorch

/// Words to pictures by the route of unCLIP: text encoder, prior, decoder, autoencoder.
///
/// `mini` is such a model, and so are Kandinsky 2.1 and 2.2, which were published as two directories each. Beside words,
/// a request may have a picture to change, a mask to paint within, a hint to follow, and another source of the image
/// embedding than the prompt (``GenerationRequest/imageEmbedding``): variations of a picture, blends of pictures and
/// texts, a picture moved along the difference of two texts, an embedding made before.
///
/// The pipeline works on a thread of its own, one request after the other. Reading its directory costs little; the
/// weights are read with the first request, or by ``prepare()``.
///
/// ```swift
/// let pipeline = try UnCLIPPipeline(modelDirectory: "mini")
/// for try await event in pipeline.generate(GenerationRequest(prompt: "a red apple")) {
///     if case .picture(let picture) = event { try picture.image.write(to: "apple.png") }
/// }
/// ```
///
/// Source: Ramesh et al. 2022; diffusers' Kandinsky pipelines, whose pictures the same seed gives.
public actor UnCLIPPipeline {
    /// The model's folder, name and version; of two folders, the decoder's.
    public nonisolated var directory: ModelDirectory { configurations.directory }
    /// Width and height in pixels of the pictures that the model was trained on.
    public nonisolated var pictureSize: Int { configurations.pictureSize }
    /// What width and height of pictures must be multiples of, in pixels.
    public nonisolated var sizeFactor: Int { configurations.sizeFactor }

    /// Whether the model is a Kandinsky as it was published.
    nonisolated var isKandinsky: Bool { configurations.isKandinsky }

    /// The largest width and height in pixels.
    public static let sideLimit = 4096

    nonisolated let configurations: UnCLIPConfigurations
    private let executor = ThreadExecutor(name: "Lienzo.UnCLIPPipeline")
    private let loading: LoadingOptions
    private var model = LazyModel<UnCLIPModel>()

    /// The pipeline's own thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// A pipeline of the model in a folder, on the CPU.
    ///
    /// Throws one sentence where the folder's configuration files are missing, wrong or do not fit each other.
    public init(modelDirectory path: String) throws {
        try self.init(modelDirectory: path, loading: LoadingOptions())
    }

    /// The same with weights read and kept as one likes.
    package init(
        modelDirectory path: String,
        loading: LoadingOptions,
        imageTowerNamed: (String) -> EfficientNetLiteConfiguration? = { EfficientNetLiteConfiguration(timm: $0) }
    ) throws {
        configurations = try UnCLIPConfigurations(ModelDirectory(path), imageTowerNamed: imageTowerNamed)
        self.loading = loading
    }

    /// A pipeline of a Kandinsky 2.1 or 2.2 on the CPU, from the two folders that it was published as.
    ///
    /// - Parameters:
    ///   - prior: the folder with the prior, such as that of `kandinsky-2-2-prior`; `nil` where requests give image
    ///     embeddings, which a ``PriorPipeline`` made before.
    ///   - decoder: the folder with the decoder, such as that of `kandinsky-2-2-decoder`, of its inpainting or its depth
    ///     model.
    /// - Throws: one sentence where the folders' configuration files are missing, wrong or do not fit each other.
    public init(prior: String?, decoder: String) throws {
        try self.init(prior: prior, decoder: decoder, loading: LoadingOptions())
    }

    /// The same with weights read and kept as one likes.
    package init(prior: String?, decoder: String, loading: LoadingOptions) throws {
        configurations = try UnCLIPConfigurations(
            prior: prior.map { try ModelDirectory($0) },
            decoder: ModelDirectory(decoder)
        )
        self.loading = loading
    }

    /// A pipeline of a Kandinsky whose prior lies in the decoder's folder, as diffusers saves its combined pipelines.
    init(combined directory: ModelDirectory, loading: LoadingOptions) throws {
        configurations = try UnCLIPConfigurations(prior: directory.parts(prefixed: "prior_"), decoder: directory)
        self.loading = loading
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
        let plan = try UnCLIPPlan(request, configurations)
        let memory = PictureMemory(
            pictures: plan.candidates,
            width: plan.width,
            height: plan.height,
            channels: configurations.autoencoder.lastMapChannels,
            type: loading.type,
            tile: loading.keepsParts ? nil : configurations.autoencoder.tileSize
        )
        try memory.require()
        try Generation(request, plan, model: try loaded(emit: emit), emit: emit).run()
    }

    private func loaded(emit: (GenerationEvent) -> Void = { _ in }) throws -> UnCLIPModel {
        try model(notices: configurations.notices, emit: emit) { try UnCLIPModel(configurations, loading) }
    }
}
