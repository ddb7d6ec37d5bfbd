import LienzoDiffusion
import LienzoTorch

/// The loss of diffusion that the prior and the decoder are trained with: how far what the network makes of a noisy
/// sample is from what its schedule asks for, as a mean square over all numbers and a random timestep for each sample.
///
/// Source: Ho et al. 2020, equation 14; with other targets Salimans & Ho 2022, section 4.
struct DenoisingLoss {
    let scheduler: SchedulerConfiguration

    /// - Parameters:
    ///   - clean: `[batch, …]`, float32.
    ///   - choices: draws the timesteps.
    ///   - generator: draws the noise.
    ///   - predict: the network: noisy samples in the shape of `clean` and their timesteps `[batch]` to what the
    ///     schedule's prediction type names.
    /// - Returns: a scalar.
    func callAsFunction(
        clean: Tensor,
        using choices: inout some RandomNumberGenerator,
        generator: Generator,
        predict: (_ noisy: Tensor, _ timesteps: Tensor) -> Tensor
    ) -> Tensor {
        let schedule = scheduler.schedule
        let timesteps = schedule.spreadTimesteps(clean.size(0), using: &choices)
        let noise = Tensor.randn(clean.shape, generator: generator, device: clean.device)
        let made = predict(
            schedule.addNoise(to: clean, noise: noise, timesteps: timesteps),
            Tensor(timesteps.map(Int64.init), device: clean.device)
        )
        let target = schedule.target(scheduler.prediction, clean: clean, noise: noise, timesteps: timesteps)
        return (made - target).square().mean()
    }
}
