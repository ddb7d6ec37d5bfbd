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

    /// Sigma at a timestep between the training ones, on a straight line. Source: NumPy's `interp`.
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
        let weight = min(max((Double(low) - logarithm) / Double(low - high), 0), 1)
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

/// The sigmas of a run and the timesteps that the network is told.
struct SigmaSchedule {
    /// The sigma of each step, falling, and the one that the run ends in.
    let sigmas: [Float]
    /// The timestep of each step.
    var timesteps: [Double]
    /// The sigma of each step in the double precision that NumPy computes it in.
    let exact: [Double]

    /// A run over given timesteps, or over sigmas spread in another way between the first and the last of theirs.
    ///
    /// - Parameters:
    ///   - curve: the training timesteps' sigmas.
    ///   - visited: the timesteps of the run, falling.
    ///   - given: sigmas in place of those at `visited`.
    ///   - spacing: how the sigmas are spread, and where they end.
    ///   - repeatsLast: whether a run that does not end in clean data ends in its last sigma, where they are spread in
    ///     another way, rather than in that of the first training timestep.
    init(
        _ curve: SigmaCurve,
        at visited: [Double],
        sigmas given: [Double]? = nil,
        spacing: SigmaConfiguration = SigmaConfiguration(),
        repeatsLast: Bool = false
    ) {
        let own = given ?? visited.map(curve.sigma)
        let maximum = spacing.maximum ?? own.first ?? 0
        let minimum = spacing.minimum ?? own.last ?? 0
        let spread = spacing.spacing.sigmas(from: maximum, to: minimum, count: visited.count)
        let least = repeatsLast ? spread?.last.map { Float($0) } : nil
        exact = spread ?? own
        sigmas = exact.map { Float($0) } + [spacing.end == .zero ? 0 : least ?? curve.sigmas[0]]
        timesteps = spread?.map(curve.timestep) ?? visited
    }

    /// The sigmas of a solver that evaluates the network at both ends of each step but the last.
    var twiceEvaluated: [Float] {
        sigmas.prefix(1) + sigmas.dropFirst().dropLast().flatMap { [$0, $0] } + sigmas.suffix(1)
    }
}
