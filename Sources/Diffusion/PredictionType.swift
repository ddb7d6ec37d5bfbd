/// What the network is trained to output, given the noisy sample `x_t = sqrt(alphaBar) x_0 + sqrt(1 - alphaBar) noise`.
///
/// Source: Ho et al. 2020 (epsilon), Ramesh et al. 2022, section 2.2 (sample), Salimans and Ho 2022, section 4
/// (velocity); diffusers' `prediction_type`.
package enum PredictionType: String, Sendable, Codable, CaseIterable {
    /// The noise.
    case epsilon
    /// The clean sample `x_0`.
    case sample
    /// The velocity `sqrt(alphaBar) noise - sqrt(1 - alphaBar) x_0`.
    case velocity = "v_prediction"
}

/// How the steps of a run are spread over the training timesteps.
///
/// Source: Lin et al. 2024, "Common Diffusion Noise Schedules and Sample Steps are Flawed", table 2; diffusers'
/// `timestep_spacing`.
package enum TimestepSpacing: String, Sendable, Codable, CaseIterable {
    /// Equal steps that end at timestep 0 (plus the offset): the last training timestep is never visited.
    case leading
    /// Equal steps that begin at the last training timestep.
    case trailing
    /// Both ends are visited.
    case linspace
}

/// The variance of the noise that an ancestral step adds.
///
/// The reference also names `fixed_large_log`, but takes the square root of that logarithm, which is not a number.
///
/// Source: Ho et al. 2020, section 3.2 (fixed), Nichol and Dhariwal 2021, section 3.1 (learned); diffusers'
/// `variance_type`.
package enum VarianceType: String, Sendable, Codable, CaseIterable {
    /// The posterior's variance, the lower bound.
    case fixedSmall = "fixed_small"
    /// The same, by way of its logarithm.
    case fixedSmallLog = "fixed_small_log"
    /// Beta, the upper bound.
    case fixedLarge = "fixed_large"
    /// The network outputs the variance in a second half of its channels.
    case learned
    /// The network outputs, in a second half of its channels, where between both bounds the logarithm lies (-1 to 1).
    case learnedRange = "learned_range"

    /// Whether the network has twice the sample's channels.
    var isLearned: Bool { self == .learned || self == .learnedRange }
}
