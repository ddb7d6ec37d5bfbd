package import Foundation

/// A `scheduler_config.json` of the reference, told apart by `_class_name`.
package enum SchedulerConfiguration: Sendable, Equatable {
    /// `UnCLIPScheduler`
    case unCLIP(UnCLIPConfiguration)
    /// `DDIMScheduler`
    case ddim(DDIMConfiguration)
    /// `DDPMScheduler`
    case ddpm(DDPMConfiguration)
    /// `PNDMScheduler`
    case pndm(PNDMConfiguration)
    /// `EulerDiscreteScheduler`
    case euler(EulerConfiguration)
    /// `EulerAncestralDiscreteScheduler`
    case eulerAncestral(EulerAncestralConfiguration)
    /// `HeunDiscreteScheduler`
    case heun(HeunConfiguration)
    /// `DPMSolverMultistepScheduler`
    case dpmSolver(DPMSolverConfiguration)
    /// `DPMSolverSDEScheduler`
    case dpmSolverSDE(DPMSolverSDEConfiguration)
    /// `UniPCMultistepScheduler`
    case uniPC(UniPCConfiguration)
    /// `LCMScheduler`
    case lcm(LCMConfiguration)

    /// The names of the reference's classes.
    package static let classNames = classes.map { $0.type.className }

    /// The name of the reference's class.
    package var className: String { type(of: own).className }

    /// The noise of every training timestep.
    package var schedule: NoiseSchedule { own.schedule }

    /// What the network outputs.
    package var prediction: PredictionType { own.prediction }

    /// Whether the network's output has a second half of channels that stands for the variance.
    package var readsVariance: Bool { own.readsVariance }

    /// The numbers of steps that a run may have.
    package var allowedSteps: ClosedRange<Int> { own.allowedSteps }

    /// A sampler for a run of `steps` steps.
    package func sampler(steps: Int) throws(DiffusionError) -> any Sampler { try own.sampler(steps: steps) }

    /// The configuration of whichever class it is.
    private var own: any SamplerConfiguration {
        switch self {
        case .unCLIP(let configuration): configuration
        case .ddim(let configuration): configuration
        case .ddpm(let configuration): configuration
        case .pndm(let configuration): configuration
        case .euler(let configuration): configuration
        case .eulerAncestral(let configuration): configuration
        case .heun(let configuration): configuration
        case .dpmSolver(let configuration): configuration
        case .dpmSolverSDE(let configuration): configuration
        case .uniPC(let configuration): configuration
        case .lcm(let configuration): configuration
        }
    }

    /// Every class, and how it is read.
    private static let classes: [Class] = [
        Class(UnCLIPConfiguration.self, Self.unCLIP),
        Class(DDIMConfiguration.self, Self.ddim),
        Class(DDPMConfiguration.self, Self.ddpm),
        Class(PNDMConfiguration.self, Self.pndm),
        Class(EulerConfiguration.self, Self.euler),
        Class(EulerAncestralConfiguration.self, Self.eulerAncestral),
        Class(HeunConfiguration.self, Self.heun),
        Class(DPMSolverConfiguration.self, Self.dpmSolver),
        Class(DPMSolverSDEConfiguration.self, Self.dpmSolverSDE),
        Class(UniPCConfiguration.self, Self.uniPC),
        Class(LCMConfiguration.self, Self.lcm),
    ]

    private struct Class: Sendable {
        let type: any SamplerConfiguration.Type
        let read: @Sendable (any Decoder) throws -> SchedulerConfiguration

        init<Own: SamplerConfiguration>(
            _ type: Own.Type,
            _ wrap: @escaping @Sendable (Own) -> SchedulerConfiguration
        ) {
            self.type = type
            read = { wrap(try Own(from: $0)) }
        }
    }
}

extension SchedulerConfiguration: Codable, DecodableWithConfiguration {
    private enum CodingKeys: String, CodingKey {
        case className = "_class_name"
    }

    /// Reads the reference's keys; an absent one has the reference's default.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let name = try values.decode(String.self, forKey: .className)
        guard let known = Self.classes.first(where: { $0.type.className == name }) else {
            throw DiffusionError.unsupportedScheduler(name)
        }
        self = try known.read(decoder)
    }

    /// Reads the keys that a chosen scheduler knows, whatever `_class_name` says.
    package init(from decoder: any Decoder, configuration choice: SchedulerChoice) throws {
        self = try choice.configuration(from: decoder)
    }

    /// Writes the reference's keys.
    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(className, forKey: .className)
        try own.encode(to: encoder)
    }

    /// Reads the bytes of a `scheduler_config.json`.
    ///
    /// - Returns: the configuration, and the keys that it does not know, sorted. Keys that begin with an underscore
    ///   are the reference's own book-keeping and are never among them.
    package static func read(
        _ json: Data
    ) throws(DiffusionError) -> (configuration: SchedulerConfiguration, unknownKeys: [String]) {
        try decoding { decoder throws in
            let configuration = try decoder.decode(Self.self, from: json)
            let keys = try decoder.decode(TopLevelKeys.self, from: json).names
            let unknown = keys.filter { !$0.hasPrefix("_") && !type(of: configuration.own).keys.contains($0) }
            return (configuration, unknown.sorted())
        }
    }

    /// Reads the bytes of a `scheduler_config.json` for another scheduler than its own: the keys that both know are
    /// taken over, the others have the reference's defaults.
    ///
    /// Source: diffusers' `ConfigMixin.from_config`.
    package static func read(
        _ json: Data,
        as choice: SchedulerChoice
    ) throws(DiffusionError) -> SchedulerConfiguration {
        try decoding { decoder throws in try decoder.decode(Self.self, from: json, configuration: choice) }
    }

    private static func decoding<Result>(
        _ body: (JSONDecoder) throws -> Result
    ) throws(DiffusionError) -> Result {
        let decoder = JSONDecoder()
        // The reference writes an infinite number as Infinity, which JSON has no word for.
        decoder.allowsJSON5 = true
        do {
            return try body(decoder)
        } catch let error as DiffusionError {
            throw error
        } catch let error as DecodingError {
            throw .unreadableConfiguration(reason: error.sentence)
        } catch {
            throw .unreadableConfiguration(reason: "\(error)")
        }
    }

    /// The bytes of a `scheduler_config.json` that the reference reads.
    package func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return try encoder.encode(self)
    }
}

/// The names at the top level of a JSON object.
private struct TopLevelKeys: Decodable {
    let names: [String]

    private struct Name: CodingKey {
        let stringValue: String
        let intValue: Int? = nil
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        names = try decoder.container(keyedBy: Name.self).allKeys.map(\.stringValue)
    }
}

extension DecodingError {
    /// Where and why, without Foundation's debugging text.
    fileprivate var sentence: String {
        func place(_ context: Context) -> String {
            context.codingPath.isEmpty
                ? "it" : "\"\(context.codingPath.map(\.stringValue).joined(separator: "."))\""
        }
        return switch self {
        case .keyNotFound(let key, _): "\"\(key.stringValue)\" is missing"
        case .typeMismatch(let type, let context): "\(place(context)) is not of type \(type)"
        case .valueNotFound(let type, let context): "\(place(context)) is null where \(type) was expected"
        case .dataCorrupted(let context) where context.codingPath.isEmpty: "it is not valid JSON"
        case .dataCorrupted(let context): "\(place(context)) has a value that is not supported"
        @unknown default: "\(self)"
        }
    }
}
