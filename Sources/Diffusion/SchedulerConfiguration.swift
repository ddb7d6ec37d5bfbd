package import Foundation

/// A `scheduler_config.json` of the reference, told apart by `_class_name`.
package enum SchedulerConfiguration: Sendable, Equatable {
    /// `UnCLIPScheduler`
    case unCLIP(UnCLIPConfiguration)
    /// `DDIMScheduler`
    case ddim(DDIMConfiguration)
    /// `DDPMScheduler`
    case ddpm(DDPMConfiguration)

    /// The name of the reference's class.
    package var className: String {
        switch self {
        case .unCLIP: "UnCLIPScheduler"
        case .ddim: "DDIMScheduler"
        case .ddpm: "DDPMScheduler"
        }
    }

    /// The noise of every training timestep.
    package var schedule: NoiseSchedule {
        switch self {
        case .unCLIP(let configuration): configuration.schedule
        case .ddim(let configuration): configuration.noise.schedule
        case .ddpm(let configuration): configuration.noise.schedule
        }
    }

    /// What the network outputs.
    package var prediction: PredictionType {
        switch self {
        case .unCLIP(let configuration): configuration.prediction
        case .ddim(let configuration): configuration.noise.prediction
        case .ddpm(let configuration): configuration.noise.prediction
        }
    }

    /// Whether the network's output has a second half of channels that stands for the variance.
    package var readsVariance: Bool {
        switch self {
        case .unCLIP(let configuration): configuration.varianceType.isLearned
        case .ddim: false
        case .ddpm(let configuration): configuration.varianceType.isLearned
        }
    }

    /// The numbers of steps that a run may have.
    package var allowedSteps: ClosedRange<Int> {
        switch self {
        case .unCLIP(let configuration): 2...configuration.trainTimesteps
        case .ddim(let configuration): 1...configuration.noise.trainTimesteps
        case .ddpm(let configuration): 1...configuration.noise.trainTimesteps
        }
    }

    /// A sampler for a run of `steps` steps.
    package func sampler(steps: Int) throws(DiffusionError) -> any Sampler {
        switch self {
        case .unCLIP(let configuration): try UnCLIPSampler(configuration, steps: steps)
        case .ddim(let configuration): try DDIMSampler(configuration, steps: steps)
        case .ddpm(let configuration): try DDPMSampler(configuration, steps: steps)
        }
    }
}

extension SchedulerConfiguration: Codable {
    private enum CodingKeys: String, CodingKey {
        case className = "_class_name"
    }

    /// Reads the reference's keys; an absent one has the reference's default.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let name = try values.decode(String.self, forKey: .className)
        switch name {
        case "UnCLIPScheduler": self = .unCLIP(try UnCLIPConfiguration(from: decoder))
        case "DDIMScheduler": self = .ddim(try DDIMConfiguration(from: decoder))
        case "DDPMScheduler": self = .ddpm(try DDPMConfiguration(from: decoder))
        default: throw DiffusionError.unsupportedScheduler(name)
        }
    }

    /// Writes the reference's keys.
    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(className, forKey: .className)
        switch self {
        case .unCLIP(let configuration): try configuration.encode(to: encoder)
        case .ddim(let configuration): try configuration.encode(to: encoder)
        case .ddpm(let configuration): try configuration.encode(to: encoder)
        }
    }

    /// Reads the bytes of a `scheduler_config.json`.
    ///
    /// - Returns: the configuration, and the keys that it does not know, sorted. Keys that begin with an underscore
    ///   are the reference's own book-keeping and are never among them.
    package static func read(
        _ json: Data
    ) throws(DiffusionError) -> (configuration: SchedulerConfiguration, unknownKeys: [String]) {
        do {
            let configuration = try JSONDecoder().decode(Self.self, from: json)
            let keys = try JSONDecoder().decode(TopLevelKeys.self, from: json).names
            let unknown = keys.filter { !$0.hasPrefix("_") && !configuration.knownKeys.contains($0) }
            return (configuration, unknown.sorted())
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

    private var knownKeys: Set<String> {
        switch self {
        case .unCLIP: Set(UnCLIPConfiguration.CodingKeys.allCases.map(\.rawValue))
        case .ddim:
            Set(NoiseConfiguration.CodingKeys.allCases.map(\.rawValue))
                .union(DDIMConfiguration.CodingKeys.allCases.map(\.rawValue))
        case .ddpm:
            Set(NoiseConfiguration.CodingKeys.allCases.map(\.rawValue))
                .union(DDPMConfiguration.CodingKeys.allCases.map(\.rawValue))
        }
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
