import Foundation
package import LienzoTorch

/// Sines and cosines of a timestep at geometrically spaced frequencies.
///
/// - Parameters:
///   - timesteps: `[batch]`.
///   - width: the number of values for each timestep.
///   - flipSinToCos: cosines first.
///   - frequencyShift: subtracted from the number of frequencies in the exponent's denominator.
///   - maximumPeriod: frequencies fall from 1 towards its inverse.
/// - Returns: `[batch, width]`, float32.
///
/// Source: Ho et al. 2020, section 3.3 after Vaswani et al. 2017; diffusers `get_timestep_embedding`.
package func sinusoidalEmbedding(
    _ timesteps: Tensor,
    width: Int,
    flipSinToCos: Bool,
    frequencyShift: Double,
    maximumPeriod: Double = 10_000
) -> Tensor {
    let half = width / 2
    let exponent = Tensor.arange(0, Double(half), device: timesteps.device) * -Foundation.log(maximumPeriod)
    let frequencies = (exponent / (Double(half) - frequencyShift)).exp()
    let angles = timesteps.to(.float32).unsqueeze(1) * frequencies.unsqueeze(0)
    let (sines, cosines) = (angles.sin(), angles.cos())
    let embedding = Tensor.cat(flipSinToCos ? [cosines, sines] : [sines, cosines], dim: 1)
    return width % 2 == 0 ? embedding : embedding.padded([0, 1])
}

/// Two linear layers that turn a timestep's sines into the vector that blocks are conditioned on.
///
/// Source: diffusers `TimestepEmbedding`.
package struct TimestepEmbedding {
    private let first: Linear
    private let second: Linear
    private let activation: Activation

    /// - Parameters:
    ///   - scope: holds `linear_1` and `linear_2`.
    ///   - input: the number of sines and cosines.
    ///   - width: the width between the layers.
    ///   - output: the width of the result; `width` where `nil`.
    ///   - activation: applied between the layers.
    /// - Throws: ``ParameterError`` where a tensor is missing or has another shape; else what the source throws.
    package init(
        _ scope: ParameterScope,
        from input: Int,
        to width: Int,
        output: Int? = nil,
        activation: Activation = .silu
    ) throws {
        first = try Linear(scope["linear_1"], from: input, to: width)
        second = try Linear(scope["linear_2"], from: width, to: output ?? width)
        self.activation = activation
    }

    /// `[batch, input]` → `[batch, width]`.
    package func callAsFunction(_ x: Tensor) -> Tensor { second(first(x, activation: activation)) }
}
