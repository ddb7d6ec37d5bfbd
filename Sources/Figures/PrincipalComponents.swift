/// Points of a space with many dimensions, seen along the few directions in which they differ most.
///
/// Use it to look at embeddings: the first two coordinates are the plane that shows most of their variance.
///
/// Source: Jolliffe, *Principal Component Analysis*, 2nd edition, sections 1.1 and 3.5; the eigenvectors by cyclic Jacobi
/// rotations (Golub and Van Loan, *Matrix Computations*, 4th edition, algorithm 8.5.3).
public struct PrincipalComponents: Sendable {
    /// `[points, components]`: where each point lies, centred, strongest direction first.
    public let coordinates: [[Double]]

    /// `[components]`: the share of the whole variance that each direction shows, 0…1.
    public let explainedVariance: [Double]

    /// Finds the directions and projects the points on them.
    ///
    /// The work grows with the cube of the number of points or of dimensions, whichever is less: up to a few hundred
    /// take well under a second.
    ///
    /// - Parameters:
    ///   - points: `[points, dimensions]`, all of one dimension. A value that is not finite counts as 0.
    ///   - count: How many components to give, at least 1. Where the points do not span so many, the rest are 0.
    public init(of points: [[Float]], count: Int = 2) {
        let dimension = points.first?.count ?? 0
        precondition(points.allSatisfy { $0.count == dimension }, "every point has the same number of dimensions")
        precondition(count >= 1, "at least one component is asked for")
        let centred = Self.centred(points, dimension: dimension)
        // The Gram matrix of n points and the covariance of d dimensions have the same eigenvalues; take the smaller.
        let byPoints = points.count <= dimension
        let rows = byPoints ? centred : Self.transposed(centred, dimension: dimension)
        let (values, vectors) = Self.eigenvectors(Self.products(rows))
        let order = values.indices.sorted { values[$0] > values[$1] }
        let total = values.reduce(0) { $0 + max($1, 0) }

        var coordinates = [[Double]](repeating: [Double](repeating: 0, count: count), count: points.count)
        var explained = [Double](repeating: 0, count: count)
        for (component, index) in order.prefix(count).enumerated() where values[index] > total * 1e-12 {
            explained[component] = values[index] / total
            var column: [Double]
            if byPoints {
                // X = U S Vᵀ, so the coordinates X V are U S: the Gram matrix's eigenvector times the singular value.
                column = vectors.map { $0[index] * values[index].squareRoot() }
            } else {
                column = centred.map { point in zip(point, vectors).reduce(0) { $0 + $1.0 * $1.1[index] } }
            }
            // The sign of an eigenvector is arbitrary; fix it, so that the same points give the same picture.
            let largest = column.max { abs($0) < abs($1) } ?? 0
            if largest < 0 { column = column.map { -$0 } }
            for point in points.indices { coordinates[point][component] = column[point] }
        }
        self.coordinates = coordinates
        self.explainedVariance = explained
    }

    // MARK: - Steps

    private static func centred(_ points: [[Float]], dimension: Int) -> [[Double]] {
        let finite = points.map { $0.map { $0.isFinite ? Double($0) : 0 } }
        var mean = [Double](repeating: 0, count: dimension)
        for point in finite { for index in 0..<dimension { mean[index] += point[index] / Double(points.count) } }
        return finite.map { point in zip(point, mean).map { $0 - $1 } }
    }

    private static func transposed(_ rows: [[Double]], dimension: Int) -> [[Double]] {
        (0..<dimension).map { index in rows.map { $0[index] } }
    }

    /// `[rows, rows]`: the product of every row with every other.
    private static func products(_ rows: [[Double]]) -> [[Double]] {
        var result = [[Double]](repeating: [Double](repeating: 0, count: rows.count), count: rows.count)
        for i in rows.indices {
            for j in 0...i {
                var sum = 0.0
                for k in rows[i].indices { sum += rows[i][k] * rows[j][k] }
                result[i][j] = sum
                result[j][i] = sum
            }
        }
        return result
    }

    /// Eigenvalues of a symmetric matrix, and its eigenvectors in the columns of the second result.
    private static func eigenvectors(_ matrix: [[Double]]) -> ([Double], [[Double]]) {
        let n = matrix.count
        // Row by row in one piece of memory: turning takes nearly all of the time.
        var a = Array(matrix.joined())
        var v = (0..<n * n).map { $0 / max(n, 1) == $0 % max(n, 1) ? 1.0 : 0 }
        let scale = a.reduce(0) { $0 + $1 * $1 }
        a.withUnsafeMutableBufferPointer { a in
            v.withUnsafeMutableBufferPointer { v in
                // Convergence is quadratic; a dozen sweeps are more than were ever needed.
                for _ in 0..<30 {
                    var off = 0.0
                    for i in 0..<n { for j in 0..<i { off += a[i * n + j] * a[i * n + j] } }
                    if off <= scale * 1e-24 { break }
                    for p in 0..<n {
                        for q in (p + 1)..<max(n, p + 1) where abs(a[p * n + q]) > 1e-300 { rotate(a, v, n, p, q) }
                    }
                }
            }
        }
        return ((0..<n).map { a[$0 * n + $0] }, (0..<n).map { Array(v[$0 * n..<($0 + 1) * n]) })
    }

    /// Turns the plane of `p` and `q` so that the element of both becomes zero.
    private static func rotate(
        _ a: UnsafeMutableBufferPointer<Double>,
        _ v: UnsafeMutableBufferPointer<Double>,
        _ n: Int,
        _ p: Int,
        _ q: Int
    ) {
        let tau = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q])
        let t = (tau >= 0 ? 1 : -1) / (abs(tau) + (1 + tau * tau).squareRoot())
        let c = 1 / (1 + t * t).squareRoot()
        let s = t * c
        func turn(_ m: UnsafeMutableBufferPointer<Double>, _ i: Int, _ j: Int) {
            let (x, y) = (m[i], m[j])
            m[i] = c * x - s * y
            m[j] = s * x + c * y
        }
        for k in 0..<n { turn(a, k * n + p, k * n + q) }
        for k in 0..<n { turn(a, p * n + k, q * n + k) }
        for k in 0..<n { turn(v, k * n + p, k * n + q) }
    }
}
