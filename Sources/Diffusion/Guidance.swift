package import LienzoTorch

/// Classifier-free guidance: the conditional prediction, pushed away from the unconditional one.
///
/// Source: Ho and Salimans 2022, equation 6, in the convention of Imagen (a scale of 1 is the conditional prediction
/// alone); the rescaling is Lin et al. 2024, section 3.4; diffusers' `rescale_noise_cfg`.
package struct Guidance: Sendable, Equatable {
    /// How far to go, in differences between both predictions: 1 is no guidance.
    package let scale: Double
    /// How much of the growth in contrast is taken back, 0 (none) to 1.
    package let rescale: Double

    /// - Parameters:
    ///   - scale: 1 is no guidance; 3 to 8 are usual.
    ///   - rescale: 0 to 1.
    package init(scale: Double, rescale: Double = 0) {
        self.scale = scale
        self.rescale = rescale
    }

    /// Whether the unconditional prediction is needed at all.
    package var isActive: Bool { scale > 1 }

    /// The guided prediction.
    ///
    /// - Parameter halves: the unconditional samples followed by the conditional ones, `[2 · batch, channels, …]`.
    /// - Returns: `[batch, channels, …]`.
    package func callAsFunction(_ halves: Tensor) -> Tensor {
        let batch = halves.size(0) / 2
        return callAsFunction(
            unconditional: halves.narrow(dim: 0, start: 0, length: batch),
            conditional: halves.narrow(dim: 0, start: batch, length: batch)
        )
    }

    /// The guided prediction, in the shape of both, `[batch, channels, …]`.
    package func callAsFunction(unconditional: Tensor, conditional: Tensor) -> Tensor {
        let guided = unconditional + (conditional - unconditional) * scale
        guard rescale > 0 else { return guided }
        let rescaled = guided * (deviation(conditional) / deviation(guided))
        return rescaled * rescale + guided * (1 - rescale)
    }

    /// Each sample's standard deviation, unbiased, `[batch, 1, …]`.
    private func deviation(_ values: Tensor) -> Tensor {
        values.std(dims: Array(1..<values.rank), keepDim: true)
    }
}
