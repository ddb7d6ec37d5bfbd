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
        let rows = weight.to(.float32)
        let dims = Array(1..<weight.rank)
        // A row of zeros has any scale.
        let scales = (rows.abs().max(dims: dims, keepDim: true) / 127).clamp(1e-30)
        numbers = (rows / scales).rounded().to(.int8)
        self.scales = scales.to(weight.dtype)
    }

    /// The weight in the compute type.
    func callAsFunction() -> Tensor { numbers.to(scales.dtype) * scales }
}
