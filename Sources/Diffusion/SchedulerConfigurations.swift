/// The configuration of `UnCLIPScheduler`, whose betas are always those of a squared cosine.
///
/// Source: diffusers' `scheduling_unclip.py`.
package struct UnCLIPConfiguration: Sendable, Equatable {
    /// The number of timesteps that the network was trained on.
    package var trainTimesteps = 1000
    /// Fixed, or in a second half of the network's channels.
    package var varianceType = VarianceType.fixedSmallLog
    /// Whether a predicted clean sample is cut off at ``clipRange``.
    package var clips = true
    /// The magnitude at which a clean sample is cut off.
    package var clipRange = 1.0
    /// Noise or clean sample.
    package var prediction = PredictionType.epsilon

    /// The reference's defaults.
    package init() {}

    package var schedule: NoiseSchedule { NoiseSchedule(.squaredCosine, count: trainTimesteps, start: 0, end: 1) }

    var clipping: Clipping { clips ? .range(clipRange) : .none }
}

extension UnCLIPConfiguration: SamplerConfiguration {
    package static let className = "UnCLIPScheduler"
    package static var keys: Set<String> { names(of: CodingKeys.allCases) }
    package var readsVariance: Bool { varianceType.isLearned }
    package var allowedSteps: ClosedRange<Int> { 2...trainTimesteps }

    package func sampler(steps: Int) throws(DiffusionError) -> any Sampler { try UnCLIPSampler(self, steps: steps) }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case trainTimesteps = "num_train_timesteps"
        case varianceType = "variance_type"
        case clips = "clip_sample"
        case clipRange = "clip_sample_range"
        case prediction = "prediction_type"
        case curve = "beta_schedule"
    }

    /// Reads the reference's keys; an absent one has the reference's default.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        try values.update(&trainTimesteps, .trainTimesteps)
        try values.update(&varianceType, .varianceType)
        try values.update(&clips, .clips)
        try values.update(&clipRange, .clipRange)
        try values.update(&prediction, .prediction)
        let curve = try values.decodeIfPresent(BetaCurve.self, forKey: .curve) ?? .squaredCosine

        try requireTrainTimesteps(trainTimesteps)
        try require(trainTimesteps >= 2, "num_train_timesteps", trainTimesteps, "at least 2")
        try require(clipRange > 0, "clip_sample_range", clipRange, "a positive number")
        try require(curve == .squaredCosine, "beta_schedule", curve.rawValue, "squaredcos_cap_v2")
        try require(prediction != .velocity, "prediction_type", prediction.rawValue, "epsilon or sample")
        try require(
            [.fixedSmallLog, .learnedRange].contains(varianceType),
            "variance_type",
            varianceType.rawValue,
            "fixed_small_log or learned_range"
        )
    }

    /// Writes the reference's keys.
    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(trainTimesteps, forKey: .trainTimesteps)
        try values.encode(varianceType, forKey: .varianceType)
        try values.encode(clips, forKey: .clips)
        try values.encode(clipRange, forKey: .clipRange)
        try values.encode(prediction, forKey: .prediction)
        try values.encode(BetaCurve.squaredCosine, forKey: .curve)
    }
}

/// The configuration of `DDIMScheduler`.
///
/// Source: diffusers' `scheduling_ddim.py`.
package struct DDIMConfiguration: NoiseConfigured {
    package static let className = "DDIMScheduler"
    static let noiseKeys = Set(NoiseConfiguration.CodingKeys.allCases)
    static let ownKeys = names(of: OwnKeys.allCases)

    /// The noise, the prediction and the timesteps.
    package var noise = NoiseConfiguration()
    /// Whether the step below timestep 0 ends in clean data, or in the noise of timestep 0.
    package var endsAtOne = true

    /// The reference's defaults.
    package init() {}

    package func sampler(steps: Int) throws(DiffusionError) -> any Sampler { try DDIMSampler(self, steps: steps) }

    private enum OwnKeys: String, CodingKey, CaseIterable {
        case endsAtOne = "set_alpha_to_one"
    }

    mutating func readOwn(from decoder: any Decoder) throws {
        try decoder.container(keyedBy: OwnKeys.self).update(&endsAtOne, .endsAtOne)
    }

    func writeOwn(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: OwnKeys.self)
        try values.encode(endsAtOne, forKey: .endsAtOne)
    }
}

/// The configuration of `DDPMScheduler`.
///
/// Source: diffusers' `scheduling_ddpm.py`.
package struct DDPMConfiguration: NoiseConfigured {
    package static let className = "DDPMScheduler"
    static let noiseKeys = Set(NoiseConfiguration.CodingKeys.allCases)
    static let ownKeys = names(of: OwnKeys.allCases)

    /// The noise, the prediction and the timesteps.
    package var noise = NoiseConfiguration()
    /// The variance of the noise that each step adds.
    package var varianceType = VarianceType.fixedSmall

    /// The reference's defaults.
    package init() {}

    package var readsVariance: Bool { varianceType.isLearned }

    package func sampler(steps: Int) throws(DiffusionError) -> any Sampler { try DDPMSampler(self, steps: steps) }

    private enum OwnKeys: String, CodingKey, CaseIterable {
        case varianceType = "variance_type"
    }

    mutating func readOwn(from decoder: any Decoder) throws {
        try decoder.container(keyedBy: OwnKeys.self).update(&varianceType, .varianceType)
    }

    func writeOwn(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: OwnKeys.self)
        try values.encode(varianceType, forKey: .varianceType)
    }
}

/// The configuration of `PNDMScheduler`.
///
/// Source: diffusers' `scheduling_pndm.py`.
package struct PNDMConfiguration: NoiseConfigured {
    package static let className = "PNDMScheduler"
    static let noiseKeys = NoiseConfiguration.commonKeys
    static let ownKeys = names(of: OwnKeys.allCases)

    /// The noise, the prediction and the timesteps.
    package var noise = NoiseConfiguration(spacing: .leading)
    /// Whether the run begins with steps of a lower order rather than with those of Runge and Kutta.
    package var skipsRungeKutta = false
    /// Whether the step below timestep 0 ends in clean data, or in the noise of timestep 0.
    package var endsAtOne = false

    /// The reference's defaults.
    package init() {}

    package var allowedSteps: ClosedRange<Int> { (skipsRungeKutta ? 1 : 4)...max(noise.trainTimesteps, 4) }

    package func sampler(steps: Int) throws(DiffusionError) -> any Sampler { try PNDMSampler(self, steps: steps) }

    private enum OwnKeys: String, CodingKey, CaseIterable {
        case skipsRungeKutta = "skip_prk_steps"
        case endsAtOne = "set_alpha_to_one"
    }

    mutating func readOwn(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: OwnKeys.self)
        try values.update(&skipsRungeKutta, .skipsRungeKutta)
        try values.update(&endsAtOne, .endsAtOne)
        try noise.checkPrediction(oneOf: [.epsilon, .velocity])
    }

    func writeOwn(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: OwnKeys.self)
        try values.encode(skipsRungeKutta, forKey: .skipsRungeKutta)
        try values.encode(endsAtOne, forKey: .endsAtOne)
    }
}

/// The configuration of `LCMScheduler`.
///
/// Its step after the last timestep never leaves the schedule, so `set_alpha_to_one` changes nothing; nor do
/// `timestep_spacing` and `steps_offset`, for the timesteps are those of the distillation.
///
/// Source: diffusers' `scheduling_lcm.py`.
package struct LCMConfiguration: NoiseConfigured {
    package static let className = "LCMScheduler"
    static let noiseKeys = Set(NoiseConfiguration.CodingKeys.allCases)
    static let ownKeys = names(of: OwnKeys.allCases)

    /// The noise and the prediction.
    package var noise = {
        var noise = NoiseConfiguration(spacing: .leading, latent: true)
        noise.curve = .scaledLinear
        return noise
    }()
    /// The number of steps that the model was distilled with, at most that of training timesteps.
    package var originalSteps = 50
    /// How fast the weight of the sample falls with the timestep.
    package var timestepScaling = 10.0

    /// The reference's defaults.
    package init() {}

    package var allowedSteps: ClosedRange<Int> { 1...originalSteps }

    package func sampler(steps: Int) throws(DiffusionError) -> any Sampler { try LCMSampler(self, steps: steps) }

    private enum OwnKeys: String, CodingKey, CaseIterable {
        case originalSteps = "original_inference_steps"
        case timestepScaling = "timestep_scaling"
        case endsAtOne = "set_alpha_to_one"
    }

    mutating func readOwn(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: OwnKeys.self)
        try values.update(&originalSteps, .originalSteps)
        try values.update(&timestepScaling, .timestepScaling)
        try require(
            (1...noise.trainTimesteps).contains(originalSteps),
            "original_inference_steps",
            originalSteps,
            "1 to the number of training timesteps, \(noise.trainTimesteps)"
        )
        try require(timestepScaling > 0, "timestep_scaling", timestepScaling, "a positive number")
    }

    func writeOwn(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: OwnKeys.self)
        try values.encode(originalSteps, forKey: .originalSteps)
        try values.encode(timestepScaling, forKey: .timestepScaling)
    }
}
