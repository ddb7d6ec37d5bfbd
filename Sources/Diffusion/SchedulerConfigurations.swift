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

    var schedule: NoiseSchedule { NoiseSchedule(.squaredCosine, count: trainTimesteps, start: 0, end: 1) }

    var clipping: Clipping { clips ? .range(clipRange) : .none }
}

extension UnCLIPConfiguration: Codable {
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
package struct DDIMConfiguration: Sendable, Equatable {
    /// The noise, the prediction and the timesteps.
    package var noise = NoiseConfiguration()
    /// Whether the step below timestep 0 ends in clean data, or in the noise of timestep 0.
    package var endsAtOne = true

    /// The reference's defaults.
    package init() {}
}

extension DDIMConfiguration: Codable {
    enum CodingKeys: String, CodingKey, CaseIterable {
        case endsAtOne = "set_alpha_to_one"
    }

    /// Reads the reference's keys; an absent one has the reference's default.
    package init(from decoder: any Decoder) throws {
        noise = try NoiseConfiguration(from: decoder)
        let values = try decoder.container(keyedBy: CodingKeys.self)
        try values.update(&endsAtOne, .endsAtOne)
    }

    /// Writes the reference's keys.
    package func encode(to encoder: any Encoder) throws {
        try noise.encode(to: encoder)
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(endsAtOne, forKey: .endsAtOne)
    }
}

/// The configuration of `DDPMScheduler`.
///
/// Source: diffusers' `scheduling_ddpm.py`.
package struct DDPMConfiguration: Sendable, Equatable {
    /// The noise, the prediction and the timesteps.
    package var noise = NoiseConfiguration()
    /// The variance of the noise that each step adds.
    package var varianceType = VarianceType.fixedSmall

    /// The reference's defaults.
    package init() {}
}

extension DDPMConfiguration: Codable {
    enum CodingKeys: String, CodingKey, CaseIterable {
        case varianceType = "variance_type"
    }

    /// Reads the reference's keys; an absent one has the reference's default.
    package init(from decoder: any Decoder) throws {
        noise = try NoiseConfiguration(from: decoder)
        let values = try decoder.container(keyedBy: CodingKeys.self)
        try values.update(&varianceType, .varianceType)
    }

    /// Writes the reference's keys.
    package func encode(to encoder: any Encoder) throws {
        try noise.encode(to: encoder)
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(varianceType, forKey: .varianceType)
    }
}
