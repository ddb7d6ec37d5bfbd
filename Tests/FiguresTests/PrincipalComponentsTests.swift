import LienzoFigures
import TestSupport
import Testing

@Suite("Principal components")
struct PrincipalComponentsTests {
    /// Rounded normal numbers, and numpy's `U S` of the centred points with the sign fixed as ours is.
    static let wide: [[Float]] = [
        [6.12, -6.6, 0.91, -0.99, -0.6, -0.2, -1.01], [-0.7, -2.24, 7.2, 0.4, -0.47, -0.26, -0.33],
        [-3.17, -1.01, 1.04, -0.42, 1.28, -0.18, 0.01], [4.64, 1.41, -1.09, -0.32, 0.72, 1.77, -0.13],
        [-0.73, 2.59, -1.92, -0.51, 1.18, 0.53, 0.05],
    ]
    static let tall: [[Float]] = [
        [2.01, -4.95, 0.51], [-2.88, -2.92, 0.14], [2.1, -0.78, -0.54], [0.08, -0.09, 0.7], [2.24, 0.34, 0.56],
        [-0.62, -1.62, 0.29], [1.75, -0.38, -0.39], [0.69, -4.36, 0.35],
    ]

    private func expectClose(_ found: [[Double]], _ expected: [[Double]]) {
        for (a, b) in zip(found, expected) {
            for (x, y) in zip(a, b) { #expect(abs(x - y) < 2e-6) }
        }
    }

    @Test("fewer points than dimensions give numpy's coordinates", .tags(.parity))
    func fewPoints() {
        let found = PrincipalComponents(of: Self.wide)
        expectClose(
            found.coordinates,
            [
                [7.132781, -1.647193], [1.136434, 6.10339], [-3.135376, 2.385544], [-0.314031, -4.590401],
                [-4.819807, -2.25134],
            ]
        )
        expectClose([found.explainedVariance], [[0.493237, 0.415015]])
    }

    @Test("more points than dimensions give numpy's coordinates", .tags(.parity))
    func manyPoints() {
        let found = PrincipalComponents(of: Self.tall)
        expectClose(
            found.coordinates,
            [
                [-2.097298, 2.660167], [-2.638095, -2.599894], [1.655388, 0.751293], [1.229985, -1.365925],
                [2.647506, 0.324761], [-0.425011, -1.241891], [1.830867, 0.250695], [-2.203342, 1.220795],
            ]
        )
        expectClose([found.explainedVariance], [[0.598616, 0.375815]])
    }

    @Test("what has no second direction gets zeros, not noise")
    func degenerate() {
        let line = PrincipalComponents(of: [[0, 0, 0], [1, 2, 2], [3, 6, 6]])
        #expect(line.explainedVariance[0] > 0.999_999 && line.explainedVariance[1] == 0)
        #expect(abs(abs(line.coordinates[2][0] - line.coordinates[0][0]) - 9) < 1e-9)
        #expect(line.coordinates.allSatisfy { $0[1] == 0 })
        for points in [[], [[1, 2, 3]], [[1, 2], [1, 2]], [[], []], [[.nan, 1], [.infinity, 2]]] as [[[Float]]] {
            let found = PrincipalComponents(of: points)
            #expect(found.coordinates.count == points.count)
            #expect(found.coordinates.joined().allSatisfy { $0.isFinite })
        }
    }
}
