import Foundation
import LienzoCheckpoints
import LienzoImages
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoPipelines

/// All pictures of a request.
func allPictures(
    _ generator: some PictureGenerator,
    _ request: GenerationRequest
) async throws -> [GeneratedPicture] {
    var pictures: [GeneratedPicture] = []
    for try await case .picture(let picture) in generator.generate(request) { pictures.append(picture) }
    return pictures
}

/// 10 log₁₀ (255² / mean squared difference).
func signalToNoise(_ a: [UInt8], _ b: [UInt8]) -> Double {
    let sum = zip(a, b).reduce(0.0) { sum, pair in
        let difference = Double(pair.0) - Double(pair.1)
        return sum + difference * difference
    }
    return sum == 0 ? .infinity : 10 * log10(255 * 255 * Double(a.count) / sum)
}

/// Expects the shape of the reference's tensor and no number further from it than the tolerance.
func expectSame(
    _ found: Tensor,
    _ expected: Tensor,
    within tolerance: Double,
    _ name: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    try torchScope {
        #expect(found.shape == expected.shape, "\(name)", sourceLocation: sourceLocation)
        let difference = (found - expected).abs().max().item
        #expect(difference <= tolerance, "\(name): \(difference)", sourceLocation: sourceLocation)
    }
}

/// Expects the reference's picture: to 50 dB in float32, to 35 dB in bfloat16.
///
/// - Parameters:
///   - pixels: the reference's, `[height, width, 3]`, bytes.
///   - sourceLocation: where the expectation stands.
///   - picture: makes it in the type that it is given.
/// - Throws: what `picture` throws.
func expectPicture(
    _ pixels: Tensor,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ picture: (LoadingOptions) async throws -> [GeneratedPicture]
) async throws {
    let expected = try pixels.elements(as: UInt8.self)
    for (type, decibels) in [(DType.float32, 50.0), (.bfloat16, 35)] {
        let made = try await picture(LoadingOptions(computeType: type))
        let found = try #require(made.first, sourceLocation: sourceLocation).image.pixels
        #expect(found.count == expected.count, sourceLocation: sourceLocation)
        let ratio = signalToNoise(found, expected)
        #expect(ratio >= decibels, "\(type): \(ratio) dB", sourceLocation: sourceLocation)
    }
}
