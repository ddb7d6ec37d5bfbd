package import LienzoTorch

/// An update rule that leads from noise to a sample, one evaluation of the network at a time.
///
/// A sampler knows no network. Its ``timesteps`` are the evaluations of a whole run; at each of them the caller runs
/// the network on ``input(_:at:)`` and gives the output to ``step(_:at:sample:noise:)``, or lets ``DenoisingSequence``
/// do so. It is a value: what a multistep rule remembers of earlier evaluations is part of it, so a copy made before
/// the first evaluation is a fresh run.
///
/// A run begins at index 0 with standard normal noise times ``initialNoiseScale``, or at ``begin(strength:)`` with a
/// clean sample through ``addNoise(to:noise:at:)``.
package protocol Sampler {
    /// The number of steps that were asked for.
    var steps: Int { get }

    /// Where the network is evaluated, falling from the last training timestep towards 0: whole numbers for most
    /// samplers, fractions for those that interpolate between training timesteps.
    var timesteps: [Double] { get }

    /// How many evaluations a step takes; the first and the last step may take one less or more.
    ///
    /// Source: diffusers' `order`.
    var evaluationsPerStep: Int { get }

    /// What standard normal noise is multiplied by to begin a run.
    ///
    /// Source: diffusers' `init_noise_sigma`.
    var initialNoiseScale: Double { get }

    /// Whether the network's output has a second half of channels that this sampler reads as the variance.
    var readsVariance: Bool { get }

    /// The network's input at an evaluation: the sample, scaled to the variance that the network was trained on.
    ///
    /// - Parameters:
    ///   - sample: the noisy sample, `[batch, channels, …]`.
    ///   - index: the place in ``timesteps``.
    /// - Returns: the shape of `sample`.
    ///
    /// Source: diffusers' `scale_model_input`.
    func input(_ sample: Tensor, at index: Int) -> Tensor

    /// A clean sample with as much noise as a run has at an evaluation.
    ///
    /// - Parameters:
    ///   - clean: `[batch, channels, …]`.
    ///   - noise: standard normal, in the shape of `clean`.
    ///   - index: the place in ``timesteps``.
    /// - Returns: the shape of `clean`.
    ///
    /// Source: diffusers' `add_noise`.
    func addNoise(to clean: Tensor, noise: Tensor, at index: Int) -> Tensor

    /// One evaluation of the run; they come in the order of ``timesteps``.
    ///
    /// All arithmetic is float32, whatever the type of the output.
    ///
    /// - Parameters:
    ///   - output: the network's output at `timesteps[index]`, `[batch, channels, …]`, or `[batch, 2 · channels, …]`
    ///     where ``readsVariance`` is true.
    ///   - index: the place in ``timesteps``, 0 at the noisiest.
    ///   - sample: the noisy sample, not scaled, `[batch, channels, …]`.
    ///   - noise: drawn from exactly when the reference draws, and as often.
    /// - Returns: the sample for the next evaluation and the clean sample predicted on the way, both float32 in the
    ///   sample's shape.
    mutating func step(_ output: Tensor, at index: Int, sample: Tensor, noise: NoiseSource) -> DenoisingStep
}

/// What one evaluation of a sampler yields.
package struct DenoisingStep {
    /// The sample at the next evaluation, `[batch, channels, …]`; after the last one the result.
    package let sample: Tensor
    /// The clean sample `x_0` as predicted here, `[batch, channels, …]`: good for a preview.
    package let original: Tensor

    /// A step by both of its samples, `[batch, channels, …]` each.
    package init(sample: Tensor, original: Tensor) {
        self.sample = sample
        self.original = original
    }
}

extension Sampler {
    package var evaluationsPerStep: Int { 1 }
    package var initialNoiseScale: Double { 1 }
    package var readsVariance: Bool { false }
    package func input(_ sample: Tensor, at index: Int) -> Tensor { sample }

    /// Where in ``timesteps`` a run begins that changes a given picture.
    ///
    /// - Parameter strength: how much of the run is gone through, above 0 (almost nothing changes) to 1 (all of it).
    /// - Returns: a place in ``timesteps``, 0 for a strength of 1.
    /// - Throws: ``DiffusionError`` for a strength out of range, or one so small that no step is left.
    ///
    /// Source: diffusers' `StableDiffusionImg2ImgPipeline.get_timesteps`.
    package func begin(strength: Double) throws(DiffusionError) -> Int {
        guard strength > 0, strength <= 1 else { throw .invalidStrength(strength) }
        let gone = Int(Double(steps) * strength)
        guard gone > 0 else { throw .noStepLeft(strength: strength, steps: steps) }
        return (steps - gone) * evaluationsPerStep
    }
}
