import Foundation
package import LienzoTorch

/// DPM-Solver++: the predicted clean sample as a polynomial in `lambda`, and the rest of the way solved exactly.
///
/// The polynomial goes through the last one, two or three predictions. The stochastic form adds noise after each step.
///
/// Source: Lu et al. 2022, "DPM-Solver++", algorithm 2 and appendix; diffusers' `DPMSolverMultistepScheduler`
/// (`scheduling_dpmsolver_multistep.py`).
package struct DPMSolverSampler: Sampler {
    /// The configuration that the sampler was built from.
    package let configuration: DPMSolverConfiguration
    package let steps: Int
    package var timesteps: [Double] { run.timesteps }
    private let run: NoiseLevels
    /// The clean samples predicted at the last steps, the newest at the end.
    private var originals: [Tensor] = []

    /// A run of `steps` steps.
    ///
    /// - Throws: ``DiffusionError`` for a number of steps out of the configuration's `allowedSteps`.
    package init(_ configuration: DPMSolverConfiguration, steps: Int) throws(DiffusionError) {
        let noise = configuration.noise
        let visited = try noise.multistepTimesteps(
            steps: steps,
            last: configuration.lastTimestep,
            allowed: configuration.allowedSteps
        )
        let curve = SigmaCurve(noise.schedule)
        let rounds = [.karras, .lu].contains(configuration.sigmas.spacing) && noise.curve != .squaredCosine
        self.configuration = configuration
        self.steps = steps
        run = NoiseLevels(
            SigmaSchedule(curve, at: visited, spacing: configuration.sigmas.spanning(curve)),
            rounding: rounds ? .toNearestOrEven : .towardZero
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
        var output = output.to(.float32)
        if configuration.varianceIsLearned {
            output = splitVariance(output, channels: sample.size(1)).output
        }
        let original = configuration.noise.clipping(
            run[index].original(output, configuration.noise.prediction, sample: sample)
        )
        originals = originals.suffix(configuration.order - 1) + [original]
        let order = min(originals.count, allowedOrder(at: index))
        return DenoisingStep(sample: update(sample, at: index, order: order, noise: noise), original: original)
    }

    /// The last steps of a short run, and the one into clean data, are of a lower order: stable rather than exact.
    private func allowedOrder(at index: Int) -> Int {
        let left = timesteps.count - index
        let isShort = configuration.lowersFinalOrder && timesteps.count < 15
        let endsLow = configuration.endsWithEuler || isShort || configuration.sigmas.end == .zero
        return left == 1 && endsLow ? 1 : left == 2 && isShort ? 2 : configuration.order
    }

    /// From the level at `index` to the next one, a way of `h` in `lambda`, which counts twice where noise is added.
    ///
    /// `x_t = σ_t/σ_s x - α_t (e^-h - 1) D_0 + …` in the newest prediction `D_0` and the differences `D_1`, `D_2`.
    private func update(_ sample: Tensor, at index: Int, order: Int, noise: NoiseSource) -> Tensor {
        let (target, source) = (run[index + 1], run[index])
        let h = target.lambda - source.lambda
        let isStochastic = configuration.algorithm == .stochastic
        let reach = isStochastic ? 2 * h : h
        let decay = exp(-reach) - 1
        let ratio = target.deviation / source.deviation * (isStochastic ? exp(-h) : 1)
        var next = sample * Double(ratio) - newest(0) * Double(target.alpha * decay)

        if order > 1 {
            let h0 = source.lambda - run[index - 1].lambda
            var first = (newest(0) - newest(1)) * Double(1 / (h0 / h))
            var second: Tensor?
            if order > 2 {
                let h1 = run[index - 1].lambda - run[index - 2].lambda
                let (r0, r1) = (h0 / h, h1 / h)
                let change = first - (newest(1) - newest(2)) * Double(1 / r1)
                first = first + change * Double(r0 / (r0 + r1))
                second = change * Double(1 / (r0 + r1))
            }
            if order == 2, configuration.solver == .midpoint {
                next = next - first * Double(0.5 * (target.alpha * decay))
            } else {
                next = next + first * Double(target.alpha * (decay / reach + 1))
            }
            if let second {
                // The reference has this half with the other sign where noise is added.
                let half: Float = isStochastic ? -0.5 : 0.5
                next = next - second * Double(target.alpha * ((decay + reach) / (reach * reach) - half))
            }
        }
        guard isStochastic else { return next }
        let drawn = noise.draw(sample.shape, device: sample.device)
        return next + drawn * Double(target.deviation * (-decay).squareRoot())
    }

    /// The prediction of so many steps ago.
    private func newest(_ age: Int) -> Tensor { originals[originals.count - 1 - age] }
}
