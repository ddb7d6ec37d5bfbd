package import LienzoTorch

/// A sampler whose samples are `x_0 + sigma noise`: their variance grows with the noise, and the network sees them
/// scaled back.
///
/// Source: Karras et al. 2022, "Elucidating the Design Space of Diffusion-Based Generative Models", table 1; diffusers'
/// `scheduling_euler_discrete.py`.
protocol VarianceExplodingSampler: Sampler {
    /// The sigma at each evaluation, and after them 0 or the smallest one.
    var sigmas: [Float] { get }

    /// How the timesteps are spread, which decides how a run begins.
    var spacing: TimestepSpacing { get }
}

extension VarianceExplodingSampler {
    /// The largest sigma; where the last training timestep is left out, the deviation of data and noise together.
    package var initialNoiseScale: Double {
        let maximum = sigmas.max() ?? 1
        return Double(spacing == .leading ? (maximum * maximum + 1).squareRoot() : maximum)
    }

    package func input(_ sample: Tensor, at index: Int) -> Tensor { scaled(sample, sigma: sigmas[index]) }

    package func addNoise(to clean: Tensor, noise: Tensor, at index: Int) -> Tensor {
        clean + noise * Double(sigmas[index])
    }

    /// A sample at `sigma`, scaled to variance 1 for data of variance 1.
    func scaled(_ sample: Tensor, sigma: Float) -> Tensor { sample / Double((sigma * sigma + 1).squareRoot()) }
}

/// The clean sample that a network's output stands for, where `sample` is `x_0 + sigma noise`.
func predictedOriginal(_ output: Tensor, _ prediction: PredictionType, sample: Tensor, sigma: Float) -> Tensor {
    let variance = sigma * sigma + 1
    return switch prediction {
    case .epsilon: sample - output * Double(sigma)
    case .sample: output
    case .velocity: output * Double(-sigma / variance.squareRoot()) + sample / Double(variance)
    }
}
