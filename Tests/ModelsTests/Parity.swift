import Foundation
import LienzoCheckpoints
import LienzoNN
import LienzoTorch
import Testing

/// The file or folder of a fixture.
func fixture(_ path: String) throws -> String {
    let folder = try #require(Bundle.module.resourceURL)
    return folder.appending(path: "Fixtures/\(path)").path
}

/// The bytes of a fixture.
func fixtureData(_ path: String) throws -> Data {
    try Data(contentsOf: URL(filePath: try fixture(path)))
}

/// What the reference computed, by name; a name that is not there fails the test.
struct Expected {
    private let file: SafetensorsFile

    init(_ path: String) throws {
        file = try SafetensorsFile(try fixture(path))
    }

    var names: [String] { file.names.sorted() }

    subscript(_ name: String) -> Tensor {
        get throws { try file.tensor(named: name) }
    }
}

/// How far two tensors are apart.
struct Agreement {
    /// The largest difference, relative to the largest magnitude of the reference.
    let difference: Double
    /// The cosine of the angle between them.
    let cosine: Double

    init(_ actual: Tensor, _ expected: Tensor) {
        guard actual.shape == expected.shape else {
            (difference, cosine) = (.infinity, 0)
            return
        }
        let a = actual.detached().to(.float64)
        let b = expected.detached().to(.float64)
        let scale = max(b.abs().max().item, 1e-12)
        difference = (a - b).abs().max().item / scale
        cosine = (a * b).sum().item / max((a.square().sum() * b.square().sum()).sqrt().item, 1e-300)
    }
}

/// One rung of a ladder: `actual` equals what the reference computed.
///
/// `difference` is the largest difference allowed, relative to the reference's scale, and `cosine` the least cosine.
func expectEqual(
    _ actual: Tensor,
    _ expected: Tensor,
    _ name: String,
    difference: Double = 1e-4,
    cosine: Double = 0.99999,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let found = Agreement(actual, expected)
    #expect(
        found.difference <= difference && found.cosine >= cosine,
        """
        \(name): difference \(found.difference) (at most \(difference)), cosine \(found.cosine) (at least \(cosine)), \
        shape \(actual.shape), expected \(expected.shape)
        """,
        sourceLocation: sourceLocation
    )
}

/// A source in which pairs of tensors have changed places: what a negative control is built from.
struct Swapped: ParameterSource {
    let source: any ParameterSource
    private let other: [String: String]

    /// The first and second of `names` change places, then the third and fourth, and so on.
    init(source: any ParameterSource, names: [String]) {
        self.source = source
        var other: [String: String] = [:]
        for index in stride(from: 0, to: names.count - 1, by: 2) {
            other[names[index]] = names[index + 1]
            other[names[index + 1]] = names[index]
        }
        self.other = other
    }

    var description: String { "\(source.description) with tensors swapped" }
    var names: [String] { source.names }
    func shape(of name: String) -> [Int]? { source.shape(of: other[name] ?? name) }
    func tensor(named name: String) throws -> Tensor { try source.tensor(named: other[name] ?? name) }
}
