/// The numbers of a training run.
///
/// Written into the run directory; a resumed run must have the same.
package struct TrainingPlan: Codable, Sendable, Equatable {
    /// How many optimiser steps the whole run has.
    package var steps: Int
    /// Samples in a step.
    package var batch: Int
    package var learningRate: Double
    package var warmUp: Int
    package var weightDecay: Double
    package var beta2: Double
    /// Gradients are scaled down together to at most this norm.
    package var clipNorm: Double
    /// The decay of the exponential moving average of the weights.
    package var averageDecay: Double
    /// All of a run's randomness comes from this and the number of the step.
    package var seed: UInt64

    package init(
        steps: Int,
        batch: Int,
        learningRate: Double,
        warmUp: Int = 100,
        weightDecay: Double = 0.01,
        beta2: Double = 0.99,
        clipNorm: Double = 1,
        averageDecay: Double = 0.999,
        seed: UInt64 = 0
    ) {
        self.steps = steps
        self.batch = batch
        self.learningRate = learningRate
        self.warmUp = warmUp
        self.weightDecay = weightDecay
        self.beta2 = beta2
        self.clipNorm = clipNorm
        self.averageDecay = averageDecay
        self.seed = seed
    }
}

/// Numbers that look random and are a pure function of a seed and a position, so that a run that is stopped and
/// resumed draws what it would have drawn.
package enum SeedSequence {
    /// A seed for position `index` of stream `stream`.
    ///
    /// Source: the finaliser of SplitMix64 (Steele et al. 2014), applied to each of the three numbers in turn.
    package static func seed(_ seed: UInt64, stream: UInt64, index: Int) -> UInt64 {
        [seed, stream, UInt64(bitPattern: Int64(index))].reduce(0) { mix($0 ^ $1) }
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
