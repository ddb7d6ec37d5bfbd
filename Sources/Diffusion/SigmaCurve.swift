import Foundation
import LienzoTorch

/// The training timesteps' sigmas, the ratio of noise to signal `sqrt((1 - alphaBar) / alphaBar)`, as a curve that can
/// be read between timesteps and backwards.
///
/// Source: Karras et al. 2022, table 1; diffusers' `scheduling_euler_discrete.py`.
struct SigmaCurve {
    /// Sigma at each training timestep, rising.
    let sigmas: [Float]
    /// Their logarithms.
    let logarithms: [Float]

    /// Pure noise, whose sigma is infinite, counts as a share of signal of 2^-24.
    ///
    /// The arithmetic is libtorch's, whose square roots are rounded in their own way: a Brownian tree tells them apart.
    init(_ schedule: NoiseSchedule) {
        let alphaBars = Tensor(schedule.finiteAlphaBars)
        sigmas = ((1 - alphaBars) / alphaBars).pow(0.5).floats()
        logarithms = sigmas.map { Float(log(Double($0))) }
    }

    /// Sigma at a timestep between the training ones, on a straight line.
    ///
    /// Source: NumPy's `interp`.
    func sigma(at timestep: Double) -> Double {
        let place = min(max(timestep, 0), Double(sigmas.count - 1))
        let below = min(Int(place), max(sigmas.count - 2, 0))
        let above = min(below + 1, sigmas.count - 1)
        let slope = Double(sigmas[above]) - Double(sigmas[below])
        return place == Double(above) ? Double(sigmas[above]) : slope * (place - Double(below)) + Double(sigmas[below])
    }

    /// The timestep at which the curve has a sigma, on a straight line between the logarithms.
    ///
    /// Source: diffusers' `_sigma_to_t`.
    func timestep(of sigma: Double) -> Double {
        let logarithm = log(max(sigma, 1e-10))
        let last = logarithms.lastIndex { logarithm >= Double($0) } ?? 0
        let below = min(last, max(logarithms.count - 2, 0))
        let above = min(below + 1, logarithms.count - 1)
        let (low, high) = (logarithms[below], logarithms[above])
        let weight = low == high ? 0 : min(max((Double(low) - logarithm) / Double(low - high), 0), 1)
        return (1 - weight) * Double(below) + weight * Double(above)
    }

    /// One more sigma than steps, from the largest to the smallest, their logarithms equally spaced.
    ///
    /// Source: diffusers' `interpolation_type` `log_linear`.
    func logarithmic(steps: Int) -> [Double] {
        Tensor(NoiseSchedule.linspace(Double(logarithms[sigmas.count - 1]), Double(logarithms[0]), count: steps + 1))
            .exp().floats().map(Double.init)
    }
}
