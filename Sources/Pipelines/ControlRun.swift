import LienzoModels
import LienzoTorch

/// The control networks in a run, each with what it is told.
struct ControlRun {
    /// A network, its hint and the condition.
    struct Member {
        let network: ControlNetModel
        let context: UNetContext
        let hint: ControlHint
    }

    let members: [Member]
    /// Whether the hints count for more than the words.
    let guesses: Bool
    /// Whether the U-Net predicts for a negative prompt, too.
    let isGuided: Bool

    /// What the networks add in a step, or nothing where none of them acts.
    ///
    /// - Parameters:
    ///   - sample: the noisy latents, `[1, channels, height, width]`.
    ///   - timestep: `[1]`.
    ///   - step: how many steps of the run are done.
    ///   - steps: how many it has.
    /// - Returns: what they add together, for the U-Net's whole batch.
    ///
    /// Source: the denoising loop of diffusers' `StableDiffusionControlNetPipeline`.
    func callAsFunction(_ sample: Tensor, _ timestep: Tensor, step: Int, of steps: Int) -> UNetControl? {
        let batch = isGuided && !guesses ? .cat([sample, sample]) : sample
        let added =
            members
            .filter { $0.hint.acts(inStep: step, of: steps) }
            .map { $0.network(batch, timestep, $0.context, scale: $0.hint.scale, guesses: guesses) }
        guard let first = added.first else { return nil }
        let sum = added.dropFirst().reduce(first, +)
        return isGuided && guesses ? sum.behindNothing : sum
    }
}
