package import LienzoTorch

/// An update rule that leads from noise to a sample, one step at a time: a pure function over a noise schedule.
///
/// A sampler knows no network: the caller runs the network at each timestep and gives the output to
/// ``step(_:at:sample:noise:)``, or lets ``DenoisingSequence`` do so.
package protocol Sampler: Sendable {
    /// The training timesteps that the run visits, falling.
    var timesteps: [Int] { get }

    /// Whether the network's output has a second half of channels that this sampler reads as the variance.
    var readsVariance: Bool { get }

    /// One step of the run.
    ///
    /// All arithmetic is float32, whatever the type of the output.
    ///
    /// - Parameters:
    ///   - output: the network's output at `timesteps[index]`, `[batch, channels, …]`, or `[batch, 2 · channels, …]`
    ///     where ``readsVariance`` is true.
    ///   - index: the place in ``timesteps``, 0 at the noisiest.
    ///   - sample: the noisy sample at `timesteps[index]`, `[batch, channels, …]`.
    ///   - noise: drawn from exactly when the reference draws, and as often.
    /// - Returns: the less noisy sample and the clean sample predicted on the way, both float32 in the sample's shape.
    func step(_ output: Tensor, at index: Int, sample: Tensor, noise: NoiseSource) -> DenoisingStep
}

/// What one step of a sampler yields.
package struct DenoisingStep {
    /// The sample at the next timestep, `[batch, channels, …]`; at the last step the result.
    package let sample: Tensor
    /// The clean sample `x_0` as predicted at this step, `[batch, channels, …]`: good for a preview.
    package let original: Tensor
}

/// Where the noise of a run comes from: one generator for the whole batch, or one for each sample of it.
///
/// With one generator each, a sample of a batch is the same as when it is made alone.
///
/// Source: diffusers' `randn_tensor`.
package struct NoiseSource {
    private let generators: [Generator]

    /// One generator draws for the whole batch.
    package init(_ generator: Generator) {
        generators = [generator]
    }

    /// Each sample of the batch has a generator of its own.
    package init(each generators: [Generator]) {
        self.generators = generators
    }

    /// Standard normal float32 noise of a shape `[batch, …]`; where each sample has its own generator, the batch is
    /// that of the generators.
    package func draw(_ shape: [Int], device: Device = .cpu) -> Tensor {
        if generators.count == 1 {
            return Tensor.randn(shape, generator: generators[0]).to(device)
        }
        precondition(generators.count == shape.first, "one generator for each sample of the batch")
        let one = [1] + shape.dropFirst()
        return Tensor.cat(generators.map { Tensor.randn(one, generator: $0) }, dim: 0).to(device)
    }
}

/// A run of a sampler as a sequence: every element is one step done, and leaving the loop ends the run.
///
/// ```swift
/// for step in DenoisingSequence(sampler, from: noise.draw(shape), noise: noise, predict: { network($0, $1) }) {
///     show(step.original)
/// }
/// ```
package struct DenoisingSequence: Sequence, IteratorProtocol {
    private let sampler: any Sampler
    private let noise: NoiseSource
    private let predict: (_ sample: Tensor, _ timestep: Int) -> Tensor
    private var sample: Tensor
    private var index = 0

    /// A run from its first step on.
    ///
    /// - Parameters:
    ///   - sampler: the update rule and the timesteps.
    ///   - sample: standard normal noise, `[batch, channels, …]`, drawn before any other noise of the run.
    ///   - noise: where the noise of the steps comes from.
    ///   - predict: the network with its guidance: noisy sample and timestep to output.
    package init(
        _ sampler: any Sampler,
        from sample: Tensor,
        noise: NoiseSource,
        predict: @escaping (_ sample: Tensor, _ timestep: Int) -> Tensor
    ) {
        self.sampler = sampler
        self.sample = sample
        self.noise = noise
        self.predict = predict
    }

    package mutating func next() -> DenoisingStep? {
        guard index < sampler.timesteps.count else { return nil }
        let output = predict(sample, sampler.timesteps[index])
        let step = sampler.step(output, at: index, sample: sample, noise: noise)
        sample = step.sample
        index += 1
        return step
    }
}
