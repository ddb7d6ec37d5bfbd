import Foundation
import LienzoTorch

/// The scalars of one ancestral step, from timestep `t` to an earlier one.
///
/// The reference keeps them as float32 tensors of one element, so all of this is float32.
///
/// Source: Ho et al. 2020, equations 6 and 7.
struct Posterior {
    let alphaBar: Float
    let alphaBarPrevious: Float
    let alpha: Float
    let beta: Float

    var betaBar: Float { 1 - alphaBar }
    var betaBarPrevious: Float { 1 - alphaBarPrevious }

    /// The weight of the clean sample in the mean.
    var originalWeight: Float { alphaBarPrevious.squareRoot() * beta / betaBar }

    /// The weight of the noisy sample in the mean.
    var sampleWeight: Float { alpha.squareRoot() * betaBarPrevious / betaBar }

    /// The posterior's variance.
    var variance: Float { betaBarPrevious / betaBar * beta }

    /// The mean of the less noisy sample.
    func mean(original: Tensor, sample: Tensor) -> Tensor {
        original * Double(originalWeight) + sample * Double(sampleWeight)
    }

    /// The standard deviation where the network says (-1 to 1) where its logarithm lies between both bounds.
    func learnedDeviation(_ predicted: Tensor, minimum: Float) -> Tensor {
        let fraction = (predicted + 1.0) / 2.0
        let logVariance = fraction * Double(log(beta)) + (1.0 - fraction) * Double(log(minimum))
        return (logVariance * 0.5).exp()
    }
}

/// The clean sample that a network's output stands for; `alphaBar` is the share of signal in `sample`.
func predictedOriginal(_ output: Tensor, _ prediction: PredictionType, sample: Tensor, alphaBar: Float) -> Tensor {
    predictedOriginal(
        output,
        prediction,
        sample: sample,
        signal: alphaBar.squareRoot(),
        noise: (1 - alphaBar).squareRoot()
    )
}

/// The clean sample that a network's output stands for, where `sample` is `signal · x_0 + noise · epsilon`.
func predictedOriginal(
    _ output: Tensor,
    _ prediction: PredictionType,
    sample: Tensor,
    signal: Float,
    noise: Float
) -> Tensor {
    switch prediction {
    case .epsilon: (sample - output * Double(noise)) / Double(signal)
    case .sample: output
    case .velocity: sample * Double(signal) - output * Double(noise)
    }
}

/// The sample and the variance halves of an output `[batch, 2 · channels, …]`.
func splitVariance(_ output: Tensor, channels: Int) -> (output: Tensor, variance: Tensor) {
    (output.narrow(dim: 1, start: 0, length: channels), output.narrow(dim: 1, start: channels, length: channels))
}
