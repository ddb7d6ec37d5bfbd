import Testing

@testable import LienzoSearch

struct EmbeddingMatrixTests {
    private static func matrix(_ rows: [[Float]]) -> EmbeddingMatrix {
        var matrix = EmbeddingMatrix(dimension: rows.first?.count ?? 1)
        for (index, row) in rows.enumerated() { row.withUnsafeBytes { matrix.append(Int64(index), $0) } }
        matrix.closeBlock()
        return matrix
    }

    @Test(arguments: [1, 7, 16_384, 40_000])
    func `the rows with the largest products are found, over all blocks`(count: Int) throws {
        var random = SystemRandomNumberGenerator()
        let rows = (0..<count).map { _ in (0..<8).map { _ in Float.random(in: -1...1, using: &random) } }
        let query = (0..<8).map { _ in Float.random(in: -1...1, using: &random) }
        let products = rows.map { zip($0, query).reduce(0) { $0 + $1.0 * $1.1 } }
        let found = try Self.matrix(rows).nearest(to: query, count: 10)
        #expect(found.count == min(10, count))
        #expect(Set(found.map(\.id)).count == found.count)
        let best = products.sorted(by: >).prefix(10)
        for (match, expected) in zip(found, best) {
            #expect(abs(match.cosine - expected) < 1e-5)
            #expect(abs(products[Int(match.id)] - match.cosine) < 1e-5)
        }
    }

    @Test func `rows that are no numbers are never found, and all rows may be asked for`() throws {
        let matrix = Self.matrix([[1, 0], [.nan, 1], [0, 1], [.infinity, 0], [0.5, 0.5]])
        #expect(try matrix.nearest(to: [1, 0], count: 100).map(\.id) == [0, 4, 2])
        #expect(try matrix.nearest(to: [1, 0], count: 0).isEmpty)
        #expect(try EmbeddingMatrix(dimension: 2).nearest(to: [1, 0], count: 3).isEmpty)
    }
}
