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
/// - Parameter path: the model directory, or a single file of Stable Diffusion 1 or 2.
/// - Returns: the pipeline, on the CPU; no weights are read yet.
/// - Throws: one sentence where there is no pipeline for the class, or the folder's configuration files are missing,
///   wrong or do not fit each other.
public func openPictureGenerator(modelDirectory path: String) throws -> any PictureGenerator {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue {
        return try StableDiffusionPipeline(file: path)
    }
    let directory = try ModelDirectory(path)
    if StableDiffusionPipeline.classNames.contains(directory.className ?? "") {
        return try StableDiffusionPipeline(modelDirectory: path)
    }
    if UnCLIPPipeline.classNames.contains(directory.className ?? "") {
        return try UnCLIPPipeline(modelDirectory: path)
    }
    let known = (UnCLIPPipeline.classNames + StableDiffusionPipeline.classNames).joined(separator: ", ")
    throw PipelineError.invalidModel(
        path: path,
        reason: "model_index.json names the class \(directory.className ?? "of no pipeline"); expected one of \(known)"
    )
}

extension UnCLIPPipeline: PictureGenerator {
    /// The classes of `model_index.json` that the pipeline runs.
    static let classNames = ["UnCLIPPipeline", "LienzoUnCLIPPipeline"]

    /// A request with the numbers that are usual for `mini`.
    public nonisolated func request(prompt: String) -> GenerationRequest { GenerationRequest(prompt: prompt) }
}
