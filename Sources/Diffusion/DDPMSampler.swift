package import LienzoTorch

/// Ancestral sampling over any subset of the training timesteps.
///
/// Source: Ho et al. 2020, algorithm 2; diffusers' `DDPMScheduler` (`scheduling_ddpm.py`).
package struct DDPMSampler: VariancePreservingSampler {
    /// The configuration that the sampler was built from.
    package let configuration: DDPMConfiguration
    /// The noise of every training timestep.
    package let schedule: NoiseSchedule
    package let steps: Int
    let visited: [Int]
    package var readsVariance: Bool { configuration.varianceType.isLearned }

    /// A run of `steps` steps, 1 to the number of training timesteps.
    package init(_ configuration: DDPMConfiguration, steps: Int) throws(DiffusionError) {
        self.configuration = configuration
        self.steps = steps
        schedule = configuration.noise.schedule
        visited = try configuration.noise.timesteps(steps: steps)
    }

    package func step(_ output: Tensor, at index: Int, sample: Tensor, noise: NoiseSource) -> DenoisingStep {
        var output = output.to(.float32)
        var variance: Tensor?
        if readsVariance {
            (output, variance) = splitVariance(output, channels: sample.size(1))
        }
        let posterior = posterior(at: index)
        let original = configuration.noise.clipping(
            predictedOriginal(output, configuration.noise.prediction, sample: sample, alphaBar: posterior.alphaBar)
        )
        let mean = posterior.mean(original: original, sample: sample)
        guard visited[index] > 0 else { return DenoisingStep(sample: mean, original: original) }
        let drawn = noise.draw(sample.shape, device: sample.device)
        let added: Tensor =
            switch (configuration.varianceType, variance) {
            case (.learned, let variance?): variance.sqrt() * drawn
            case (.learnedRange, let variance?):
                posterior.learnedDeviation(variance, minimum: max(posterior.variance, 1e-20)) * drawn
            case (.fixedLarge, _): drawn * Double(posterior.beta.squareRoot())
            default: drawn * Double(max(posterior.variance, 1e-20).squareRoot())
            }
        return DenoisingStep(sample: mean + added, original: original)
    }

    private func posterior(at index: Int) -> Posterior {
        let alphaBar = schedule.alphaBars[visited[index]]
        let alphaBarPrevious = index + 1 < visited.count ? schedule.alphaBars[visited[index + 1]] : 1
        let alpha = alphaBar / alphaBarPrevious
        return Posterior(alphaBar: alphaBar, alphaBarPrevious: alphaBarPrevious, alpha: alpha, beta: 1 - alpha)
    }
}
