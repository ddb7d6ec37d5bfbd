import Foundation
package import LienzoTorch

/// DPM++ SDE: the stochastic equation in two halves, so two evaluations for each step but the last, with the noise of
/// one Brownian motion over all sigmas.
///
/// The motion's seed is the configuration's, or is drawn from the run's generators at the first evaluation, each sample
/// with a motion of its own where it has a generator of its own. The reference draws it from torch's global generator.
///
/// Source: Crowson's k-diffusion, `sample_dpmpp_sde`; diffusers' `DPMSolverSDEScheduler`
/// (`scheduling_dpmsolver_sde.py`).
package struct DPMSolverSDESampler: VarianceExplodingSampler {
    package let steps: Int
    package let timesteps: [Double]
    package var evaluationsPerStep: Int { 2 }
    let sigmas: [Float]
    let spacing: TimestepSpacing
    private let prediction: PredictionType
    private let seed: UInt64?
    /// Where the step began.
    private var beginning: Tensor?
    /// The motions of the run: one for the whole batch, or one for each sample of it.
    private var motions: [BrownianTree] = []

    /// A run of `steps` steps, 1 to the number of training timesteps.
    package init(_ configuration: DPMSolverSDEConfiguration, steps: Int) throws(DiffusionError) {
        let curve = SigmaCurve(configuration.noise.schedule)
        let visited = try configuration.noise.interpolatedTimesteps(steps: steps)
        let run = SigmaSchedule(curve, at: visited, spacing: configuration.sigmas)
        let times = run.exact.map { -log($0) }
        let middles = zip(times, times.dropFirst()).map { curve.timestep(of: exp(-($0 + ($1 - $0) * 0.5))) }
        self.steps = steps
        timesteps = run.timesteps.prefix(1) + zip(middles, run.timesteps.dropFirst()).flatMap { [$0, $1] }
        sigmas = run.twiceEvaluated
        spacing = configuration.noise.spacing
        prediction = configuration.noise.prediction
        seed = configuration.noiseSeed
    }

    package func input(_ sample: Tensor, at index: Int) -> Tensor {
        scaled(sample, sigma: index.isMultiple(of: 2) ? sigmas[index] : Times(sigmas[index - 1], sigmas[index]).middle)
    }

    package mutating func step(
        _ output: Tensor,
        at index: Int,
        sample: Tensor,
        noise: NoiseSource
    ) -> DenoisingStep {
        let isFirst = index.isMultiple(of: 2)
        let (sigma, next) = isFirst ? (sigmas[index], sigmas[index + 1]) : (sigmas[index - 1], sigmas[index])
        let times = Times(sigma, next)
        let original = predictedOriginal(
            output.to(.float32),
            prediction,
            sample: sample,
            sigma: isFirst ? sigma : times.middle
        )
        guard next > 0 else {
            let derivative = (sample - original) / Double(sigma)
            return DenoisingStep(sample: sample + derivative * Double(next - sigma), original: original)
        }
        let start = isFirst ? sample : beginning ?? sample
        beginning = isFirst ? sample : nil

        let (from, to) = (times.first, isFirst ? times.middle : times.last)
        let (up, down) = ancestralSigmas(from: from, to: to)
        let time = -Times.log(down)
        let mean =
            start * Double(Times.exp(-time) / from) - original * Double(expm1(times.start - time))
        let drawn = increment(from: from, to: to, sample: sample, noise: noise)
        return DenoisingStep(sample: mean + drawn * Double(up), original: original)
    }

    /// Standard normal noise: the motion's increment over the square root of the time.
    private mutating func increment(from: Float, to: Float, sample: Tensor, noise: NoiseSource) -> Tensor {
        if motions.isEmpty {
            let seeds = seed.map { [$0] } ?? noise.seeds()
            let shape = seeds.count == 1 ? sample.shape : [1] + sample.shape.dropFirst()
            let (first, last) = (sigmas.lazy.filter { $0 > 0 }.min() ?? 0, sigmas.max() ?? 1)
            motions = seeds.map { BrownianTree(from: Double(first), to: Double(last), seed: $0, shape: shape) }
        }
        let increments = motions.map { -$0.increment(from: Double(to), to: Double(from)) }
        return Tensor.cat(increments, dim: 0).to(sample.device) / Double(abs(to - from).squareRoot())
    }

    /// Both sigmas of a step and the one between, by way of the time `-log(sigma)`.
    ///
    /// A Brownian motion at two times a millionth apart differs by a thousandth, so the last bit counts, and logarithm
    /// and exponential are libtorch's.
    private struct Times {
        let start: Float
        let first: Float
        let middle: Float
        let last: Float

        init(_ sigma: Float, _ next: Float) {
            start = -Self.log(sigma)
            let end = -Self.log(next)
            first = Self.exp(-start)
            middle = Self.exp(-(start + (end - start) * 0.5))
            last = Self.exp(-end)
        }

        static func log(_ value: Float) -> Float { Tensor([value], shape: []).log().floats()[0] }
        static func exp(_ value: Float) -> Float { Tensor([value], shape: []).exp().floats()[0] }
    }
}
