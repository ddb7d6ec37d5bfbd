import Foundation

/// A model that makes pictures, of whichever family.
///
/// ```swift
/// let generator = try openPictureGenerator(modelDirectory: "stable-diffusion-v1-5")
/// for try await event in generator.generate(generator.request(prompt: "a red apple")) {
///     if case .picture(let picture) = event { try picture.image.write(to: "apple.png") }
/// }
/// ```
public protocol PictureGenerator: Actor {
    /// The model's folder, name and version.
    nonisolated var directory: ModelDirectory { get }

    /// A request with the numbers of steps and the guidance that are usual for the model.
    ///
    /// - Parameter prompt: the words.
    /// - Returns: the request, to be changed as one likes.
    nonisolated func request(prompt: String) -> GenerationRequest

    /// Reads the weights now rather than with the first request.
    ///
    /// Throws one sentence for a missing file and for a missing, surplus or misshapen tensor.
    func prepare() throws

    /// Makes pictures.
    ///
    /// Leaving the loop over the stream stops the work within one step. A request that cannot be served ends the stream
    /// with an error of one sentence before any work is done.
    nonisolated func generate(_ request: GenerationRequest) -> AsyncThrowingStream<GenerationEvent, any Error>
}

/// The pipeline that a model directory needs, by the class that its `model_index.json` names.
///
/// - Parameters:
///   - path: the model directory, or a single file of Stable Diffusion 1, 2 or XL.
///   - prior: the directory of the prior, for Kandinsky 2.1 and 2.2, which are published as two; without it they make
///     pictures of given image embeddings.
///   - controlNetworks: folders or files of control networks, for Stable Diffusion.
/// - Returns: the pipeline, on the CPU; no weights are read yet.
/// - Throws: one sentence where there is no pipeline for the class, or the folder's configuration files are missing,
///   wrong or do not fit each other.
public func openPictureGenerator(
    modelDirectory path: String,
    prior: String? = nil,
    controlNetworks: [String] = []
) throws -> any PictureGenerator {
    try openPictureGenerator(
        modelDirectory: path,
        prior: prior,
        loading: LoadingOptions(controlNetworks: controlNetworks)
    )
}

/// The same with weights read and kept as one likes.
package func openPictureGenerator(
    modelDirectory path: String,
    prior: String?,
    loading: LoadingOptions
) throws -> any PictureGenerator {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue {
        return try StableDiffusionPipeline(file: path, loading: loading)
    }
    let directory = try ModelDirectory(path)
    let name = directory.className ?? ""
    func refuse(_ isWrong: Bool, _ reason: String) throws(PipelineError) {
        if isWrong { throw .invalidModel(path: path, reason: reason) }
    }
    if StableDiffusionPipeline.classNames.contains(name) {
        try refuse(prior != nil, "a \(name) has no prior; leave it out")
        return try StableDiffusionPipeline(modelDirectory: path, loading: loading)
    }
    try refuse(!loading.learnedTokens.isEmpty, "words are taught to Stable Diffusion only, and this is a \(name)")
    try refuse(
        !loading.controlNetworks.isEmpty,
        "control networks work beside Stable Diffusion only, and this is a \(name)"
    )
    try refuse(!loading.adaptations.isEmpty, "LoRA is merged into Stable Diffusion only, and this is a \(name)")
    try refuse(
        UnCLIPPipeline.priorClassNames.contains(name),
        "a \(name) makes image embeddings alone; give it as the prior (--prior), and its decoder as the model"
    )
    if UnCLIPPipeline.combinedClassNames.contains(name) {
        try refuse(prior != nil, "a \(name) has its prior beside it; leave the other out")
        return try UnCLIPPipeline(combined: directory, loading: loading)
    }
    if UnCLIPPipeline.kandinskyClassNames.contains(name) {
        return try UnCLIPPipeline(prior: prior, decoder: path, loading: loading)
    }
    if KarloPipeline.classNames.contains(name), KarloConfigurations.isKarlo(directory) {
        try refuse(prior != nil, "it has its prior beside it, or none; leave the other out")
        return try KarloPipeline(modelDirectory: path, loading: loading)
    }
    if name == UnCLIPPipeline.className {
        try refuse(prior != nil, "it has its prior beside it; leave the other out")
        return try UnCLIPPipeline(modelDirectory: path, loading: loading)
    }
    let known =
        KarloPipeline.classNames + UnCLIPPipeline.kandinskyClassNames + UnCLIPPipeline.combinedClassNames
        + StableDiffusionPipeline.classNames
    let found = name.isEmpty ? "no class" : "the class \(name)"
    throw PipelineError.invalidModel(
        path: path,
        reason: "model_index.json names \(found); expected one of \(known.joined(separator: ", "))"
    )
}

extension UnCLIPPipeline: PictureGenerator {
    /// The class of `model_index.json` that the pipeline runs from one directory; Karlo has it, too, and other parts.
    static let className = "UnCLIPPipeline"

    /// The classes of the decoders that it runs with a prior from another directory.
    static let kandinskyClassNames =
        ["Kandinsky", "KandinskyV22"].flatMap { family in
            ["", "Img2Img", "Inpaint"].map { "\(family)\($0)Pipeline" }
        } + ["KandinskyV22ControlnetPipeline", "KandinskyV22ControlnetImg2ImgPipeline"]

    /// The classes of those that have prior and decoder in one directory.
    static let combinedClassNames =
        ["Kandinsky", "KandinskyV22"].flatMap { family in
            ["", "Img2Img", "Inpaint"].map { "\(family)\($0)CombinedPipeline" }
        }

    /// The classes of priors, which make no pictures.
    static let priorClassNames = [
        "KandinskyPriorPipeline", "KandinskyV22PriorPipeline", "KandinskyV22PriorEmb2EmbPipeline",
    ]

    /// A request with the numbers of steps and the guidance that are usual for the model.
    ///
    /// - Parameter prompt: the words.
    /// - Returns: the request, to be changed as one likes.
    ///
    /// Source: for Kandinsky the defaults of diffusers' pipelines, but half the decoder's steps.
    public nonisolated func request(prompt: String) -> GenerationRequest {
        isKandinsky
            ? GenerationRequest(prompt: prompt, steps: 50, priorSteps: 25, guidance: 4, priorGuidance: 4, candidates: 1)
            : GenerationRequest(prompt: prompt, candidates: configurations.prior?.usualCandidates)
    }
}
