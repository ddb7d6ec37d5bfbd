package import LienzoTorch

/// Heun's method on the probability flow: the mean of the slopes at both ends of a step, so two evaluations each but
/// for the last.
///
/// Source: Karras et al. 2022, algorithm 1; diffusers' `HeunDiscreteScheduler` (`scheduling_heun_discrete.py`).
package struct HeunSampler: VarianceExplodingSampler {
    package let steps: Int
    package let timesteps: [Double]
    package var evaluationsPerStep: Int { 2 }
    let sigmas: [Float]
    let spacing: TimestepSpacing
    private let prediction: PredictionType
    private let clipping: Clipping
    /// Where the step began, and its slope there.
    private var beginning: (sample: Tensor, derivative: Tensor)?

    /// A run of `steps` steps, 1 to the number of training timesteps.
    package init(_ configuration: HeunConfiguration, steps: Int) throws(DiffusionError) {
        let visited = try configuration.noise.interpolatedTimesteps(steps: steps).map { Double(Float($0)) }
        let run = SigmaSchedule(
            SigmaCurve(configuration.noise.schedule),
            at: visited,
            spacing: configuration.sigmas
        )
        self.steps = steps
        timesteps = run.timesteps.prefix(1) + run.timesteps.dropFirst().flatMap { [$0, $0] }.map { Double(Float($0)) }
        sigmas = run.twiceEvaluated
        spacing = configuration.noise.spacing
        prediction = configuration.noise.prediction
        clipping = configuration.noise.clipping
    }

    package mutating func step(
        _ output: Tensor,
        at index: Int,
        sample: Tensor,
        noise: NoiseSource
    ) -> DenoisingStep {
        let sigma = sigmas[index]
        let original = clipping(predictedOriginal(output.to(.float32), prediction, sample: sample, sigma: sigma))
        let derivative = (sample - original) / Double(sigma)
        if index.isMultiple(of: 2) {
            beginning = (sample, derivative)
            return DenoisingStep(sample: sample + derivative * Double(sigmas[index + 1] - sigma), original: original)
        }
        let start = beginning ?? (sample, derivative)
        let mean = (start.derivative + derivative) / 2
        return DenoisingStep(sample: start.sample + mean * Double(sigma - sigmas[index - 1]), original: original)
    }
}
