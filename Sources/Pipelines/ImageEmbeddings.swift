import Foundation
package import LienzoTorch

/// What pictures shall show, one for each sample of a batch.
package struct ImageEmbeddings {
    /// `[samples, embeddingDimension]`, not normalised.
    package let conditional: Tensor
    /// What guidance pushes away from, `[samples, embeddingDimension]`.
    package let unconditional: Tensor

    /// Embeddings of a batch, and as many of what guidance pushes away from.
    package init(_ conditional: Tensor, unconditional: Tensor) {
        self.conditional = conditional
        self.unconditional = unconditional
    }
}

extension ImageEmbeddingSource.Blending {
    /// One embedding of several.
    ///
    /// - Parameters:
    ///   - parts: `[batch, width]` each, at least one.
    ///   - weights: how much of each.
    /// - Returns: `[batch, width]`.
    func callAsFunction(_ parts: [Tensor], _ weights: [Double]) -> Tensor {
        switch self {
        case .sum:
            let terms = zip(parts, weights).map { $0 * $1 }
            return terms.dropFirst().reduce(terms[0]) { $0 + $1 }
        case .spherical:
            var (blended, sum) = (parts[0], weights[0])
            for (part, weight) in zip(parts, weights).dropFirst() {
                sum += weight
                blended = slerp(blended, part, weight / sum)
            }
            return blended
        }
    }
}

/// A point of the great circle from one embedding to another; the length changes evenly.
///
/// - Parameters:
///   - start: `[batch, width]`.
///   - end: `[batch, width]`.
///   - share: how far to go, 0 (`start`) to 1 (`end`).
/// - Returns: `[batch, width]`, float32.
///
/// Source: Shoemake 1985; Ramesh et al. 2022, sections 3.2 and 3.3.
package func slerp(_ start: Tensor, _ end: Tensor, _ share: Double) -> Tensor {
    let (from, to) = (start.to(.float32).normalized(), end.to(.float32).normalized())
    // [batch] cosines → [batch, 1] weights, in double precision: the angle between like embeddings is small.
    let weights = (from.to(.float64) * to.to(.float64)).sum(dims: [-1]).elements(as: Double.self).map { cosine in
        let angle = acos(min(max(cosine, -1), 1))
        let sine = sin(angle)
        // Embeddings that point the same way have no circle between them, and need none.
        return sine < 1e-6 ? (1 - share, share) : (sin((1 - share) * angle) / sine, sin(share * angle) / sine)
    }
    func column(_ values: [Double]) -> Tensor {
        Tensor(values.map(Float.init), shape: [values.count, 1]).to(start.device)
    }
    let lengths =
        start.to(.float32).norm(dims: [-1], keepDim: true) * (1 - share)
        + end.to(.float32).norm(dims: [-1], keepDim: true) * share
    return (from * column(weights.map(\.0)) + to * column(weights.map(\.1))) * lengths
}
