/// The numbers of a training run.
///
/// Written into the run directory; a resumed run must have the same.
package struct TrainingPlan: Encodable, Sendable, Equatable {
    /// How many optimiser steps the whole run has.
    package var steps: Int
    /// Samples in a step, of all processes together.
    package var batch: Int
    package var learningRate: Double
    package var warmUp: Int
    /// What is left of the learning rate at the end, 0…1.
    package var rateFloor: Double
    package var weightDecay: Double
    package var beta2: Double
    /// What AdamW adds to its denominator.
    package var epsilon: Double
    /// Gradients are scaled down together to at most this norm; by 0 they stay as they are.
    package var clipNorm: Double
    /// The decay of the exponential moving average of the weights; with 0 there is none.
    package var averageDecay: Double
    /// All of a run's randomness comes from this and the number of the step.
    package var seed: UInt64

    package init(
        steps: Int,
        batch: Int,
        learningRate: Double,
        warmUp: Int = 100,
        rateFloor: Double = 0.01,
        weightDecay: Double = 0.01,
        beta2: Double = 0.99,
        epsilon: Double = 1e-8,
        clipNorm: Double = 1,
        averageDecay: Double = 0.999,
        seed: UInt64 = 0
    ) {
        self.steps = steps
        self.batch = batch
        self.learningRate = learningRate
        self.warmUp = warmUp
        self.rateFloor = rateFloor
        self.weightDecay = weightDecay
        self.beta2 = beta2
        self.epsilon = epsilon
        self.clipNorm = clipNorm
        self.averageDecay = averageDecay
        self.seed = seed
    }
}

extension TrainingPlan: Decodable {
    /// Reads a plan; what plans of earlier versions do not say is what it was for them.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func number(_ key: CodingKeys) throws -> Double { try values.decode(Double.self, forKey: key) }
        self.init(
            steps: try values.decode(Int.self, forKey: .steps),
            batch: try values.decode(Int.self, forKey: .batch),
            learningRate: try number(.learningRate),
            warmUp: try values.decode(Int.self, forKey: .warmUp),
            rateFloor: try values.decodeIfPresent(Double.self, forKey: .rateFloor) ?? 0.01,
            weightDecay: try number(.weightDecay),
            beta2: try number(.beta2),
            epsilon: try values.decodeIfPresent(Double.self, forKey: .epsilon) ?? 1e-8,
            clipNorm: try number(.clipNorm),
            averageDecay: try number(.averageDecay),
            seed: try values.decode(UInt64.self, forKey: .seed)
        )
    }
}

extension TrainingPlan {
    /// The numbers that are not those of another plan, a few words each.
    func differences(from other: TrainingPlan) -> [String] {
        func numbers(_ plan: TrainingPlan) -> [String: String] {
            Dictionary(uniqueKeysWithValues: Mirror(reflecting: plan).children.map { ($0.label ?? "", "\($0.value)") })
        }
        return Difference.all(from: numbers(other), to: numbers(self))
    }
}

/// What two runs have differently, in words.
enum Difference {
    /// A value that is longer, such as a digest or a whole configuration, is not shown.
    private static let shown = 60

    /// A few words for each name whose values are not the same: `steps was 100 and is 200`.
    static func all(from old: [String: String], to new: [String: String]) -> [String] {
        Set(old.keys).union(new.keys).sorted().compactMap { name in
            switch (old[name], new[name]) {
            case (let was, let now) where was == now: nil
            case (let was?, let now?) where max(was.count, now.count) <= shown: "\(name) was \(was) and is \(now)"
            case (_?, _?): "\(name) has changed"
            case (_, nil): "\(name) is gone"
            case (nil, _): "\(name) is new"
            }
        }
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
