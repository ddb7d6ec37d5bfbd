import Foundation
package import LienzoTorch

/// UniPC: a multistep predictor like that of DPM-Solver++, and a corrector that takes the last step once more when the
/// network has been evaluated at its end; no evaluation is added.
///
/// Source: Zhao et al. 2023, "UniPC: A Unified Predictor-Corrector Framework", algorithms 1 and 2; diffusers'
/// `UniPCMultistepScheduler` (`scheduling_unipc_multistep.py`).
package struct UniPCSampler: Sampler {
    /// The configuration that the sampler was built from.
    package let configuration: UniPCConfiguration
    package let steps: Int
    package var timesteps: [Double] { run.timesteps }
    private let run: NoiseLevels
    /// The clean samples predicted at the last steps, the newest at the end.
    private var originals: [Tensor] = []
    /// Where the last step began, and the order of its predictor.
    private var last: (sample: Tensor, order: Int)?

    /// A run of `steps` steps.
    ///
    /// - Throws: ``DiffusionError`` for a number of steps out of the configuration's `allowedSteps`.
    package init(_ configuration: UniPCConfiguration, steps: Int) throws(DiffusionError) {
        let noise = configuration.noise
        let visited = try noise.multistepTimesteps(
            steps: steps,
            last: noise.trainTimesteps,
            allowed: configuration.allowedSteps
        )
        let curve = SigmaCurve(noise.schedule)
        self.configuration = configuration
        self.steps = steps
        run = NoiseLevels(
            SigmaSchedule(
                curve,
                at: visited,
                spacing: configuration.sigmas.spanning(curve),
                repeatsLast: true
            ),
            rounding: configuration.sigmas.spacing == .karras ? .toNearestOrEven : .towardZero
        )
    }

    package func addNoise(to clean: Tensor, noise: Tensor, at index: Int) -> Tensor {
        run[index].addNoise(to: clean, noise: noise)
    }

    package mutating func step(
        _ output: Tensor,
        at index: Int,
        sample: Tensor,
        noise: NoiseSource
    ) -> DenoisingStep {
        var sample = sample
        let original = configuration.noise.clipping(
            run[index].original(output.to(.float32), configuration.noise.prediction, sample: sample)
        )
        if let last, !configuration.uncorrected.contains(index - 1) {
            sample = update(last.sample, from: index - 1, to: index, order: last.order, end: original)
        }
        originals = originals.suffix(configuration.order - 1) + [original]
        // Into clean data, infinitely far away in lambda, only the first order leads.
        let lowers = configuration.lowersFinalOrder || run[index + 1].lambda == .infinity
        let left = lowers ? timesteps.count - index : configuration.order
        let order = min(configuration.order, left, originals.count)
        last = (sample, order)
        return DenoisingStep(
            sample: update(sample, from: index, to: index + 1, order: order),
            original: original
        )
    }

    /// From one level to another, with the prediction at the target where there is one, which is the corrector.
    ///
    /// `x_t = σ_t/σ_s x - α_t (e^-h - 1) m_0 - α_t B(h) Σ ρ_k D_k` over the differences `D_k` of the predictions to the
    /// newest one `m_0`, divided by their distances `r_k`.
    private func update(_ sample: Tensor, from: Int, to: Int, order: Int, end: Tensor? = nil) -> Tensor {
        let (source, target) = (run[from], run[to])
        let h = target.lambda - source.lambda
        let decay = expm1(-h)
        let scale = configuration.solver == .bh1 ? -h : decay
        let newest = originals[originals.count - 1]
        let next = sample * Double(target.deviation / source.deviation) - newest * Double(target.alpha * decay)

        let distances = (1..<max(order, 1)).map { (run[from - $0].lambda - source.lambda) / h }
        var differences = distances.enumerated().map { age, distance in
            (originals[originals.count - 2 - age] - newest) / Double(distance)
        }
        if let end { differences.append(end - newest) }
        guard !differences.isEmpty else { return next }
        let weights = weights(order: differences.count, distances: distances + [1], h: h, scale: scale)
        let sum = zip(differences, weights).dropFirst().reduce(differences[0] * Double(weights[0])) { sum, pair in
            sum + pair.0 * Double(pair.1)
        }
        return next - sum * Double(target.alpha * scale)
    }

    /// The weights `ρ` with `Σ_k ρ_k r_k^(i-1) = φ_i i! / B(h)`; the first-order one is a half by definition.
    ///
    /// Source: Zhao et al. 2023, equation 9 and section 3.4.
    private func weights(order: Int, distances: [Float], h: Float, scale: Float) -> [Float] {
        guard order > 1 else { return [0.5] }
        var phi = expm1(-h) / -h - 1
        var factorial: Float = 1
        var (rows, right): ([[Float]], [Float]) = ([], [])
        for power in 0..<order {
            rows.append(distances.prefix(order).map { pow($0, Float(power)) })
            right.append(phi * factorial / scale)
            factorial *= Float(power + 2)
            phi = phi / -h - 1 / factorial
        }
        return solved(rows, right)
    }

    /// The solution of a linear system, by elimination with row exchange.
    private func solved(_ rows: [[Float]], _ right: [Float]) -> [Float] {
        var system = zip(rows, right).map { $0 + [$1] }
        let count = system.count
        for column in 0..<count {
            let pivot = (column..<count).max { abs(system[$0][column]) < abs(system[$1][column]) } ?? column
            system.swapAt(column, pivot)
            for row in column + 1..<max(count, column + 1) {
                let factor = system[row][column] / system[column][column]
                for place in column...count { system[row][place] -= factor * system[column][place] }
            }
        }
        var solution = [Float](repeating: 0, count: count)
        for row in (0..<count).reversed() {
            let known = (row + 1..<max(count, row + 1)).reduce(Float(0)) { $0 + system[row][$1] * solution[$1] }
            solution[row] = (system[row][count] - known) / system[row][row]
        }
        return solution
    }
}
