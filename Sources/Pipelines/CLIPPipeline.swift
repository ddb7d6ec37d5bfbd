import Foundation
public import LienzoImages
package import LienzoModels
package import LienzoTorch

/// Pictures and texts into one space, and how near they are to each other: zero-shot classification and search.
///
/// The pipeline works on a thread of its own. Reading its folder costs little; the weights are read with the first
/// call.
///
/// ```swift
/// let pipeline = try CLIPPipeline(modelDirectory: "mini")
/// let pictures = try await pipeline.embed(paths.map { try pipeline.prepare(Image(contentsOf: $0)) })
/// let texts = try await pipeline.embed(texts: ["a lion", "a cat"])
/// let table = try await pipeline.compare(pictures, texts)
/// ```
///
/// Source: Radford et al. 2021; `open_clip`.
public actor CLIPPipeline {
    /// What the model calls itself.
    public nonisolated let name: String
    /// The number of numbers in an embedding.
    public nonisolated let embeddingDimension: Int
    /// The folder or file that the model is in, absolute.
    public nonisolated let modelPath: String

    private nonisolated let checkpoint: CLIPCheckpoint
    private let executor = ThreadExecutor(name: "Lienzo.CLIPPipeline")
    private let device: Device
    private let computeType: DType?
    private var model: CLIPModel?

    /// Tells the model's weights from others, as ``CLIPCheckpoint/weightsStamp`` does.
    package nonisolated var weightsStamp: String { checkpoint.weightsStamp }

    /// The pipeline's own thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Texts that go through the network at once, unless a caller says otherwise.
    private static let textBatch = 64

    /// A pipeline on the CPU.
    ///
    /// - Parameter path: a model directory with a dual encoder, a folder of OpenCLIP or of transformers' `CLIPModel`, or
    ///   one of OpenAI's files.
    /// - Throws: one sentence where the configuration files, or the shapes of the single file, are missing or wrong.
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
        (checkpoint, name) = try CLIPCheckpoint.of(model: path, imageTowerNamed: imageTowerNamed)
        embeddingDimension = checkpoint.configuration.embeddingDimension
        modelPath = URL(fileURLWithPath: path).standardizedFileURL.path
        self.device = device
        self.computeType = computeType
    }

    /// Resizes, crops and normalises a picture as the model wants it; may be called on many threads at once.
    public nonisolated func prepare(_ image: Image) throws -> PreparedPicture {
        PreparedPicture(pixels: try checkpoint.configuration.preprocessing(image))
    }

    /// Embeddings of pictures, in bounded batches.
    ///
    /// - Parameters:
    ///   - pictures: what ``prepare(_:)`` gave.
    ///   - isNormalized: whether each embedding is scaled to length 1, as comparing them wants it.
    ///   - batch: how many go through the network at once, which bounds its memory.
    /// - Returns: one embedding of ``embeddingDimension`` numbers for each picture.
    /// - Throws: one sentence where the weights cannot be read; `CancellationError` between batches.
    public func embed(
        _ pictures: [PreparedPicture],
        normalized isNormalized: Bool = true,
        batch: Int = 16
    ) throws -> [[Float]] {
        let model = try loaded()
        return try encodedInBatches(pictures, of: batch) {
            let embeddings = model.embed(pixels: $0.map(\.pixels))
            return isNormalized ? embeddings.normalized() : embeddings
        }
    }

    /// Embeddings of texts, in bounded batches.
    ///
    /// - Parameters:
    ///   - texts: any texts; what is longer than the model reads is cut.
    ///   - isNormalized: whether each embedding is scaled to length 1, as comparing them wants it.
    ///   - batch: how many go through the network at once, which bounds its memory.
    /// - Returns: one embedding of ``embeddingDimension`` numbers for each text.
    /// - Throws: one sentence where the weights cannot be read; `CancellationError` between batches.
    public func embed(texts: [String], normalized isNormalized: Bool = true, batch: Int = 64) throws -> [[Float]] {
        let model = try loaded()
        return try encodedInBatches(texts, of: batch) {
            let embeddings = model.embed(texts: $0)
            return isNormalized ? embeddings.normalized() : embeddings
        }
    }

    /// An embedding for each label, to classify pictures with: the mean of those of several sentences about it.
    ///
    /// - Parameters:
    ///   - labels: what pictures may show.
    ///   - templates: sentences in which `{}` stands for the label; at least one.
    /// - Returns: one embedding of ``embeddingDimension`` numbers for each label, normalised.
    /// - Throws: one sentence where the weights cannot be read; `CancellationError` between batches.
    ///
    /// Source: Radford et al. 2021, section 3.1.4.
    public func embed(labels: [String], templates: [String]) throws -> [[Float]] {
        precondition(!templates.isEmpty, "a label needs a sentence to stand in")
        // Enough labels at a time for a whole batch of sentences.
        let group = max(1, Self.textBatch / templates.count)
        var embeddings: [[Float]] = []
        for start in stride(from: 0, to: labels.count, by: group) {
            let some = labels[start..<min(start + group, labels.count)]
            let rows = try embed(texts: some.flatMap { label in templates.map { $0.replacing("{}", with: label) } })
            for first in stride(from: 0, to: rows.count, by: templates.count) {
                let sum = rows[first..<first + templates.count].reduce([Float](repeating: 0, count: embeddingDimension))
                {
                    zip($0, $1).map { $0 + $1 }
                }
                let length = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
                embeddings.append(sum.map { $0 / max(length, .leastNormalMagnitude) })
            }
        }
        return embeddings
    }

    /// Those of some texts whose end the model does not read, because they have more tokens than its context.
    ///
    /// - Throws: one sentence where the weights cannot be read.
    public func overlong(_ texts: [String]) throws -> [String] {
        let model = try loaded()
        return texts.filter(model.isCut)
    }

    /// The table of embeddings, with the model's own logit scale.
    ///
    /// - Parameters:
    ///   - pictures: what ``embed(_:normalized:batch:)`` gave.
    ///   - texts: what ``embed(texts:normalized:batch:)`` gave.
    /// - Returns: one row for each picture.
    /// - Throws: one sentence where the weights cannot be read.
    public func compare(_ pictures: [[Float]], _ texts: [[Float]]) throws -> SimilarityTable {
        SimilarityTable(images: pictures, texts: texts, logitScale: try loaded().logitScale)
    }

    private func loaded() throws -> CLIPModel {
        if let model { return model }
        let loader = PartLoader(LoadingOptions(device: device, computeType: computeType))
        let loaded = try CLIPModel(checkpoint, loader)
        model = loaded
        return loaded
    }
}
