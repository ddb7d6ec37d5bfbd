import LienzoDiffusion
package import LienzoModels
package import LienzoTorch

/// Words to pictures by the route of unCLIP: text encoder, prior, decoder, autoencoder.
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
/// Source: Ramesh et al. 2022; diffusers' Kandinsky 2.1 pipelines.
public actor UnCLIPPipeline {
    /// The model's folder, name and version.
    public nonisolated let directory: ModelDirectory
    /// Width and height of the pictures in pixels.
    public nonisolated var pictureSize: Int { configurations.pictureSize }

    private nonisolated let configurations: UnCLIPConfigurations
    private let executor = ThreadExecutor(name: "Lienzo.UnCLIPPipeline")
    private let device: Device
    private let computeType: DType?
    private var model: UnCLIPModel?

    /// The pipeline's own thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// A pipeline of the model in a folder, on the CPU.
    ///
    /// Throws one sentence where the folder's configuration files are missing, wrong or do not fit each other.
    public init(modelDirectory path: String) throws {
        try self.init(modelDirectory: path, device: .cpu)
    }

    /// The same on a device of choice, in a compute type of choice or, where `nil`, the device's preferred one.
    package init(
        modelDirectory path: String,
        device: Device,
        computeType: DType? = nil,
        imageTowerNamed: (String) -> EfficientNetLiteConfiguration? = { EfficientNetLiteConfiguration(timm: $0) }
    ) throws {
        directory = try ModelDirectory(path)
        configurations = try UnCLIPConfigurations(directory, imageTowerNamed: imageTowerNamed)
        self.device = device
        self.computeType = computeType
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
        AsyncThrowingStream { continuation in
            let task = Task {
                do {
                    try await self.run(request) { continuation.yield($0) }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    private func run(_ request: GenerationRequest, emit: @escaping (GenerationEvent) -> Void) throws {
        try Task.checkCancellation()
        try request.validate()
        try request.requireWordsOnly()
        let model = try loaded(emit: emit)
        try Generation(request, model: model, emit: emit).run()
    }

    private func loaded(emit: (GenerationEvent) -> Void = { _ in }) throws -> UnCLIPModel {
        if let model { return model }
        for notice in configurations.notices { emit(.notice(notice)) }
        let start = ContinuousClock.now
        let loaded = try UnCLIPModel(directory, configurations, device: device, computeType: computeType)
        model = loaded
        emit(.finishedStage(.loading, seconds: start.duration(to: .now).seconds))
        return loaded
    }
}
