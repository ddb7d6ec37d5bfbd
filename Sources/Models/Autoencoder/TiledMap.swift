import LienzoTorch

/// A large map on its way through a network in tiles that overlap by a quarter, so that memory does not grow with it.
///
/// Each tile fades into the one above and the one to its left. The result is not quite that of the whole map: what a
/// network sees of a tile ends at its edges.
///
/// Source: diffusers' `AutoencoderKL.tiled_decode`, `_tiled_encode`, `blend_v` and `blend_h`.
struct TiledMap {
    /// The side of a tile of the input.
    private let tile: Int
    /// From one tile's begin to the next one's, in the input.
    private let stride: Int
    /// Rows and columns of the output over which a tile fades into the next.
    private let blend: Int
    /// Rows and columns of the output that each tile but the last ones yields.
    private let limit: Int

    /// - Parameters:
    ///   - tile: the side of a tile of the input, a multiple of 4.
    ///   - outputTile: what the network makes of that side, a multiple of 4.
    init(tile: Int, outputTile: Int) {
        self.tile = tile
        stride = tile / 4 * 3
        blend = outputTile / 4
        limit = outputTile - blend
    }

    /// Whether a map is larger than a tile.
    func isExceeded(by map: Tensor) -> Bool { max(map.size(2), map.size(3)) > tile }

    /// The network's output for a map, put together of those for its tiles.
    ///
    /// - Parameters:
    ///   - map: `[batch, channels, height, width]`.
    ///   - network: changes the sides of every tile by the same factor.
    /// - Returns: `[batch, channels of the output, height · factor, width · factor]`.
    func callAsFunction(_ map: Tensor, _ network: (Tensor) -> Tensor) -> Tensor {
        var above: [Tensor] = []
        var rows: [Tensor] = []
        for y in Swift.stride(from: 0, to: map.size(2), by: stride) {
            let strip = map.narrow(dim: 2, start: y, length: min(tile, map.size(2) - y))
            var row: [Tensor] = []
            for x in Swift.stride(from: 0, to: map.size(3), by: stride) {
                var output = network(strip.narrow(dim: 3, start: x, length: min(tile, map.size(3) - x)))
                if row.count < above.count { output = faded(above[row.count], into: output, dim: 2) }
                if let left = row.last { output = faded(left, into: output, dim: 3) }
                row.append(output)
            }
            let shown = row.map { $0.narrow(dim: 3, start: 0, length: min(limit, $0.size(3))) }
            rows.append(.cat(shown.map { $0.narrow(dim: 2, start: 0, length: min(limit, $0.size(2))) }, dim: 3))
            above = row
        }
        return .cat(rows, dim: 2)
    }

    /// A tile whose first rows or columns are mixed with the last ones of the tile before it.
    private func faded(_ before: Tensor, into tile: Tensor, dim: Int) -> Tensor {
        let (length, own) = (before.size(dim), tile.size(dim))
        let extent = min(blend, length, own)
        var shape = [1, 1, 1, 1]
        shape[dim] = extent
        let share = (0..<extent).map { Double($0) / Double(extent) }
        func weights(_ values: [Double]) -> Tensor { Tensor(values.map(Float.init), shape: shape, device: tile.device) }
        let seam =
            before.narrow(dim: dim, start: length - extent, length: extent) * weights(share.map { 1 - $0 })
            + tile.narrow(dim: dim, start: 0, length: extent) * weights(share)
        return .cat([seam, tile.narrow(dim: dim, start: extent, length: own - extent)], dim: dim)
    }
}
