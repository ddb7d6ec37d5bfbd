import Foundation
import LienzoTorch

/// One level of noise on the way, `x = alpha x_0 + deviation · noise` with `alpha² + deviation² = 1`.
///
/// The reference keeps these as float32 tensors of one element, so all of this is float32.
///
/// Source: Lu et al. 2022, "DPM-Solver", section 2.1; diffusers' `_sigma_to_alpha_sigma_t`.
struct NoiseLevel {
    /// The weight of the clean sample.
    let alpha: Float
    /// The weight of the noise.
    let deviation: Float
    /// Half the logarithm of the signal-to-noise ratio, `log(alpha / deviation)`; infinite for clean data.
    let lambda: Float

    /// The level at which the ratio of noise to signal is `sigma`.
    init(sigma: Float) {
        alpha = 1 / (sigma * sigma + 1).squareRoot()
        deviation = sigma * alpha
        lambda = log(alpha) - log(deviation)
    }

    /// The clean sample that a network's output stands for.
    func original(_ output: Tensor, _ prediction: PredictionType, sample: Tensor) -> Tensor {
        predictedOriginal(output, prediction, sample: sample, signal: alpha, noise: deviation)
    }

    /// A clean sample at this level.
    func addNoise(to clean: Tensor, noise: Tensor) -> Tensor { clean * Double(alpha) + noise * Double(deviation) }
}

/// The levels and timesteps of a run of a multistep solver, which works in `lambda` and tells the network whole
/// timesteps.
struct NoiseLevels {
    /// The level of each step, and the one that the run ends in.
    let levels: [NoiseLevel]
    /// The timestep of each step.
    let timesteps: [Double]

    /// The levels of a schedule of sigmas, whose timesteps are rounded or cut to whole numbers.
    init(_ run: SigmaSchedule, rounding: FloatingPointRoundingRule) {
        levels = run.sigmas.map(NoiseLevel.init)
        timesteps = run.timesteps.map { $0.rounded(rounding) }
    }

    subscript(index: Int) -> NoiseLevel { levels[index] }
}
