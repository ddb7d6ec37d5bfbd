package import LienzoTorch

/// A run of a sampler as a sequence: every element is one evaluation of the network done, and leaving the loop ends the
/// run.
///
/// ```swift
/// let start = noise.draw(shape) * sampler.initialNoiseScale
/// for step in DenoisingSequence(sampler, from: start, noise: noise, predict: { network($0, $1) }) {
///     show(step.original)
/// }
/// ```
///
/// A picture is changed from the middle of the run on, and inpainting puts the known part back after every step:
///
/// ```swift
/// let begin = try sampler.begin(strength: 0.6)
/// let start = sampler.addNoise(to: clean, noise: drawn, at: begin)
/// var run = DenoisingSequence(sampler, from: start, at: begin, noise: noise, predict: { network($0, $1) })
/// while let step = run.next() {
///     run.sample = mask * step.sample + (1 - mask) * run.noisy(clean, noise: drawn)
/// }
/// ```
package struct DenoisingSequence: Sequence, IteratorProtocol {
    /// The sample as the next evaluation sees it, not scaled, `[batch, channels, …]`; at the end the result.
    ///
    /// It may be replaced between two evaluations.
    package var sample: Tensor
    /// The place of the next evaluation in the sampler's timesteps.
    package private(set) var index: Int

    private var sampler: any Sampler
    private let noise: NoiseSource
    private let predict: (_ input: Tensor, _ index: Int) -> Tensor

    /// A run from one of its evaluations on.
    ///
    /// - Parameters:
    ///   - sampler: the update rule and the timesteps, as made for this run.
    ///   - sample: at index 0 standard normal noise times the sampler's `initialNoiseScale`, drawn before any other
    ///     noise of the run; elsewhere a clean sample through the sampler's `addNoise`; `[batch, channels, …]`.
    ///   - index: the first evaluation; 0, or what the sampler's `begin(strength:)` gives.
    ///   - noise: where the noise of the steps comes from.
    ///   - predict: the network with its guidance: scaled input and timestep to output.
    package init(
        _ sampler: any Sampler,
        from sample: Tensor,
        at index: Int = 0,
        noise: NoiseSource,
        predict: @escaping (_ input: Tensor, _ timestep: Double) -> Tensor
    ) {
        let timesteps = sampler.timesteps
        self.init(sampler, predictingAt: { predict($0, timesteps[$1]) }, from: sample, at: index, noise: noise)
    }

    /// A run whose network works otherwise in some of the evaluations: it is told the place of each in the sampler's
    /// timesteps, and else all is as in ``init(_:from:at:noise:predict:)``.
    package init(
        _ sampler: any Sampler,
        predictingAt predict: @escaping (_ input: Tensor, _ index: Int) -> Tensor,
        from sample: Tensor,
        at index: Int = 0,
        noise: NoiseSource
    ) {
        self.sampler = sampler
        self.sample = sample
        self.index = index
        self.noise = noise
        self.predict = predict
    }

    package mutating func next() -> DenoisingStep? {
        guard index < sampler.timesteps.count else { return nil }
        let output = predict(sampler.input(sample, at: index), index)
        let step = sampler.step(output, at: index, sample: sample, noise: noise)
        sample = step.sample
        index += 1
        return step
    }

    /// A clean sample with as much noise as ``sample`` has now; after the last evaluation the clean sample itself.
    ///
    /// - Parameters:
    ///   - clean: `[batch, channels, …]`.
    ///   - noise: standard normal, in the shape of `clean`.
    /// - Returns: the shape of `clean`.
    package func noisy(_ clean: Tensor, noise: Tensor) -> Tensor {
        index < sampler.timesteps.count ? sampler.addNoise(to: clean, noise: noise, at: index) : clean
    }
}
