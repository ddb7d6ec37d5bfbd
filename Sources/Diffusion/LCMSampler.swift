package import LienzoTorch

/// The sampler of latent consistency models: at each timestep the network's clean sample, and new noise down to the
/// next timestep.
///
/// Source: Luo et al. 2023, "Latent Consistency Models", algorithm 3; diffusers' `LCMScheduler`
/// (`scheduling_lcm.py`).
package struct LCMSampler: VariancePreservingSampler {
    /// The configuration that the sampler was built from.
    package let configuration: LCMConfiguration
    package let steps: Int
    let schedule: NoiseSchedule
    let visited: [Int]

    /// A run of `steps` steps, 1 to the number that the model was distilled with.
    package init(_ configuration: LCMConfiguration, steps: Int) throws(DiffusionError) {
        guard configuration.allowedSteps.contains(steps) else {
            throw .invalidSteps(found: steps, expected: configuration.allowedSteps)
        }
        let originalSteps = configuration.originalSteps
        let ratio = configuration.noise.trainTimesteps / originalSteps
        let part = Double(originalSteps) / Double(steps)
        self.configuration = configuration
        self.steps = steps
        schedule = configuration.noise.schedule
        visited = (0..<steps).map { (originalSteps - Int(Double($0) * part)) * ratio - 1 }
    }

    package func step(_ output: Tensor, at index: Int, sample: Tensor, noise: NoiseSource) -> DenoisingStep {
        let timestep = visited[index]
        let predicted = configuration.noise.clipping(
            predictedOriginal(
                output.to(.float32),
                configuration.noise.prediction,
                sample: sample,
                alphaBar: schedule.alphaBars[timestep]
            )
        )
        let (skip, out) = boundaryWeights(timestep)
        let original = predicted * Double(out) + sample * Double(skip)
        guard index + 1 < visited.count else { return DenoisingStep(sample: original, original: original) }
        let drawn = noise.draw(sample.shape, device: sample.device)
        return DenoisingStep(sample: addNoise(to: original, noise: drawn, at: index + 1), original: original)
    }

    /// The weights of the sample and of the prediction, which make the result the sample itself at timestep 0.
    ///
    /// Source: Song et al. 2023, "Consistency Models", appendix C, with data of deviation 0.5.
    private func boundaryWeights(_ timestep: Int) -> (skip: Float, out: Float) {
        let variance: Float = 0.25
        let scaled = Float(timestep) * Float(configuration.timestepScaling)
        let total = scaled * scaled + variance
        return (variance / total, scaled / total.squareRoot())
    }
}
