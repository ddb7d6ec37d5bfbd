import LienzoDiffusion
package import LienzoModels
import LienzoTorch

/// Words to image embeddings: the prior of a model, alone.
///
/// Every model directory that has a prior will do: those of Kandinsky's priors, Karlo, Stable unCLIP, `mini`. Only the
/// prior and its encoders are read. ``ImageEmbeddingSource/given(_:)`` makes pictures of the embeddings later.
///
/// ```swift
/// let prior = try PriorPipeline(modelDirectory: "kandinsky-2-2-prior")
/// let embedding = try await prior.imageEmbeddings(prior.request(prompt: "a red apple"))[0][0]
/// let pipeline = try UnCLIPPipeline(prior: nil, decoder: "kandinsky-2-2-decoder")
/// var request = pipeline.request(prompt: "a red apple")
/// request.imageEmbedding = .given(embedding)
/// ```
///
/// The pipeline works on a thread of its own, one request after the other. Reading its directory costs little; the
/// weights are read with the first request, or by ``prepare()``. The same seed gives the reference's embedding.
///
/// Source: Ramesh et al. 2022, section 2.2; diffusers' `KandinskyV22PriorPipeline`, `UnCLIPPipeline` and
/// `StableUnCLIPPipeline`.
public actor PriorPipeline {
    /// The model's folder, name and version.
    public nonisolated let directory: ModelDirectory

    private enum Configuration: Sendable {
        /// A prior that has encoders of texts and pictures.
        case unCLIP(UnCLIPPriorConfigurations)
        /// A prior that has a text encoder alone.
        case text(TextPriorConfiguration)
    }

    private enum Model {
        case unCLIP(UnCLIPPrior)
        case text(TextPrior)
    }

    private nonisolated let configuration: Configuration
    private let executor = ThreadExecutor(name: "Lienzo.PriorPipeline")
    private let loading: LoadingOptions
    private var model = LazyModel<Model>()

    /// The pipeline's own thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// A pipeline of the prior in a folder, on the CPU.
    ///
    /// Throws one sentence where the folder has no prior, or its configuration files are missing, wrong or do not fit each
    /// other.
    public init(modelDirectory path: String) throws {
        try self.init(modelDirectory: path, loading: LoadingOptions())
    }

    /// The same with weights read and kept as one likes.
    package init(
        modelDirectory path: String,
        loading: LoadingOptions,
        imageTowerNamed: (String) -> EfficientNetLiteConfiguration? = { EfficientNetLiteConfiguration(timm: $0) }
    ) throws {
        let whole = try ModelDirectory(path)
        // Beside its decoder, a prior's parts have names of their own.
        let directory = whole.has("prior_prior") ? whole.parts(prefixed: "prior_") : whole
        guard directory.has("prior") else {
            throw PipelineError.invalidModel(
                path: path,
                reason:
                    "it has no prior, which makes image embeddings of words; expected a model that has one, such as "
                    + "kandinsky-2-2-prior, Karlo or mini"
            )
        }
        self.directory = directory
        self.loading = loading
        configuration =
            directory.has("clip") || directory.has("image_encoder")
            ? .unCLIP(try UnCLIPPriorConfigurations(directory, imageTowerNamed: imageTowerNamed))
            : .text(
                try TextPriorConfiguration(directory, prefix: directory.has("prior_text_encoder") ? "prior_" : "")
            )
    }

    /// A request with the number of steps, the guidance and the number of candidates that are usual for the prior.
    ///
    /// - Parameter prompt: the words.
    /// - Returns: the request, to be changed as one likes.
    ///
    /// Source: the defaults of diffusers' pipelines, of models other than `mini`.
    public nonisolated func request(prompt: String) -> GenerationRequest {
        if case .unCLIP(let own) = configuration, own.usualCandidates > 1 {
            return GenerationRequest(prompt: prompt, candidates: own.usualCandidates)
        }
        return GenerationRequest(prompt: prompt, priorSteps: 25, priorGuidance: 4, candidates: 1)
    }

    /// Makes the networks ready now rather than with the first request.
    ///
    /// Throws one sentence for a missing file and for a missing, surplus or misshapen tensor.
    public func prepare() throws {
        _ = try loaded()
    }

    /// Makes image embeddings.
    ///
    /// Cancelling the task stops the work within one step.
    ///
    /// - Parameter request: what to make; what only a decoder reads is not looked at.
    /// - Returns: for each of the request's pictures all candidates, the one that fits the prompt best first.
    /// - Throws: one sentence where the request cannot be served or the weights cannot be read.
    public func imageEmbeddings(_ request: GenerationRequest) throws -> [[ImageEmbedding]] {
        try Task.checkCancellation()
        try request.validate()
        let report = GenerationReport(pictures: request.count) { _ in }
        switch try loaded() {
        case .unCLIP(let prior):
            let plan = try UnCLIPPriorPlan(request, prior.configurations)
            return try UnCLIPPriorGeneration(request: request, plan: plan, prior: prior, report: report).embed()
        case .text(let prior):
            return try prior.embed(request, report)
        }
    }

    private func loaded() throws -> Model {
        try model {
            let loader = PartLoader(loading)
            switch configuration {
            case .unCLIP(let own): return .unCLIP(try UnCLIPPrior(own, loader))
            case .text(let own): return .text(try TextPrior(directory, own, loader))
            }
        }
    }
}
