package import LienzoTorch

/// A 3 × 3 convolution of a map of which each pixel is doubled in both directions, with a row of zeros around it.
///
/// For inference it never makes the doubled map: a pixel of the result sees 2 × 2 different ones, so that it is a 2 × 2
/// convolution of the small map, of one of four weights as its row and its column are even or odd. That are 4/9 of the
/// multiplications.
///
/// Source: `diffusers/models/upsampling.py`, `Upsample2D`; Shi et al. 2016, section 3.
package struct DoublingConv2d {
    /// For maps that are not quite twice as large, and for training; its weight is prepared when it is used.
    private let whole: Conv2d
    /// By the parity of row and column: even and even, even and odd, odd and even, odd and odd.
    private let parts: [PreparedConv2d]?
    private let channels: Int
    private let type: DType

    /// - Parameters:
    ///   - scope: holds `weight` `[out, in, 3, 3]` and `bias` `[out]`.
    ///   - input: the number of input channels.
    ///   - output: the number of output channels.
    /// - Throws: ``ParameterError`` where a tensor is missing or has another shape; else what the source throws.
    package init(_ scope: ParameterScope, from input: Int, to output: Int) throws {
        let initial = Initializer.uniform(fanIn: input * 9)
        let weight = try scope.parameter("weight", [output, input, 3, 3], initial: initial)
        let bias = try scope.parameter("bias", [output], initial: initial)
        let form = scope.store.weightForm
        whole = Conv2d(weight: weight, bias: bias, stride: 1, padding: 1, groups: 1, form: form)
        channels = output
        type = weight.type
        guard case .prepared = form else {
            parts = nil
            return
        }
        parts = Self.halves(weight().to(.float32), dim: 2).flatMap { Self.halves($0, dim: 3) }.map {
            PreparedConv2d(
                weight: $0.to(weight.type),
                bias: bias(),
                stride: 1,
                padding: 1,
                dilation: 1,
                groups: 1
            )
        }
    }

    /// Of three weights beside each other the two that even pixels have, and the two of odd ones: an even pixel has its
    /// own twice, to the right as well, an odd one to the left.
    private static func halves(_ weight: Tensor, dim: Int) -> [Tensor] {
        let taps = (0..<3).map { weight.narrow(dim: dim, start: $0, length: 1) }
        return [.cat([taps[0], taps[1] + taps[2]], dim: dim), .cat([taps[0] + taps[1], taps[2]], dim: dim)]
    }

    /// - Parameters:
    ///   - x: `[N, in, H, W]`.
    ///   - size: height and width of the doubled map, of which the last row or column may be left out; 2 H and 2 W where
    ///     `nil`.
    /// - Returns: `[N, out, 2 H, 2 W]` or of the size, channels-last, in the compute type.
    package func callAsFunction(_ x: Tensor, size: (height: Int, width: Int)? = nil) -> Tensor {
        let (height, width) = (x.size(2), x.size(3))
        let size = size ?? (2 * height, 2 * width)
        guard let parts, size == (2 * height, 2 * width) else {
            return whole(x.interpolated(height: size.height, width: size.width, mode: .nearest))
        }
        let x = x.cast(to: type)
        return x.interleaved(channels: channels) { parts[$0](x, activation: .none, residual: nil) }
    }
}
