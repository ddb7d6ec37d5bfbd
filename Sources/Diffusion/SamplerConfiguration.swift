/// The configuration of one of the reference's scheduler classes.
package protocol SamplerConfiguration: Sendable, Equatable, Codable {
    /// The name of the reference's class.
    static var className: String { get }
    /// The keys of `scheduler_config.json` that the class knows.
    static var keys: Set<String> { get }

    /// The reference's defaults.
    init()

    /// The noise of every training timestep.
    var schedule: NoiseSchedule { get }
    /// What the network outputs.
    var prediction: PredictionType { get }
    /// Whether the network's output has a second half of channels that stands for the variance.
    var readsVariance: Bool { get }
    /// The numbers of steps that a run may have.
    var allowedSteps: ClosedRange<Int> { get }

    /// A sampler for a run of `steps` steps.
    func sampler(steps: Int) throws(DiffusionError) -> any Sampler
}

/// A configuration that keeps its noise in the common form.
protocol NoiseConfigured: SamplerConfiguration {
    /// The keys of the common form that the class knows.
    static var noiseKeys: Set<NoiseConfiguration.CodingKeys> { get }
    /// Its other keys.
    static var ownKeys: Set<String> { get }

    var noise: NoiseConfiguration { get set }

    /// Reads the other keys, and checks what only this class asks for.
    mutating func readOwn(from decoder: any Decoder) throws
    /// Writes the other keys.
    func writeOwn(to encoder: any Encoder) throws
}

extension NoiseConfigured {
    package static var keys: Set<String> { names(of: noiseKeys).union(ownKeys) }

    package var schedule: NoiseSchedule { noise.schedule }
    package var prediction: PredictionType { noise.prediction }
    package var readsVariance: Bool { false }
    package var allowedSteps: ClosedRange<Int> { 1...noise.trainTimesteps }

    /// Reads the reference's keys; an absent one has the reference's default.
    package init(from decoder: any Decoder) throws {
        self.init()
        try noise.read(Self.noiseKeys, from: decoder)
        try readOwn(from: decoder)
    }

    /// Writes the reference's keys.
    package func encode(to encoder: any Encoder) throws {
        try noise.write(Self.noiseKeys, to: encoder)
        try writeOwn(to: encoder)
    }
}

/// The keys as they are written in a file.
func names(of keys: some Sequence<some RawRepresentable<String>>) -> Set<String> { Set(keys.map(\.rawValue)) }
