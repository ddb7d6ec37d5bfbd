package import LienzoTorch

/// A two-dimensional convolution over channels-last pictures.
package struct Conv2d {
    private enum Weights {
        case prepared(PreparedConv2d)
        case plain(weight: Parameter, bias: Parameter?)
        case int8(Int8Weight, bias: Parameter?)
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
            form: scope.store.weightForm
        )
    }

    /// A layer of parameters that the caller has read, such as a convolution with its normalisation folded in.
    package init(
        weight: Parameter,
        bias: Parameter?,
        stride: Int,
        padding: Int,
        groups: Int,
        form: ParameterStore.WeightForm
    ) {
        type = weight.type
        self.stride = stride
        self.padding = padding
        self.groups = groups
        weights =
            switch form {
            case .plain: .plain(weight: weight, bias: bias)
            case .int8: .int8(Int8Weight(weight()), bias: bias)
            case .prepared:
                .prepared(
                    PreparedConv2d(
                        weight: weight(),
                        bias: bias?(),
                        stride: stride,
                        padding: padding,
                        dilation: 1,
                        groups: groups
                    )
                )
            }
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
        case .plain(let weight, let bias): return plain(x, weight(), bias, activation, residual)
        case .int8(let weight, let bias): return plain(x, weight(), bias, activation, residual)
        }
    }

    private func plain(
        _ x: Tensor,
        _ weight: Tensor,
        _ bias: Parameter?,
        _ activation: Activation,
        _ residual: Tensor?
    ) -> Tensor {
        let y = x.channelsLast().conv2d(weight: weight, bias: bias?(), stride: stride, padding: padding, groups: groups)
        return activation(residual.map { y + $0.cast(to: type) } ?? y)
    }
}
