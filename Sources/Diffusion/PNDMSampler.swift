package import LienzoTorch

/// Pseudo linear multistep: the noise extrapolated from the last four predictions, and the step of DDIM with it.
///
/// The first predictions come from Runge-Kutta steps of four evaluations each, or, as Stable Diffusion has it, from
/// steps of a lower order, of which the first is gone over twice.
///
/// Source: Liu et al. 2022, "Pseudo Numerical Methods for Diffusion Models on Manifolds", equations 9 to 14; diffusers'
/// `PNDMScheduler` (`scheduling_pndm.py`).
package struct PNDMSampler: VariancePreservingSampler {
    /// The configuration that the sampler was built from.
    package let configuration: PNDMConfiguration
    package let steps: Int
    let schedule: NoiseSchedule
    let visited: [Int]

    /// The length of one step in training timesteps.
    private let stride: Int
    /// How many evaluations belong to Runge-Kutta steps.
    private let warmUp: Int
    /// The evaluations since the run began.
    private var count = 0
    /// The outputs at the last steps, the newest at the end.
    private var outputs: [Tensor] = []
    /// Where a step that is not finished began.
    private var beginning: Tensor?
    /// The weighted sum of the outputs of a Runge-Kutta step so far.
    private var sum: Tensor?

    /// A run of `steps` steps, 1 (with Runge-Kutta steps 4) to the number of training timesteps.
    package init(_ configuration: PNDMConfiguration, steps: Int) throws(DiffusionError) {
        guard configuration.allowedSteps.contains(steps) else {
            throw .invalidSteps(found: steps, expected: configuration.allowedSteps)
        }
        let falling = try configuration.noise.timesteps(steps: steps)
        self.configuration = configuration
        self.steps = steps
        schedule = configuration.noise.schedule
        stride = configuration.noise.trainTimesteps / steps
        if configuration.skipsRungeKutta {
            visited = Array(falling.prefix(2)) + falling.dropFirst()
            warmUp = 0
        } else {
            // Three steps over four timesteps, each with its beginning, twice its middle, and its end.
            let half = stride / 2
            let quarters = (0..<3).flatMap { (step: Int) -> [Int] in
                let (begin, end) = (falling[step], falling[step + 1])
                return [begin, end + half, end + half, end]
            }
            visited = quarters + falling.dropFirst(3)
            warmUp = quarters.count
        }
    }

    package mutating func step(
        _ output: Tensor,
        at index: Int,
        sample: Tensor,
        noise: NoiseSource
    ) -> DenoisingStep {
        let output = output.to(.float32)
        let original = predictedOriginal(
            output,
            configuration.noise.prediction,
            sample: sample,
            alphaBar: schedule.alphaBars[visited[index]]
        )
        let next =
            count < warmUp
            ? rungeKutta(output, at: visited[index], sample: sample)
            : multistep(output, at: visited[index], sample: sample)
        count += 1
        return DenoisingStep(sample: next, original: original)
    }

    /// One of the four evaluations of a Runge-Kutta step; all of them start from its beginning.
    private mutating func rungeKutta(_ output: Tensor, at timestep: Int, sample: Tensor) -> Tensor {
        let phase = count % 4
        let start = visited[count - phase]
        let end = timestep - (phase.isMultiple(of: 2) ? stride / 2 : 0)
        if phase == 0 {
            outputs.append(output)
            beginning = sample
        }
        let weighted = output * (phase == 0 || phase == 3 ? 1.0 / 6 : 1.0 / 3)
        let total = sum.map { $0 + weighted } ?? weighted
        sum = phase == 3 ? nil : total
        return moved(beginning ?? sample, from: start, to: end, output: phase == 3 ? total : output)
    }

    private mutating func multistep(_ output: Tensor, at timestep: Int, sample: Tensor) -> Tensor {
        if count == 1 {
            let mean = (output + outputs[0]) / 2
            return moved(beginning ?? sample, from: timestep + stride, to: timestep, output: mean)
        }
        if count == 0 {
            beginning = sample
        }
        outputs = outputs.suffix(3) + [output]
        let mean =
            switch outputs.count {
            case 1: output
            case 2: combined([3, -1]) / 2
            case 3: combined([23, -16, 5]) / 12
            default: combined([55, -59, 37, -9]) * (1.0 / 24)
            }
        return moved(sample, from: timestep, to: timestep - stride, output: mean)
    }

    /// The sum of the last outputs with weights, that of the newest first.
    private func combined(_ weights: [Double]) -> Tensor {
        zip(weights.dropFirst(), outputs.reversed().dropFirst())
            .reduce(outputs[outputs.count - 1] * weights[0]) { $0 + $1.1 * $1.0 }
    }

    /// The transfer from one timestep to an earlier one.
    ///
    /// Source: Liu et al. 2022, equation 11.
    private func moved(_ sample: Tensor, from timestep: Int, to previous: Int, output: Tensor) -> Tensor {
        let alphaBar = schedule.alphaBars[min(timestep, schedule.count - 1)]
        let alphaBarPrevious =
            previous >= 0 ? schedule.alphaBars[previous] : configuration.endsAtOne ? 1 : schedule.alphaBars[0]
        let (betaBar, betaBarPrevious) = (1 - alphaBar, 1 - alphaBarPrevious)
        let epsilon =
            configuration.noise.prediction == .velocity
            ? output * Double(alphaBar.squareRoot()) + sample * Double(betaBar.squareRoot()) : output
        let denominator =
            alphaBar * betaBarPrevious.squareRoot() + (alphaBar * betaBar * alphaBarPrevious).squareRoot()
        return sample * Double((alphaBarPrevious / alphaBar).squareRoot())
            - epsilon * Double(alphaBarPrevious - alphaBar) / Double(denominator)
    }
}
