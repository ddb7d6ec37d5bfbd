import Foundation
import LienzoDiffusion
import Testing

/// Whole runs of diffusers' own schedulers, written by `Tools/reference/samplers.py`.
struct SamplerReference: Decodable {
    let shape: [Int]
    let seed: UInt64
    let runs: [Run<SchedulerConfiguration>]
    /// The bytes of a model's own `scheduler_config.json`.
    let models: [String: String]
    let choices: [Run<String>]
    let motions: [Motion]
    let quantiles: Quantiles

    static func read() throws -> SamplerReference {
        let url = try #require(
            Bundle.module.url(forResource: "samplers", withExtension: "json", subdirectory: "Fixtures")
        )
        return try JSONDecoder().decode(SamplerReference.self, from: Data(contentsOf: url))
    }

    /// A run of a formula in place of a network; `config` is a configuration, or the name of the model that it is of.
    struct Run<Config: Decodable & Sendable>: Decodable, Sendable, CustomTestStringConvertible {
        let name: String
        let config: Config
        let choice: String?
        let steps: Int
        let timesteps: Floats
        let scale: Double?
        let strength: Double?
        let begin: Int?
        /// Where a run that changes a picture starts.
        let start: Floats?
        /// The picture with as much noise as after the first evaluation.
        let known: Floats?
        /// The clean sample as predicted half-way, where the reference tells.
        let original: Floats?
        let sample: Floats

        var testDescription: String { name }
    }

    struct Motion: Decodable {
        let seed: UInt64
        let times: [Double]
        let increments: Floats
    }

    struct Quantiles: Decodable {
        let shares: [Double]
        let values: [Double]
    }
}
