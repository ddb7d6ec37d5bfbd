package import LienzoTorch

/// The sampler of unCLIP, Karlo and Kandinsky's priors: ancestral steps whose betas are computed anew over the
/// timesteps that the run skips.
///
/// Source: Ramesh et al. 2022; diffusers' `UnCLIPScheduler` (`scheduling_unclip.py`).
package struct UnCLIPSampler: VariancePreservingSampler {
    /// The configuration that the sampler was built from.
    package let configuration: UnCLIPConfiguration
    /// The noise of every training timestep.
    package let schedule: NoiseSchedule
    package let steps: Int
    let visited: [Int]
    package var readsVariance: Bool { configuration.varianceType.isLearned }

    /// A run of `steps` steps, 2 to the number of training timesteps; both ends of the schedule are visited.
    package init(_ configuration: UnCLIPConfiguration, steps: Int) throws(DiffusionError) {
        let allowed = 2...configuration.trainTimesteps
        guard allowed.contains(steps) else { throw .invalidSteps(found: steps, expected: allowed) }
        self.configuration = configuration
        self.steps = steps
        schedule = configuration.schedule
        visited = Timesteps.rounded(steps: steps, last: configuration.trainTimesteps - 1)
    }

    package func step(_ output: Tensor, at index: Int, sample: Tensor, noise: NoiseSource) -> DenoisingStep {
        var output = output.to(.float32)
        var variance: Tensor?
        if readsVariance {
            (output, variance) = splitVariance(output, channels: sample.size(1))
        }
        let timestep = visited[index]
        let posterior = posterior(at: index)
        let original = configuration.clipping(
            predictedOriginal(output, configuration.prediction, sample: sample, alphaBar: posterior.alphaBar)
        )
        let mean = posterior.mean(original: original, sample: sample)
        guard timestep > 0 else { return DenoisingStep(sample: mean, original: original) }
        let drawn = noise.draw(sample.shape, device: sample.device)
        let added =
            if let variance {
                posterior.learnedDeviation(variance, minimum: posterior.variance) * drawn
            } else {
                drawn * Double(max(posterior.variance, 1e-20).squareRoot())
            }
        return DenoisingStep(sample: mean + added, original: original)
    }

    /// Between neighbouring timesteps the schedule's own beta, otherwise the beta of the whole stretch.
    private func posterior(at index: Int) -> Posterior {
        let timestep = visited[index]
        let previous = index + 1 < visited.count ? visited[index + 1] : timestep - 1
        let alphaBar = schedule.alphaBars[timestep]
        let alphaBarPrevious = previous >= 0 ? schedule.alphaBars[previous] : 1
        let beta = previous == timestep - 1 ? schedule.betas[timestep] : 1 - alphaBar / alphaBarPrevious
        return Posterior(alphaBar: alphaBar, alphaBarPrevious: alphaBarPrevious, alpha: 1 - beta, beta: beta)
    }
}
