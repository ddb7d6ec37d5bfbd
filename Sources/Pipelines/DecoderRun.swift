package import LienzoDiffusion
package import LienzoTorch

/// The part of a picture that stays while the rest of it is made anew.
package struct KeptPart {
    /// The picture's latents, `[1 or samples, channels, height, width]`.
    let picture: Tensor
    /// Where it stays, 1, and where it is made anew, 0: `[1, 1, height, width]`.
    let keep: Tensor
    /// The noise that the run began with, `[samples, channels, height, width]`.
    let noise: Tensor
}

/// The run of a decoder, which puts what stays of a given picture back after every step.
///
/// Source: diffusers' inpainting pipelines for U-Nets without channels for a mask.
package struct DecoderRun: Sequence, IteratorProtocol {
    private var steps: DenoisingSequence
    private let kept: KeptPart?

    /// A run that keeps a part of a picture, or nothing.
    init(_ steps: DenoisingSequence, keeping kept: KeptPart?) {
        self.steps = steps
        self.kept = kept
    }

    /// The place of the next evaluation in the sampler's timesteps.
    package var index: Int { steps.index }

    package mutating func next() -> DenoisingStep? {
        guard let step = steps.next() else { return nil }
        guard let kept else { return step }
        // With as much noise as the rest of the sample has.
        let known = steps.noisy(kept.picture, noise: kept.noise)
        steps.sample = kept.keep * known + (1 - kept.keep) * step.sample
        return DenoisingStep(sample: steps.sample, original: step.original)
    }
}
