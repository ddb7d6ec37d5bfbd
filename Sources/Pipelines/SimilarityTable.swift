import Foundation

/// How near each picture is to each text: one row for each picture, one column for each text.
public struct SimilarityTable: Sendable, Equatable {
    /// Cosines of the embeddings, -1 to 1.
    public let cosine: [[Float]]
    /// Each row's probabilities: the softmax of the cosines times the model's logit scale.
    public let probability: [[Float]]

    /// The table of normalised embeddings.
    ///
    /// - Parameters:
    ///   - images: one embedding for each row.
    ///   - texts: one embedding for each column.
    ///   - logitScale: what cosines are multiplied with before the softmax.
    ///
    /// Source: Radford et al. 2021, figure 3.
    public init(images: [[Float]], texts: [[Float]], logitScale: Float) {
        cosine = images.map { image in
            texts.map { text in zip(image, text).reduce(0) { $0 + $1.0 * $1.1 } }
        }
        probability = cosine.map { row in
            let largest = row.max() ?? 0
            let powers = row.map { exp(logitScale * ($0 - largest)) }
            let sum = powers.reduce(0, +)
            return powers.map { $0 / sum }
        }
    }

    /// The columns of a row, the nearest first; of equal ones the first.
    ///
    /// - Parameter row: which picture, from 0.
    /// - Returns: every column once.
    public func ranking(of row: Int) -> [Int] {
        cosine[row].indices.sorted { (cosine[row][$1], $0) < (cosine[row][$0], $1) }
    }
}
