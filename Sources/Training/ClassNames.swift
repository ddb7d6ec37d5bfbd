import Foundation
import LienzoTorch

/// The features of every name of the classes in every template, worked out once: a step wants one name of each class,
/// and the locked text tower would take longer for them than for all else that the step does.
struct ClassNames {
    static let templates = ["%", "a photo of a %", "a %", "a picture of a %"]

    /// How many names each class has.
    private let counts: [Int]
    /// `[templates · names, width]`, the names in the order of their classes.
    private let features: Tensor

    init(_ names: [[String]], texts: TextFeatures) {
        counts = names.map(\.count)
        let phrases = Self.templates.flatMap { template in
            names.joined().map { template.replacingOccurrences(of: "%", with: $0) }
        }
        features = .cat(
            stride(from: 0, to: phrases.count, by: 256).map { texts(Array(phrases[$0..<min($0 + 256, phrases.count)])) }
        )
    }

    /// The features of one name of each class, drawn at random, `[classes, width]`.
    func features(in template: String, using choices: inout some RandomNumberGenerator) -> Tensor {
        var first = (Self.templates.firstIndex(of: template) ?? 0) * counts.reduce(0, +)
        var rows: [Int64] = []
        for count in counts {
            rows.append(Int64(first + Int.random(in: 0..<count, using: &choices)))
            first += count
        }
        return features.indexSelect(dim: 0, Tensor(rows, device: features.device))
    }
}
