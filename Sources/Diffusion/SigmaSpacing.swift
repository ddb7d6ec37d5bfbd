import Foundation

/// How the sigmas of a run are spread.
///
/// Source: diffusers' `use_karras_sigmas`, `use_exponential_sigmas`, `use_beta_sigmas`, `use_lu_lambdas`.
package enum SigmaSpacing: Sendable, Equatable, CaseIterable {
    /// As the timesteps are.
    case timesteps
    /// Equal steps in the seventh root. Source: Karras et al. 2022, equation 5.
    case karras
    /// Equal steps in the logarithm.
    case exponential
    /// The quantiles of a beta distribution, dense at both ends. Source: Lee et al. 2024, "Beta Sampling is All You
    /// Need".
    case beta
    /// Equal steps in the logarithm, as Lu et al. 2022 write it.
    case lu

    /// Sigmas from a largest to a smallest one; `nil` for ``timesteps``.
    func sigmas(from maximum: Double, to minimum: Double, count: Int) -> [Double]? {
        switch self {
        case .timesteps:
            return nil
        case .karras:
            let (first, last) = (pow(maximum, 1 / 7), pow(minimum, 1 / 7))
            return Timesteps.linspace(0, 1, count: count).map { pow(first + $0 * (last - first), 7) }
        case .exponential:
            return Timesteps.linspace(log(maximum), log(minimum), count: count).map { exp($0) }
        case .beta:
            return Timesteps.linspace(0, 1, count: count)
                .map { minimum + BetaDistribution.quantile(1 - $0) * (maximum - minimum) }
        case .lu:
            let (first, last) = (Double(Float(log(maximum))), Double(Float(log(minimum))))
            return Timesteps.linspace(0, 1, count: count).map { exp(first + $0 * (last - first)) }
        }
    }
}
