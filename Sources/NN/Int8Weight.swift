import LienzoTorch

/// A weight in 8 bits a number with a scale for each output: half of bfloat16's memory, a quarter of float32's.
///
/// It is computed with in the compute type, to which every use turns it: that takes time, and the rounding shows (each
/// number by at most half a 127th of its row's largest).
///
/// Source: Dettmers et al. 2022, section 2.1, absmax quantisation by rows.
struct Int8Weight {
    /// −127…127, in the weight's shape.
    private let numbers: Tensor
    /// `[out, 1, …]`, in the compute type.
    private let scales: Tensor

    /// - Parameter weight: `[out, …]`, in the compute type.
    init(_ weight: Tensor) {
        let dims = Array(1..<weight.rank)
        // A few rows at a time: the whole in float32, several times, would be most of the memory that loading takes.
        let height = max(1, Self.block / max(1, weight.shape.dropFirst().reduce(1, *)))
        let blocks = stride(from: 0, to: weight.size(0), by: height).map { start in
            let rows = weight.narrow(dim: 0, start: start, length: min(height, weight.size(0) - start)).to(.float32)
            // A row of zeros has any scale.
            let scales = (rows.abs().max(dims: dims, keepDim: true) / 127).clamp(1e-30)
            return (numbers: (rows / scales).rounded().to(.int8), scales: scales.to(weight.dtype))
        }
        numbers = .cat(blocks.map(\.numbers))
        scales = .cat(blocks.map(\.scales))
    }

    /// How many numbers are turned at a time.
    private static let block = 1 << 17

    /// The weight in the compute type.
    func callAsFunction() -> Tensor { numbers.to(scales.dtype) * scales }
}
