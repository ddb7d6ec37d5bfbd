import Foundation
package import LienzoTorch

/// Euler's method on the probability flow: one straight line from each sigma to the next.
///
/// Source: Karras et al. 2022, algorithm 1 without its second half; diffusers' `EulerDiscreteScheduler`
/// (`scheduling_euler_discrete.py`) without churn.
package struct EulerSampler: VarianceExplodingSampler {
    package let steps: Int
    package let timesteps: [Double]
    let sigmas: [Float]
    let spacing: TimestepSpacing
    private let prediction: PredictionType

    /// A run of `steps` steps, 1 to the number of training timesteps.
    package init(_ configuration: EulerConfiguration, steps: Int) throws(DiffusionError) {
        let curve = SigmaCurve(configuration.noise.schedule)
        let visited = try configuration.noise.interpolatedTimesteps(steps: steps).map { Double(Float($0)) }
        var run = SigmaSchedule(
            curve,
            at: visited,
            sigmas: configuration.interpolation == .linear ? nil : curve.logarithmic(steps: steps),
            spacing: configuration.sigmas
        )
        if configuration.timestepType == .continuous, configuration.noise.prediction == .velocity {
            run.timesteps = run.sigmas.dropLast().map { Double(0.25 * log($0)) }
        }
        self.steps = steps
        timesteps = run.timesteps.map { Double(Float($0)) }
        sigmas = run.sigmas
        spacing = configuration.noise.spacing
        prediction = configuration.noise.prediction
    }

    package func step(_ output: Tensor, at index: Int, sample: Tensor, noise: NoiseSource) -> DenoisingStep {
        let sigma = sigmas[index]
        let original = predictedOriginal(output.to(.float32), prediction, sample: sample, sigma: sigma)
        let derivative = (sample - original) / Double(sigma)
        return DenoisingStep(sample: sample + derivative * Double(sigmas[index + 1] - sigma), original: original)
    }
}
