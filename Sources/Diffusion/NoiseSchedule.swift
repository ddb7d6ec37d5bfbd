import Foundation

/// The shape of the betas over the training timesteps.
///
/// Source: diffusers' `beta_schedule`.
package enum BetaCurve: String, Sendable, Codable, CaseIterable {
    /// Straight from start to end. Source: Ho et al. 2020.
    case linear
    /// Straight in the square root. Source: Rombach et al. 2022.
    case scaledLinear = "scaled_linear"
    /// From a squared cosine of alphaBar, betas capped at 0.999; start and end play no part. Source: Nichol and
    /// Dhariwal 2021, equation 17.
    case squaredCosine = "squaredcos_cap_v2"
    /// A sigmoid from start to end.
    case sigmoid
    /// From an alphaBar that falls as `exp(-12 t)`, betas capped at 0.999; start and end play no part.
    case exponential = "exp"
}

/// The noise of a diffusion process at every training timestep: data only.
///
/// Every value is float32 computed in the order and precision of the reference, so that `alphaBar` is equal to the
/// reference's `alphas_cumprod` in every bit; to the last ones where a sigmoid or a zero terminal SNR is computed.
package struct NoiseSchedule: Sendable, Equatable {
    /// Beta at each timestep, 0 to 1.
    package let betas: [Float]
    /// 1 - beta at each timestep.
    package let alphas: [Float]
    /// The product of all alphas up to and including each timestep: the share of signal in the variance, falling
    /// from almost 1 towards 0.
    package let alphaBars: [Float]

    /// The number of training timesteps.
    package var count: Int { betas.count }

    /// ``alphaBars`` with 2^-24 in place of 0, so that the ratio of noise to signal is a number everywhere.
    ///
    /// Source: diffusers' `EulerDiscreteScheduler.__init__`.
    var finiteAlphaBars: [Float] { alphaBars.map { $0 > 0 ? $0 : 0x1p-24 } }

    /// A schedule of given betas.
    ///
    /// With `zeroTerminal`, the betas are shifted and scaled so that the last timestep is pure noise (Lin et al. 2024,
    /// algorithm 1).
    package init(betas: [Float], zeroTerminal: Bool = false) {
        self.betas = zeroTerminal ? Self.withZeroTerminal(betas) : betas
        alphas = self.betas.map { 1 - $0 }
        alphaBars = Self.runningProduct(alphas)
    }

    /// A schedule of a named curve over `count` timesteps, from beta `start` to beta `end` where the curve has them.
    package init(_ curve: BetaCurve, count: Int, start: Double, end: Double, zeroTerminal: Bool = false) {
        let betas: [Float] =
            switch curve {
            case .linear: Self.linspace(start, end, count: count)
            case .scaledLinear: Self.linspace(start.squareRoot(), end.squareRoot(), count: count).map { $0 * $0 }
            case .squaredCosine:
                Self.betas(count: count) { time in
                    let cosine = cos((time + 0.008) / 1.008 * Double.pi / 2)
                    return cosine * cosine
                }
            case .exponential: Self.betas(count: count) { exp($0 * -12) }
            case .sigmoid:
                Self.linspace(-6, 6, count: count).map {
                    Float(1 / (1 + exp(-Double($0)))) * Float(end - start) + Float(start)
                }
            }
        self.init(betas: betas, zeroTerminal: zeroTerminal)
    }

    /// The betas that lead along a share of signal at each time, 0 to 1; in double precision, rounded once at the end.
    private static func betas(count: Int, alphaBar: (_ time: Double) -> Double) -> [Float] {
        (0..<count).map { timestep in
            let t1 = Double(timestep) / Double(count)
            let t2 = Double(timestep + 1) / Double(count)
            return Float(min(1 - alphaBar(t2) / alphaBar(t1), 0.999))
        }
    }

    /// torch.linspace in float32: from both ends towards the middle, each value with one rounding.
    static func linspace(_ start: Double, _ end: Double, count: Int) -> [Float] {
        let first = Float(start)
        let last = Float(end)
        guard count > 1 else { return [Float](repeating: first, count: count) }
        let step = (last - first) / Float(count - 1)
        return (0..<count).map { index in
            index < count / 2
                ? first.addingProduct(step, Float(index)) : last.addingProduct(-step, Float(count - 1 - index))
        }
    }

    /// torch.cumprod in float32 on CPU: the running product is a double, each value of it is rounded.
    private static func runningProduct(_ values: [Float]) -> [Float] {
        var product = 1.0
        return values.map { value in
            product *= Double(value)
            return Float(product)
        }
    }

    private static func withZeroTerminal(_ betas: [Float]) -> [Float] {
        let roots = runningProduct(betas.map { 1 - $0 }).map { $0.squareRoot() }
        guard let first = roots.first, let last = roots.last, first != last else { return betas }
        let scale = first / (first - last)
        let alphaBars = roots.map { root in
            let shifted = (root - last) * scale
            return shifted * shifted
        }
        let before = [1] + alphaBars.dropLast()
        return zip(alphaBars, before).map { 1 - $0 / $1 }
    }
}
