package import LienzoTorch

/// Implicit sampling: deterministic with `eta` 0, as noisy as DDPM with `eta` 1.
///
/// Source: Song et al. 2021, equations 12 and 16; diffusers' `DDIMScheduler` (`scheduling_ddim.py`).
package struct DDIMSampler: VariancePreservingSampler {
    /// The configuration that the sampler was built from.
    package let configuration: DDIMConfiguration
    /// The noise of every training timestep.
    package let schedule: NoiseSchedule
    package let steps: Int
    let visited: [Int]
    /// How much noise each step adds, 0 (none) to 1 (that of DDPM).
    package let eta: Double
    /// Whether the direction is derived anew from the clipped clean sample, as GLIDE does.
    package let rederivesNoise: Bool

    /// The length of one step in training timesteps.
    private let stride: Int

    /// A run of `steps` steps.
    ///
    /// - Parameters:
    ///   - configuration: the noise and the prediction.
    ///   - steps: 1 to the number of training timesteps.
    ///   - eta: how much noise each step adds, 0 to 1; none is drawn at 0.
    ///   - rederivesNoise: diffusers' `use_clipped_model_output`.
    /// - Throws: ``DiffusionError`` for a number of steps or an `eta` out of range.
    package init(
        _ configuration: DDIMConfiguration,
        steps: Int,
        eta: Double = 0,
        rederivesNoise: Bool = false
    ) throws(DiffusionError) {
        guard (0...1).contains(eta) else {
            throw .invalidValue(key: "eta", found: "\(eta)", expected: "a number from 0 to 1")
        }
        self.configuration = configuration
        self.eta = eta
        self.rederivesNoise = rederivesNoise
        self.steps = steps
        schedule = configuration.noise.schedule
        visited = try configuration.noise.timesteps(steps: steps)
        stride = configuration.noise.trainTimesteps / steps
    }

    package func step(_ output: Tensor, at index: Int, sample: Tensor, noise: NoiseSource) -> DenoisingStep {
        let output = output.to(.float32)
        let alphaBar = schedule.alphaBars[visited[index]]
        let alphaBarPrevious = alphaBarPrevious(at: index)
        let signal = Double(alphaBar.squareRoot())
        let betaRoot = Double((1 - alphaBar).squareRoot())

        let prediction = configuration.noise.prediction
        let original = configuration.noise.clipping(
            predictedOriginal(output, prediction, sample: sample, alphaBar: alphaBar)
        )
        let epsilon: Tensor =
            switch prediction {
            case _ where rederivesNoise: (sample - original * signal) / betaRoot
            case .epsilon: output
            case .sample: (sample - output * signal) / betaRoot
            case .velocity: output * signal + sample * betaRoot
            }

        let variance = (1 - alphaBarPrevious) / (1 - alphaBar) * (1 - alphaBar / alphaBarPrevious)
        let deviation = Float(eta) * variance.squareRoot()
        let direction = Double(max(1 - alphaBarPrevious - deviation * deviation, 0).squareRoot())
        let mean = original * Double(alphaBarPrevious.squareRoot()) + epsilon * direction
        guard eta > 0 else { return DenoisingStep(sample: mean, original: original) }
        let added = noise.draw(sample.shape, device: sample.device) * Double(deviation)
        return DenoisingStep(sample: mean + added, original: original)
    }

    /// The share of signal one stride before; below timestep 0, that of clean data or of timestep 0, as configured.
    private func alphaBarPrevious(at index: Int) -> Float {
        let previous = visited[index] - stride
        return previous >= 0 ? schedule.alphaBars[previous] : configuration.endsAtOne ? 1 : schedule.alphaBars[0]
    }
}
