package import LienzoTorch

/// Euler's method to a sigma below the next one, and noise back up to it.
///
/// Source: Crowson's k-diffusion, `sample_euler_ancestral`; diffusers' `EulerAncestralDiscreteScheduler`
/// (`scheduling_euler_ancestral_discrete.py`).
package struct EulerAncestralSampler: VarianceExplodingSampler {
    package let steps: Int
    package let timesteps: [Double]
    let sigmas: [Float]
    let spacing: TimestepSpacing
    private let prediction: PredictionType

    /// A run of `steps` steps, 1 to the number of training timesteps.
    package init(_ configuration: EulerAncestralConfiguration, steps: Int) throws(DiffusionError) {
        let visited = try configuration.noise.interpolatedTimesteps(steps: steps).map { Double(Float($0)) }
        let run = SigmaSchedule(SigmaCurve(configuration.noise.schedule), at: visited)
        self.steps = steps
        timesteps = run.timesteps
        sigmas = run.sigmas
        spacing = configuration.noise.spacing
        prediction = configuration.noise.prediction
    }

    package func step(_ output: Tensor, at index: Int, sample: Tensor, noise: NoiseSource) -> DenoisingStep {
        let sigma = sigmas[index]
        let (up, down) = ancestralSigmas(from: sigma, to: sigmas[index + 1])
        let original = predictedOriginal(output.to(.float32), prediction, sample: sample, sigma: sigma)
        let derivative = (sample - original) / Double(sigma)
        let drawn = noise.draw(sample.shape, device: sample.device)
        return DenoisingStep(
            sample: sample + derivative * Double(down - sigma) + drawn * Double(up),
            original: original
        )
    }
}

/// A step between two sigmas as one to `down` and noise of deviation `up`, with `up² + down² = to²`.
///
/// Source: k-diffusion's `get_ancestral_step` with eta 1.
func ancestralSigmas(from: Float, to: Float) -> (up: Float, down: Float) {
    let up = min(to, (to * to * (from * from - to * to) / (from * from)).squareRoot())
    return (up, (to * to - up * up).squareRoot())
}
