import Foundation
import LienzoDiffusion
import LienzoTorch
import Testing

/// The runs of diffusers' own schedulers, written by `Tools/reference/diffusion.py`.
struct Reference: Decodable {
    let runs: [Run]
    let schedules: [Schedule]
    let spacings: [Spacing]
    let training: Training
    let guidance: GuidanceCase

    static func read() throws -> Reference {
        let url = try #require(
            Bundle.module.url(forResource: "diffusion", withExtension: "json", subdirectory: "Fixtures")
        )
        return try JSONDecoder().decode(Reference.self, from: Data(contentsOf: url))
    }

    /// A whole sampling run of a formula in place of a network.
    struct Run: Decodable, CustomTestStringConvertible {
        let name: String
        let config: SchedulerConfiguration
        let steps: Int
        let seed: UInt64
        let shape: [Int]
        let doubled: Bool
        let eta: Double?
        let clipped: Bool?
        let timesteps: [Int]
        let samples: [Floats]
        let originals: [Floats]

        var testDescription: String { name }

        func sampler() throws -> any Sampler {
            guard case .ddim(let configuration) = config else { return try config.sampler(steps: steps) }
            return try DDIMSampler(configuration, steps: steps, eta: eta ?? 0, rederivesNoise: clipped ?? false)
        }
    }

    struct Schedule: Decodable, CustomTestStringConvertible {
        let name: String
        let config: SchedulerConfiguration
        let betas: Floats
        let alphaBars: Floats

        var testDescription: String { name }
    }

    struct Spacing: Decodable, CustomTestStringConvertible {
        let spacing: String
        let steps: Int
        let timesteps: Floats

        var testDescription: String { "\(spacing), \(steps) steps" }
    }

    struct Training: Decodable {
        let config: SchedulerConfiguration
        let seed: UInt64
        let shape: [Int]
        let timesteps: [Int]
        let gamma: Float
        let noisy: Floats
        let velocity: Floats
        let snr: Floats
        let weights: [String: Floats]
    }

    struct GuidanceCase: Decodable {
        let seed: UInt64
        let shape: [Int]
        let scale: Double
        let rescale: Double
        let guided: Floats
        let rescaled: Floats
    }
}

/// Little-endian float32 in base64.
struct Floats: Decodable {
    let values: [Float]

    init(from decoder: any Decoder) throws {
        let data = try #require(Data(base64Encoded: decoder.singleValueContainer().decode(String.self)))
        values = stride(from: 0, to: data.count, by: 4).map { offset in
            Float(bitPattern: data[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) })
        }
    }
}

/// The largest difference, in units of the larger of 1 and the expected values' largest magnitude.
func difference(_ values: [Float], _ expected: [Float]) -> Float {
    guard values.count == expected.count else { return .infinity }
    let scale = expected.reduce(1) { max($0, abs($1)) }
    return zip(values, expected).reduce(0) { worst, pair in
        let difference = abs(pair.0 - pair.1)
        return difference.isNaN ? .infinity : max(worst, difference / scale)
    }
}
