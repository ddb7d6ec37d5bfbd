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

/// The beta distribution with both parameters 0.6.
enum BetaDistribution {
    private static let shape = 0.6
    /// The logarithm of `B(0.6, 0.6)`.
    private static let logBeta = 2 * lgamma(shape) - lgamma(2 * shape)

    /// The number below which a share of the distribution lies, by halving.
    static func quantile(_ share: Double) -> Double {
        if share > 0.5 { return 1 - quantile(1 - share) }
        var (low, high) = (0.0, 0.5)
        while share > 0 {
            let middle = (low + high) / 2
            guard middle > low, middle < high else { break }
            if cumulative(middle) < share { low = middle } else { high = middle }
        }
        return low
    }

    /// The share of the distribution below `x`, 0 to 0.5: the regularized incomplete beta function as a power series.
    ///
    /// Source: Abramowitz and Stegun 1964, 26.5.4 (`x^a (1-x)^b / (a B) (1 + Σ B(a+1, n+1) / B(a+b, n+1) x^(n+1))`).
    private static func cumulative(_ x: Double) -> Double {
        var (term, sum, n) = (1.0, 1.0, 0.0)
        while term > sum * 1e-17 {
            term *= (2 * shape + n) / (shape + 1 + n) * x
            sum += term
            n += 1
        }
        return exp(shape * (log(x) + log1p(-x)) - logBeta) / shape * sum
    }
}
