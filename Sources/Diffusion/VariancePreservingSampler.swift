package import LienzoTorch

/// A sampler whose samples are `sqrt(alphaBar) x_0 + sqrt(1 - alphaBar) noise` at whole training timesteps: their
/// variance stays that of the data.
///
/// Source: Song et al. 2021, "Score-Based Generative Modeling through Stochastic Differential Equations", section 3.4.
protocol VariancePreservingSampler: Sampler {
    /// The noise of every training timestep.
    var schedule: NoiseSchedule { get }

    /// The training timesteps at which the network is evaluated.
    var visited: [Int] { get }
}

extension VariancePreservingSampler {
    package var timesteps: [Double] { visited.map(Double.init) }

    package func addNoise(to clean: Tensor, noise: Tensor, at index: Int) -> Tensor {
        let alphaBar = schedule.alphaBars[visited[index]]
        return clean * Double(alphaBar.squareRoot()) + noise * Double((1 - alphaBar).squareRoot())
    }
}
