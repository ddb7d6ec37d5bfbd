import LienzoDiffusion
package import LienzoModels
package import LienzoTorch

/// Words to pictures by latent diffusion: Stable Diffusion 1, 2 and XL, the refiner of XL, and Stable unCLIP 2.1.
///
/// From words alone, from a picture (``GenerationRequest/image``), or inside a picture (``GenerationRequest/mask``);
/// with Stable unCLIP variations and blends of pictures (``GenerationRequest/imageEmbedding``); beside control networks
/// along hints such as edges or depth (``GenerationRequest/hints``). The pipeline works on a
/// thread of its own, one request after the other. Reading its directory costs little; the weights are read with the
/// first request, or by ``prepare()``. The same seed gives the reference's picture.
///
/// ```swift
/// let pipeline = try StableDiffusionPipeline(modelDirectory: "stable-diffusion-v1-5")
/// for try await event in pipeline.generate(pipeline.request(prompt: "a red apple")) {
///     if case .picture(let picture) = event { try picture.image.write(to: "apple.png") }
/// }
/// ```
///
/// Source: Rombach et al. 2022; Podell et al. 2023; diffusers' pipelines of these names.
public actor StableDiffusionPipeline: PictureGenerator {
    /// The model's folder or file, name and version.
    public nonisolated let directory: ModelDirectory
    /// Width and height in pixels of the pictures that the model was trained on.
    public nonisolated var pictureSize: Int { configurations.pictureSize }

    /// The largest width and height in pixels.
    public static let sideLimit = 4096

    /// The classes of `model_index.json` that the pipeline runs.
    static let classNames =
        ["StableDiffusion", "StableDiffusionXL"].flatMap { family in
            ["", "ControlNet"].flatMap { control in
                ["", "Img2Img", "Inpaint"].map { "\(family)\(control)\($0)Pipeline" }
            }
        } + ["LatentConsistencyModelPipeline", "StableUnCLIPPipeline", "StableUnCLIPImg2ImgPipeline"]

    private nonisolated let configurations: StableDiffusionConfigurations
    private let executor = ThreadExecutor(name: "Lienzo.StableDiffusionPipeline")
    private let loading: LoadingOptions
    private var model = LazyModel<StableDiffusionModel>()

    /// The pipeline's own thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// A pipeline of the model in a folder, on the CPU.
    ///
    /// - Parameters:
    ///   - path: the folder.
    ///   - controlNetworks: folders or files of control networks, each of which looks at one hint of a request.
    /// - Throws: one sentence where configuration files are missing, wrong or do not fit each other.
    public init(modelDirectory path: String, controlNetworks: [String] = []) throws {
        try self.init(modelDirectory: path, loading: LoadingOptions(controlNetworks: controlNetworks))
    }

    /// The same with weights read and kept as one likes.
    package init(modelDirectory path: String, loading: LoadingOptions) throws {
        directory = try ModelDirectory(path)
        // Of a pipeline that was saved with its control network.
        let own = directory.has("controlnet") ? [directory.folder(of: "controlnet")] : []
        configurations = try StableDiffusionConfigurations(directory).controlled(by: own + loading.controlNetworks)
        self.loading = loading
    }

    /// A pipeline of Stable Diffusion 1, 2 or XL in a single file, `.safetensors` or `.ckpt`, on the CPU.
    ///
    /// Such a file has no configuration: it is told by the shapes in it. The tokenizer is that of CLIP, whose merges
    /// `Scripts/setup` fetches.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - controlNetworks: folders or files of control networks, each of which looks at one hint of a request.
    /// - Throws: one sentence where a file cannot be read, is no such model, or does not fit it.
    public init(file path: String, controlNetworks: [String] = []) throws {
        try self.init(file: path, loading: LoadingOptions(controlNetworks: controlNetworks))
    }

    /// The same with weights read and kept as one likes.
    package init(file path: String, loading: LoadingOptions) throws {
        directory = ModelDirectory(file: path)
        configurations = try StableDiffusionConfigurations(file: path).controlled(by: loading.controlNetworks)
        self.loading = loading
    }

    /// A request with the guidance that is usual for the model, and 30 steps; 4 for a latent consistency model.
    ///
    /// - Parameter prompt: the words.
    /// - Returns: the request, to be changed as one likes.
    public nonisolated func request(prompt: String) -> GenerationRequest {
        let readsGuidance = configurations.unet.timeConditionWidth != nil
        let usual = configurations.unCLIP != nil ? 10 : configurations.isXL ? 5 : 7.5
        return GenerationRequest(
            prompt: prompt,
            steps: readsGuidance ? 4 : 30,
            priorSteps: 25,
            guidance: readsGuidance ? 8.5 : usual,
            priorGuidance: 4,
            candidates: 1
        )
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
        let plan = try StableDiffusionPlan(request, configurations)
        let memory = PictureMemory(
            pictures: 1,
            width: plan.size.width,
            height: plan.size.height,
            channels: configurations.autoencoder.blockOutChannels.first ?? 0,
            type: loading.type,
            tile: loading.keepsParts ? nil : configurations.autoencoder.tileSize
        )
        try memory.require()
        let model = try loaded(emit: emit)
        try StableDiffusionGeneration(request, plan, model: model, emit: emit).run()
    }

    private func loaded(emit: (GenerationEvent) -> Void = { _ in }) throws -> StableDiffusionModel {
        try model(notices: configurations.notices, emit: emit) { try StableDiffusionModel(configurations, loading) }
    }
}
