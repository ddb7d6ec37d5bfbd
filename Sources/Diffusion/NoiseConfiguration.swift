/// What the schedulers have in common: the noise, what the network predicts, and the timesteps.
///
/// Each knows some of the keys, and has defaults of its own.
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

    /// The defaults of `DDIMScheduler` and `DDPMScheduler`.
    package init() {}

    /// The defaults of a scheduler that clips nothing unless asked to.
    ///
    /// - Parameters:
    ///   - spacing: how the steps are spread.
    ///   - latent: whether the betas are those of Stable Diffusion, 0.00085 to 0.012, rather than 0.0001 to 0.02.
    init(spacing: TimestepSpacing, latent: Bool = false) {
        clips = false
        self.spacing = spacing
        if latent {
            (betaStart, betaEnd) = (0.00085, 0.012)
        }
    }

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
        return try inRange(Timesteps.spaced(spacing, steps: steps, over: trainTimesteps, offset: stepsOffset))
    }

    /// The timesteps of a run that may lie between the training timesteps, falling.
    func interpolatedTimesteps(steps: Int) throws(DiffusionError) -> [Double] {
        let whole = try timesteps(steps: steps)
        return spacing == .linspace
            ? Timesteps.linspace(0, Double(trainTimesteps - 1), count: steps).reversed() : whole.map(Double.init)
    }

    /// The timesteps of a multistep solver, falling.
    ///
    /// - Parameters:
    ///   - steps: the number of steps.
    ///   - last: the number of training timesteps that are used.
    ///   - allowed: the numbers of steps that a run may have.
    /// - Returns: whole training timesteps, as the sigmas are read at them.
    /// - Throws: ``DiffusionError`` for a number of steps that is not allowed.
    func multistepTimesteps(
        steps: Int,
        last: Int,
        allowed: ClosedRange<Int>
    ) throws(DiffusionError) -> [Double] {
        guard allowed.contains(steps) else { throw .invalidSteps(found: steps, expected: allowed) }
        return try inRange(
            Timesteps.multistep(spacing, steps: steps, over: trainTimesteps, last: last, offset: stepsOffset)
        )
        .map(Double.init)
    }

    private func inRange(_ timesteps: [Int]) throws(DiffusionError) -> [Int] {
        if let first = timesteps.first, first >= trainTimesteps {
            throw .invalidValue(
                key: "steps_offset",
                found: "\(stepsOffset)",
                expected: "an offset that keeps \(timesteps.count) steps below timestep \(trainTimesteps)"
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

extension NoiseConfiguration {
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

    /// The keys of every scheduler.
    static let commonKeys: Set<CodingKeys> = [
        .trainTimesteps, .curve, .betaStart, .betaEnd, .betas, .prediction, .spacing, .stepsOffset,
    ]
    /// The keys of a scheduler that can clip.
    static let clippingKeys: Set<CodingKeys> = [.clips, .clipRange]
    /// The keys of a scheduler that can threshold.
    static let thresholdKeys: Set<CodingKeys> = [.thresholds, .thresholdRatio, .thresholdMaximum]

    /// Reads some of the reference's keys; an absent one leaves what there is.
    mutating func read(_ keys: Set<CodingKeys>, from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func update<Value: Decodable>(_ value: inout Value, _ key: CodingKeys) throws {
            guard keys.contains(key) else { return }
            try values.update(&value, key)
        }
        try update(&trainTimesteps, .trainTimesteps)
        try update(&curve, .curve)
        try update(&betaStart, .betaStart)
        try update(&betaEnd, .betaEnd)
        betas = try values.decodeIfPresent([Float].self, forKey: .betas)
        try update(&zeroTerminal, .zeroTerminal)
        try update(&prediction, .prediction)
        try update(&clips, .clips)
        try update(&clipRange, .clipRange)
        try update(&thresholds, .thresholds)
        try update(&thresholdRatio, .thresholdRatio)
        try update(&thresholdMaximum, .thresholdMaximum)
        try update(&spacing, .spacing)
        try update(&stepsOffset, .stepsOffset)
        try check()
    }

    /// Writes some of the reference's keys.
    func write(_ keys: Set<CodingKeys>, to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        func write(_ value: some Encodable, _ key: CodingKeys) throws {
            guard keys.contains(key) else { return }
            try values.encode(value, forKey: key)
        }
        try write(trainTimesteps, .trainTimesteps)
        try write(curve, .curve)
        try write(betaStart, .betaStart)
        try write(betaEnd, .betaEnd)
        try write(betas, .betas)
        try write(zeroTerminal, .zeroTerminal)
        try write(prediction, .prediction)
        try write(clips, .clips)
        try write(clipRange, .clipRange)
        try write(thresholds, .thresholds)
        try write(thresholdRatio, .thresholdRatio)
        try write(thresholdMaximum, .thresholdMaximum)
        try write(spacing, .spacing)
        try write(stepsOffset, .stepsOffset)
    }

    /// Refuses a prediction that a scheduler does not know.
    func checkPrediction(oneOf predictions: [PredictionType]) throws(DiffusionError) {
        try require(
            predictions.contains(prediction),
            "prediction_type",
            prediction.rawValue,
            predictions.map(\.rawValue).joined(separator: " or ")
        )
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
