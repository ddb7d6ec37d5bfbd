import LienzoTorch

/// How a predicted clean sample is kept within its range.
package enum Clipping: Sendable, Equatable {
    /// Left as it is.
    case none
    /// Cut off at plus and minus `range`.
    case range(Double)
    /// Cut off at a quantile of each sample's magnitudes, at least 1 and at most `maximum`, and divided by it.
    ///
    /// Source: Saharia et al. 2022 (Imagen), section 2.3.
    case dynamic(ratio: Double, maximum: Double)

    func callAsFunction(_ sample: Tensor) -> Tensor {
        switch self {
        case .none: sample
        case .range(let range): sample.clamp(-range, range)
        case .dynamic(let ratio, let maximum): dynamicallyThresholded(sample, ratio: ratio, maximum: maximum)
        }
    }

    /// The quantiles are found on the CPU, one for each sample of the batch.
    private func dynamicallyThresholded(_ sample: Tensor, ratio: Double, maximum: Double) -> Tensor {
        let batch = sample.size(0)
        let magnitudes = sample.abs().floats()
        let size = magnitudes.count / max(batch, 1)
        let parts = (0..<batch).map { index in
            let sorted = magnitudes[index * size..<(index + 1) * size].sorted()
            let bound = Double(min(max(quantile(of: sorted, ratio), 1), Float(maximum)))
            return sample.narrow(dim: 0, start: index, length: 1).clamp(-bound, bound) / bound
        }
        return Tensor.cat(parts, dim: 0)
    }

    /// torch.quantile in float32, linear between neighbours.
    private func quantile(of sorted: [Float], _ ratio: Double) -> Float {
        guard !sorted.isEmpty else { return 1 }
        let rank = Float(ratio) * Float(sorted.count - 1)
        let below = Int(rank)
        let above = min(below + 1, sorted.count - 1)
        return sorted[below] + (sorted[above] - sorted[below]) * (rank - Float(below))
    }
}
