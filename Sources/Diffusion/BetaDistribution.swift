import Foundation

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
