/// What `DDIMScheduler` and `DDPMScheduler` have in common: the noise, what the network predicts, and the timesteps.
package struct NoiseConfiguration: Sendable, Equatable {
    /// The number of timesteps that the network was trained on.
    package var trainTimesteps = 1000
    /// The shape of the betas.
    package var curve = BetaCurve.linear
    /// The first beta, between 0 and 1, where the curve has one.
    package var betaStart = 0.0001
    /// The last beta, at least the first and below 1, where the curve has one.
    package var betaEnd = 0.02
    /// The betas themselves, one for each timestep, in place of a curve.
    package var betas: [Float]?
    /// Whether the betas are rescaled so that the last timestep is pure noise.
    package var zeroTerminal = false
    /// What the network outputs.
    package var prediction = PredictionType.epsilon
    /// Whether a predicted clean sample is cut off at ``clipRange``.
    package var clips = true
    /// The magnitude at which a clean sample is cut off.
    package var clipRange = 1.0
    /// Whether clean samples are thresholded dynamically; this goes before ``clips``.
    package var thresholds = false
    /// The quantile of dynamic thresholding, 0 to 1.
    package var thresholdRatio = 0.995
    /// The largest bound of dynamic thresholding, at least 1.
    package var thresholdMaximum = 1.0
    /// How the steps of a run are spread over the timesteps.
    package var spacing = TimestepSpacing.leading
    /// What is added to every timestep of leading spacing.
    package var stepsOffset = 0

    /// The reference's defaults.
    package init() {}

    /// The schedule that this configuration describes.
    var schedule: NoiseSchedule {
        if let betas {
            NoiseSchedule(betas: betas, zeroTerminal: zeroTerminal)
        } else {
            NoiseSchedule(
                curve,
                count: trainTimesteps,
                start: betaStart,
                end: betaEnd,
                zeroTerminal: zeroTerminal
            )
        }
    }

    var clipping: Clipping {
        if thresholds {
            .dynamic(ratio: thresholdRatio, maximum: thresholdMaximum)
        } else if clips {
            .range(clipRange)
        } else {
            .none
        }
    }

    /// The timesteps of a run of `steps` steps, falling.
    func timesteps(steps: Int) throws(DiffusionError) -> [Int] {
        guard (1...trainTimesteps).contains(steps) else {
            throw .invalidSteps(found: steps, expected: 1...trainTimesteps)
        }
        let timesteps = Timesteps.spaced(spacing, steps: steps, over: trainTimesteps, offset: stepsOffset)
        if let first = timesteps.first, first >= trainTimesteps {
            throw .invalidValue(
                key: "steps_offset",
                found: "\(stepsOffset)",
                expected: "an offset that keeps \(steps) steps below timestep \(trainTimesteps)"
            )
        }
        return timesteps
    }

    func check() throws(DiffusionError) {
        try requireTrainTimesteps(trainTimesteps)
        try require(betaStart > 0 && betaStart < 1, "beta_start", betaStart, "a number between 0 and 1")
        try require(betaEnd >= betaStart && betaEnd < 1, "beta_end", betaEnd, "a number from beta_start to below 1")
        try require(clipRange > 0, "clip_sample_range", clipRange, "a positive number")
        try require((0...1).contains(thresholdRatio), "dynamic_thresholding_ratio", thresholdRatio, "0 to 1")
        try require(thresholdMaximum >= 1, "sample_max_value", thresholdMaximum, "a number of at least 1")
        try require((0..<trainTimesteps).contains(stepsOffset), "steps_offset", stepsOffset, "a timestep")
        if let betas {
            try require(
                betas.count == trainTimesteps,
                "trained_betas",
                "\(betas.count) numbers",
                "one for each of \(trainTimesteps) timesteps"
            )
            try require(
                betas.allSatisfy { $0 > 0 && $0 < 1 },
                "trained_betas",
                "out of range",
                "numbers between 0 and 1"
            )
        }
    }
}

extension NoiseConfiguration: Codable {
    enum CodingKeys: String, CodingKey, CaseIterable {
        case trainTimesteps = "num_train_timesteps"
        case curve = "beta_schedule"
        case betaStart = "beta_start"
        case betaEnd = "beta_end"
        case betas = "trained_betas"
        case zeroTerminal = "rescale_betas_zero_snr"
        case prediction = "prediction_type"
        case clips = "clip_sample"
        case clipRange = "clip_sample_range"
        case thresholds = "thresholding"
        case thresholdRatio = "dynamic_thresholding_ratio"
        case thresholdMaximum = "sample_max_value"
        case spacing = "timestep_spacing"
        case stepsOffset = "steps_offset"
    }

    /// Reads the reference's keys; an absent one has the reference's default.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        try values.update(&trainTimesteps, .trainTimesteps)
        try values.update(&curve, .curve)
        try values.update(&betaStart, .betaStart)
        try values.update(&betaEnd, .betaEnd)
        betas = try values.decodeIfPresent([Float].self, forKey: .betas)
        try values.update(&zeroTerminal, .zeroTerminal)
        try values.update(&prediction, .prediction)
        try values.update(&clips, .clips)
        try values.update(&clipRange, .clipRange)
        try values.update(&thresholds, .thresholds)
        try values.update(&thresholdRatio, .thresholdRatio)
        try values.update(&thresholdMaximum, .thresholdMaximum)
        try values.update(&spacing, .spacing)
        try values.update(&stepsOffset, .stepsOffset)
        try check()
    }
}

extension KeyedDecodingContainer {
    /// Leaves the default where the key is absent or null.
    func update<Value: Decodable>(_ value: inout Value, _ key: Key) throws {
        value = try decodeIfPresent(Value.self, forKey: key) ?? value
    }
}

func require(
    _ condition: Bool,
    _ key: String,
    _ found: @autoclosure () -> Any,
    _ expected: String
) throws(DiffusionError) {
    guard condition else { throw .invalidValue(key: key, found: "\(found())", expected: expected) }
}

/// The bound keeps a hostile file from asking for a schedule that does not fit into memory.
func requireTrainTimesteps(_ count: Int) throws(DiffusionError) {
    try require((1...100_000).contains(count), "num_train_timesteps", count, "1 to 100000")
}
