package import LienzoTorch

extension NoiseSchedule {
    /// A random timestep for each sample of a batch, each equally likely, but spread evenly over the schedule: the loss
    /// of a batch then varies less than with independent ones.
    ///
    /// Source: Kingma et al. 2021, "Variational Diffusion Models", appendix I.1.
    package func spreadTimesteps(_ batch: Int, using generator: inout some RandomNumberGenerator) -> [Int] {
        let offset = Double.random(in: 0..<1, using: &generator)
        return (0..<batch).map { sample in
            min(count - 1, Int((Double(sample) + offset) / Double(batch) * Double(count)))
        }.shuffled(using: &generator)
    }

    /// The noisy sample `x_t` of a clean one: `sqrt(alphaBar) clean + sqrt(1 - alphaBar) noise`.
    ///
    /// - Parameters:
    ///   - clean: `[batch, …]`.
    ///   - noise: standard normal, in the shape of `clean`.
    ///   - timesteps: one for each sample, 0 to `count - 1`.
    /// - Returns: the shape of `clean`.
    ///
    /// Source: Ho et al. 2020, equation 4; diffusers' `add_noise`.
    package func addNoise(to clean: Tensor, noise: Tensor, timesteps: [Int]) -> Tensor {
        clean * signal(timesteps, like: clean) + noise * deviation(timesteps, like: clean)
    }

    /// The velocity `sqrt(alphaBar) noise - sqrt(1 - alphaBar) clean`; parameters as in
    /// ``addNoise(to:noise:timesteps:)``.
    ///
    /// Source: Salimans and Ho 2022, section 4; diffusers' `get_velocity`.
    package func velocity(of clean: Tensor, noise: Tensor, timesteps: [Int]) -> Tensor {
        noise * signal(timesteps, like: clean) - clean * deviation(timesteps, like: clean)
    }

    /// What a network of the given kind should output for ``addNoise(to:noise:timesteps:)``.
    package func target(
        _ prediction: PredictionType,
        clean: Tensor,
        noise: Tensor,
        timesteps: [Int]
    ) -> Tensor {
        switch prediction {
        case .epsilon: noise
        case .sample: clean
        case .velocity: velocity(of: clean, noise: noise, timesteps: timesteps)
        }
    }

    /// The signal-to-noise ratio `alphaBar / (1 - alphaBar)` of each timestep.
    package func signalToNoise(_ timesteps: [Int]) -> [Float] {
        timesteps.map { timestep in
            let ratio = alphaBars[timestep].squareRoot() / (1 - alphaBars[timestep]).squareRoot()
            return ratio * ratio
        }
    }

    /// The weight of each timestep's squared error that caps the signal-to-noise ratio at `gamma`; 5 is usual.
    ///
    /// Source: Hang et al. 2023, "Efficient Diffusion Training via Min-SNR Weighting Strategy", equation 8 and its
    /// forms for noise and velocity.
    package func minSNRWeights(_ prediction: PredictionType, timesteps: [Int], gamma: Float = 5) -> [Float] {
        signalToNoise(timesteps).map { ratio in
            switch prediction {
            case .epsilon: ratio > 0 ? min(ratio, gamma) / ratio : 1
            case .sample: min(ratio, gamma)
            case .velocity: min(ratio, gamma) / (ratio + 1)
            }
        }
    }

    private func signal(_ timesteps: [Int], like tensor: Tensor) -> Tensor {
        column(timesteps.map { alphaBars[$0].squareRoot() }, like: tensor)
    }

    private func deviation(_ timesteps: [Int], like tensor: Tensor) -> Tensor {
        column(timesteps.map { (1 - alphaBars[$0]).squareRoot() }, like: tensor)
    }

    /// One value for each sample, `[batch, 1, …]`.
    private func column(_ values: [Float], like tensor: Tensor) -> Tensor {
        Tensor(values, shape: [values.count] + [Int](repeating: 1, count: tensor.rank - 1))
            .to(tensor.device).to(tensor.dtype)
    }
}
