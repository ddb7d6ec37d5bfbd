public import LienzoImages

extension CLIPPipeline {
    /// One of some labels, and how well it fits a picture.
    public struct Classification: Sendable, Equatable {
        /// The label.
        public let label: String
        /// The cosine of the picture's embedding and the label's, −1 to 1.
        public let cosine: Float
        /// The label's share among all labels: the softmax of the cosines times the model's logit scale.
        public let probability: Float
    }

    /// Embeddings of pictures, normalised.
    ///
    /// - Parameter images: any pictures.
    /// - Returns: one embedding of ``embeddingDimension`` numbers for each picture.
    /// - Throws: one sentence where the weights cannot be read; `CancellationError` between batches.
    public func embed(_ images: [Image]) throws -> [[Float]] { try embed(images.map(prepare)) }

    /// Says which of some labels fits each picture best, without training (zero-shot).
    ///
    /// ```swift
    /// let lion = try Image(contentsOf: "lion.jpg")
    /// let answers = try await pipeline.classify([lion], as: ["lion", "cat", "bus"])
    /// ```
    ///
    /// - Parameters:
    ///   - images: any pictures.
    ///   - labels: what they may show.
    ///   - templates: sentences in which `{}` stands for the label; at least one.
    /// - Returns: for each picture all labels, the best first.
    /// - Throws: one sentence where the weights cannot be read; `CancellationError` between batches.
    ///
    /// Source: Radford et al. 2021, section 3.1.
    public func classify(
        _ images: [Image],
        as labels: [String],
        templates: [String] = ["a photo of a {}"]
    ) throws -> [[Classification]] {
        let table = try compare(embed(images), embed(labels: labels, templates: templates))
        return images.indices.map { row in
            table.ranking(of: row).map {
                Classification(
                    label: labels[$0],
                    cosine: table.cosine[row][$0],
                    probability: table.probability[row][$0]
                )
            }
        }
    }
}
