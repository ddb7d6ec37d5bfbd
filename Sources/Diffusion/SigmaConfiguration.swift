/// How the schedulers that work with sigmas spread them over a run, and where the run ends.
package struct SigmaConfiguration: Sendable, Equatable {
    /// The sigma that a run ends in.
    package enum End: String, Sendable, Codable {
        /// Clean data.
        case zero
        /// The noise of the first training timestep.
        case minimum = "sigma_min"
    }

    /// How the sigmas are spread.
    package var spacing = SigmaSpacing.timesteps
    /// The smallest sigma where they are spread in another way than the timesteps; above 0.
    package var minimum: Double?
    /// The largest sigma where they are spread in another way than the timesteps; above ``minimum``.
    package var maximum: Double?
    /// The sigma after the last step.
    package var end = End.zero

    /// The reference's defaults.
    package init() {}

    /// The same with both ends of a curve where no other smallest and largest sigma is given.
    func spanning(_ curve: SigmaCurve) -> SigmaConfiguration {
        var configuration = self
        configuration.minimum = minimum ?? curve.sigmas.first.map { Double($0) }
        configuration.maximum = maximum ?? curve.sigmas.last.map { Double($0) }
        return configuration
    }
}

extension SigmaConfiguration {
    enum CodingKeys: String, CodingKey, CaseIterable {
        case karras = "use_karras_sigmas"
        case exponential = "use_exponential_sigmas"
        case beta = "use_beta_sigmas"
        case lu = "use_lu_lambdas"
        case minimum = "sigma_min"
        case maximum = "sigma_max"
        case end = "final_sigmas_type"
    }

    /// The keys of every scheduler that works with sigmas and can spread them.
    static let commonKeys: Set<CodingKeys> = [.karras, .exponential, .beta]

    private static let spacings: [(key: CodingKeys, spacing: SigmaSpacing)] = [
        (.karras, .karras), (.exponential, .exponential), (.beta, .beta), (.lu, .lu),
    ]

    /// Reads some of the reference's keys; an absent one has the reference's default.
    mutating func read(_ keys: Set<CodingKeys>, from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let asked = try Self.spacings.filter { keys.contains($0.key) }
            .filter { try values.decodeIfPresent(Bool.self, forKey: $0.key) ?? false }
        guard asked.count <= 1 else { throw DiffusionError.contradiction(keys: asked.map(\.key.rawValue)) }
        spacing = asked.first?.spacing ?? .timesteps
        if keys.contains(.minimum) {
            minimum = try values.decodeIfPresent(Double.self, forKey: .minimum)
            maximum = try values.decodeIfPresent(Double.self, forKey: .maximum)
        }
        if keys.contains(.end) {
            try values.update(&end, .end)
        }
        try require((minimum ?? 1) > 0, "sigma_min", minimum ?? 0, "a positive number")
        try require((maximum ?? .infinity) > (minimum ?? 0), "sigma_max", maximum ?? 0, "a number above sigma_min")
    }

    /// Writes some of the reference's keys.
    func write(_ keys: Set<CodingKeys>, to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        for (key, spacing) in Self.spacings where keys.contains(key) {
            try values.encode(self.spacing == spacing, forKey: key)
        }
        if keys.contains(.minimum) {
            try values.encodeIfPresent(minimum, forKey: .minimum)
            try values.encodeIfPresent(maximum, forKey: .maximum)
        }
        if keys.contains(.end) {
            try values.encode(end, forKey: .end)
        }
    }
}
