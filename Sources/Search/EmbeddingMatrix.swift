package import LienzoTorch

/// Embeddings in memory, and the exact search among them: one matrix product for a query.
package struct EmbeddingMatrix {
    /// Some rows: their names, and `[rows, dimension]`.
    private struct Block {
        let ids: [Int64]
        let rows: Tensor
    }

    /// A row that was found.
    package struct Match: Equatable {
        package let id: Int64
        package let cosine: Float
    }

    /// Numbers in an embedding.
    package let dimension: Int
    private var blocks: [Block] = []
    private var ids: [Int64] = []
    private var numbers: [Float] = []

    /// Rows of a block: a few tens of megabytes, so that nothing is copied in one piece.
    private static let blockSize = 16_384

    /// An empty matrix.
    package init(dimension: Int) {
        self.dimension = dimension
    }

    /// How many rows there are.
    package var count: Int { blocks.reduce(ids.count) { $0 + $1.ids.count } }

    /// Appends a row of `dimension` numbers of float32.
    package mutating func append(_ id: Int64, _ row: UnsafeRawBufferPointer) {
        precondition(
            row.count == dimension * MemoryLayout<Float>.size,
            "rows have as many numbers as the matrix columns"
        )
        if ids.isEmpty { numbers.reserveCapacity(Self.blockSize * dimension) }
        ids.append(id)
        row.withMemoryRebound(to: Float.self) { numbers.append(contentsOf: $0) }
        if ids.count == Self.blockSize { closeBlock() }
    }

    /// Takes the last rows into a block; to be called after the last ``append(_:_:)``.
    package mutating func closeBlock() {
        guard !ids.isEmpty else { return }
        blocks.append(Block(ids: ids, rows: Tensor(numbers, shape: [ids.count, dimension])))
        ids = []
        numbers = []
    }

    /// The rows whose product with a query is largest, the largest first; those of equal product in the order of the
    /// matrix.
    ///
    /// - Parameters:
    ///   - query: `[dimension]`.
    ///   - count: how many at most.
    /// - Returns: at most `count` rows; a row that is not of numbers is never among them.
    /// - Throws: `TorchError` where there is not enough memory.
    package func nearest(to query: [Float], count: Int) throws -> [Match] {
        let query = try torchScope { Tensor(query, shape: [dimension]) }
        var best: [Match] = []
        for block in blocks {
            best += try torchScope {
                let products = block.rows.matmul(query)
                let sound = Tensor.where(products.isFinite(), products, Tensor(-.infinity, dtype: .float32))
                let (values, places) = sound.topK(min(count, block.ids.count))
                return zip(values.floats(), places.int64s()).map { Match(id: block.ids[Int($1)], cosine: $0) }
            }
            best.sort { ($1.cosine, $0.id) < ($0.cosine, $1.id) }
            best.removeSubrange(min(count, best.count)...)
        }
        return best.filter { $0.cosine > -.infinity }
    }
}
