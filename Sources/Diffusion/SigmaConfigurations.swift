/// The configuration of `EulerDiscreteScheduler`.
///
/// Source: diffusers' `scheduling_euler_discrete.py`.
package struct EulerConfiguration: NoiseConfigured {
    /// How the sigmas between the training timesteps are found.
    package enum Interpolation: String, Sendable, Codable {
        /// On straight lines between the training timesteps' own.
        case linear
        /// Equally spaced in the logarithm from the largest to the smallest.
        case logarithmic = "log_linear"
    }

    /// What the network is told of the place in the schedule.
    package enum TimestepType: String, Sendable, Codable {
        /// The training timestep.
        case discrete
        /// A quarter of the logarithm of sigma, where the network predicts the velocity.
        case continuous
    }

    package static let className = "EulerDiscreteScheduler"
    static let noiseKeys = NoiseConfiguration.commonKeys.union([.zeroTerminal])
    private static let sigmaKeys = SigmaConfiguration.commonKeys.union([.minimum, .maximum, .end])
    static let ownKeys = names(of: sigmaKeys).union(names(of: OwnKeys.allCases))

    /// The noise, the prediction and the timesteps.
    package var noise = NoiseConfiguration(spacing: .linspace)
    /// How the sigmas are spread, and where they end.
    package var sigmas = SigmaConfiguration()
    /// How the sigmas between the training timesteps are found.
    package var interpolation = Interpolation.linear
    /// What the network is told of the place in the schedule.
    package var timestepType = TimestepType.discrete

    /// The reference's defaults.
    package init() {}

    package func sampler(steps: Int) throws(DiffusionError) -> any Sampler { try EulerSampler(self, steps: steps) }

    private enum OwnKeys: String, CodingKey, CaseIterable {
        case interpolation = "interpolation_type"
        case timestepType = "timestep_type"
    }

    mutating func readOwn(from decoder: any Decoder) throws {
        try sigmas.read(Self.sigmaKeys, from: decoder)
        let values = try decoder.container(keyedBy: OwnKeys.self)
        try values.update(&interpolation, .interpolation)
        try values.update(&timestepType, .timestepType)
    }

    func writeOwn(to encoder: any Encoder) throws {
        try sigmas.write(Self.sigmaKeys, to: encoder)
        var values = encoder.container(keyedBy: OwnKeys.self)
        try values.encode(interpolation, forKey: .interpolation)
        try values.encode(timestepType, forKey: .timestepType)
    }
}

/// The configuration of `EulerAncestralDiscreteScheduler`.
///
/// Source: diffusers' `scheduling_euler_ancestral_discrete.py`.
package struct EulerAncestralConfiguration: NoiseConfigured {
    package static let className = "EulerAncestralDiscreteScheduler"
    static let noiseKeys = NoiseConfiguration.commonKeys.union([.zeroTerminal])
    static let ownKeys: Set<String> = []

    /// The noise, the prediction and the timesteps.
    package var noise = NoiseConfiguration(spacing: .linspace)

    /// The reference's defaults.
    package init() {}

    package func sampler(steps: Int) throws(DiffusionError) -> any Sampler {
        try EulerAncestralSampler(self, steps: steps)
    }

    mutating func readOwn(from decoder: any Decoder) throws {
        try noise.checkPrediction(oneOf: [.epsilon, .velocity])
    }

    func writeOwn(to encoder: any Encoder) throws {}
}

/// The configuration of `HeunDiscreteScheduler`.
///
/// Source: diffusers' `scheduling_heun_discrete.py`.
package struct HeunConfiguration: NoiseConfigured {
    package static let className = "HeunDiscreteScheduler"
    static let noiseKeys = NoiseConfiguration.commonKeys.union(NoiseConfiguration.clippingKeys)
    private static let sigmaKeys = SigmaConfiguration.commonKeys
    static let ownKeys = names(of: sigmaKeys)

    /// The noise, the prediction and the timesteps.
    package var noise = NoiseConfiguration(spacing: .linspace, latent: true)
    /// How the sigmas are spread.
    package var sigmas = SigmaConfiguration()

    /// The reference's defaults.
    package init() {}

    package func sampler(steps: Int) throws(DiffusionError) -> any Sampler { try HeunSampler(self, steps: steps) }

    mutating func readOwn(from decoder: any Decoder) throws { try sigmas.read(Self.sigmaKeys, from: decoder) }

    func writeOwn(to encoder: any Encoder) throws { try sigmas.write(Self.sigmaKeys, to: encoder) }
}

/// The configuration of `DPMSolverSDEScheduler`.
///
/// Source: diffusers' `scheduling_dpmsolver_sde.py`.
package struct DPMSolverSDEConfiguration: NoiseConfigured {
    package static let className = "DPMSolverSDEScheduler"
    static let noiseKeys = NoiseConfiguration.commonKeys
    private static let sigmaKeys = SigmaConfiguration.commonKeys
    static let ownKeys = names(of: sigmaKeys).union(names(of: OwnKeys.allCases))

    /// The noise, the prediction and the timesteps.
    package var noise = NoiseConfiguration(spacing: .linspace, latent: true)
    /// How the sigmas are spread.
    package var sigmas = SigmaConfiguration()
    /// The seed of the Brownian motion; drawn for each run where there is none.
    package var noiseSeed: UInt64?

    /// The reference's defaults.
    package init() {}

    package func sampler(steps: Int) throws(DiffusionError) -> any Sampler {
        try DPMSolverSDESampler(self, steps: steps)
    }

    private enum OwnKeys: String, CodingKey, CaseIterable {
        case noiseSeed = "noise_sampler_seed"
    }

    mutating func readOwn(from decoder: any Decoder) throws {
        try sigmas.read(Self.sigmaKeys, from: decoder)
        let seed = try decoder.container(keyedBy: OwnKeys.self).decodeIfPresent(Int.self, forKey: .noiseSeed)
        try require((seed ?? 0) >= 0, OwnKeys.noiseSeed.rawValue, seed ?? 0, "a whole number of at least 0")
        noiseSeed = seed.map { UInt64($0) }
        try noise.checkPrediction(oneOf: [.epsilon, .velocity])
    }

    func writeOwn(to encoder: any Encoder) throws {
        try sigmas.write(Self.sigmaKeys, to: encoder)
        var values = encoder.container(keyedBy: OwnKeys.self)
        try values.encodeIfPresent(noiseSeed, forKey: .noiseSeed)
    }
}
