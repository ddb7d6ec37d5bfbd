package import LienzoTorch

/// A two-dimensional convolution over channels-last pictures.
package struct Conv2d {
    private enum Weights {
        case prepared(PreparedConv2d)
        case plain(weight: Parameter, bias: Parameter?)
    }

    private let weights: Weights
    private let type: DType
    private let stride: Int
    private let padding: Int
    private let groups: Int

    /// - Parameters:
    ///   - scope: holds `weight` `[out, in / groups, kernel, kernel]` and, with `bias`, `bias` `[out]`.
    ///   - input: the number of input channels.
    ///   - output: the number of output channels.
    ///   - kernel: the side of the kernel.
    ///   - stride: the kernel's step in both directions.
    ///   - padding: zeros added on each side.
    ///   - groups: how many groups the channels are divided into.
    ///   - hasBias: whether a bias is added.
    ///   - initial: how the weight starts; torch's default where `nil`. The bias starts at zero where it is given.
    /// - Throws: ``ParameterError`` where a tensor is missing or has another shape; else what the source throws.
    package init(
        _ scope: ParameterScope,
        from input: Int,
        to output: Int,
        kernel: Int,
        stride: Int = 1,
        padding: Int = 0,
        groups: Int = 1,
        bias hasBias: Bool = true,
        initial: Initializer? = nil
    ) throws {
        let fanIn = input / groups * kernel * kernel
        let weight = try scope.parameter(
            "weight",
            [output, input / groups, kernel, kernel],
            initial: initial ?? .uniform(fanIn: fanIn)
        )
        let bias =
            hasBias
            ? try scope.parameter("bias", [output], initial: initial == nil ? .uniform(fanIn: fanIn) : .zeros) : nil
        self.init(
            weight: weight,
            bias: bias,
            stride: stride,
            padding: padding,
            groups: groups,
            prepared: scope.store.preparesWeights
        )
    }

    /// A layer of parameters that the caller has read, such as a convolution with its normalisation folded in.
    package init(weight: Parameter, bias: Parameter?, stride: Int, padding: Int, groups: Int, prepared: Bool) {
        type = weight.type
        self.stride = stride
        self.padding = padding
        self.groups = groups
        weights =
            prepared
            ? .prepared(
                PreparedConv2d(
                    weight: weight(),
                    bias: bias?(),
                    stride: stride,
                    padding: padding,
                    dilation: 1,
                    groups: groups
                )
            ) : .plain(weight: weight, bias: bias)
    }

    /// activation(conv(x) + b), or activation(conv(x) + b + residual).
    ///
    /// - Parameters:
    ///   - x: `[N, in, H, W]`.
    ///   - activation: applied last.
    ///   - residual: `[N, out, H', W']`.
    /// - Returns: `[N, out, H', W']`, channels-last, in the compute type.
    package func callAsFunction(
        _ x: Tensor,
        activation: Activation = .none,
        adding residual: Tensor? = nil
    ) -> Tensor {
        let x = x.cast(to: type)
        switch weights {
        case .prepared(let layer):
            return layer(x, activation: activation, residual: residual?.cast(to: type))
        case .plain(let weight, let bias):
            let y = x.channelsLast().conv2d(
                weight: weight(),
                bias: bias?(),
                stride: stride,
                padding: padding,
                groups: groups
            )
            return activation(residual.map { y + $0.cast(to: type) } ?? y)
        }
    }
}
