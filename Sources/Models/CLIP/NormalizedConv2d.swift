import LienzoNN
package import LienzoTorch

/// A convolution without bias, batch normalisation, and an activation.
///
/// With fixed statistics the normalisation is a scale and a shift of each channel, so it is folded into the
/// convolution: once where nothing trains, at every step otherwise, where the gradient flows on to the convolution's
/// weight and the normalisation's scale and shift. Either way no pass over the map is spent on it. Where the store says
/// that the batch's own statistics count (``LienzoNN/ParameterStore/batchStatistics``), it is a pass of its own.
///
/// Source: Jacob et al., Quantization and Training, 2018, https://arxiv.org/abs/1712.05877, equation 14;
/// `timm/layers/conv2d_same.py`, `timm/layers/padding.py`.
package struct NormalizedConv2d {
    /// The convolution with its normalisation folded in, and how it is made.
    private enum Convolution {
        case fixed(Conv2d)
        case training(Unfolded)
    }

    /// How the parameters of a convolution and its normalisation start.
    struct Start {
        /// timm's for its EfficientNets where `nil`: the variance 2 / fan-out.
        var weight: Initializer?
        var scale = Initializer.ones
    }

    /// What is put around a map so that its size divides by the stride.
    package enum Padding: Sendable {
        /// As little as gives an output for each stride; the odd one comes after, as in TensorFlow.
        case same
        /// Half the kernel on all sides, as in torch.
        case symmetric
    }

    private let convolution: Convolution
    private let kernel: Int
    private let stride: Int
    /// Whether the map is padded before the convolution, which cannot pad one side only.
    private let padsBefore: Bool
    private let activation: Activation

    /// `scope` holds the convolution's `weight`, `[output, input / groups, kernel, kernel]`; `norm` the normalisation's
    /// `weight`, `bias`, `running_mean` and `running_var`, `[output]` each.
    init(
        _ scope: ParameterScope,
        norm: ParameterScope,
        from input: Int,
        to output: Int,
        kernel: Int,
        stride: Int = 1,
        groups: Int = 1,
        padding: Padding = .same,
        epsilon: Double = 1e-3,
        activation: Activation,
        start: Start = Start()
    ) throws {
        padsBefore = padding == .same && stride > 1
        let fanOut = kernel * kernel * output / groups
        let unfolded = Unfolded(
            weight: try scope.exactParameter(
                "weight",
                [output, input / groups, kernel, kernel],
                initial: start.weight ?? .normal(deviation: (2 / Double(fanOut)).squareRoot())
            ),
            norm: try BatchNorm2d(norm, channels: output, epsilon: epsilon, initialWeight: start.scale),
            stride: stride,
            padding: padsBefore ? 0 : kernel / 2,
            groups: groups,
            store: scope.store
        )
        convolution =
            unfolded.trains
            ? .training(unfolded) : .fixed(unfolded.folded(form: scope.store.weightForm))
        self.kernel = kernel
        self.stride = stride
        self.activation = activation
    }

    /// `[batch, input, height, width]` → `[batch, output, ⌈height / stride⌉, ⌈width / stride⌉]`.
    ///
    /// `residual` has the output's shape and is added before the activation.
    package func callAsFunction(_ x: Tensor, adding residual: Tensor? = nil) -> Tensor {
        let padded = !padsBefore ? x : x.padded(samePadding(x.size(3)) + samePadding(x.size(2)))
        switch convolution {
        case .fixed(let convolution):
            return convolution(padded, activation: activation, adding: residual)
        case .training(let unfolded):
            return unfolded(padded, activation: activation, adding: residual)
        }
    }

    /// Entries before and after `length` so that there is an output for each `stride`; the odd one comes after.
    private func samePadding(_ length: Int) -> [Int] {
        let outputs = (length + stride - 1) / stride
        let total = max(0, (outputs - 1) * stride + kernel - length)
        return [total / 2, total - total / 2]
    }

    /// The parameters as the checkpoint has them.
    private struct Unfolded {
        let weight: Parameter
        let norm: BatchNorm2d
        let stride: Int
        let padding: Int
        let groups: Int
        let store: ParameterStore

        var trains: Bool {
            [weight, norm.weight, norm.bias].contains { $0.value.requiresGradient }
        }

        /// Float32 for depthwise convolutions whose gradient in bfloat16 oneDNN has no fast kernel for.
        ///
        /// Measured on one AVX-512 core, 16 × 144 maps of 56 × 56, kernel 5, stride 2: the gradients of input and
        /// weight take 110 and 81 ms in bfloat16, 6 and 18 ms in float32.
        private var type: DType {
            let isSlow = groups > 1 && (weight.value.size(2) > 3 || stride > 1) && weight.value.device == .cpu
            return trains && isSlow ? .float32 : store.computeType
        }

        func callAsFunction(_ x: Tensor, activation: Activation, adding residual: Tensor?) -> Tensor {
            guard case .batch(let momentum) = store.batchStatistics else {
                return folded(form: .plain)(x, activation: activation, adding: residual)
            }
            let convolution = Conv2d(
                weight: Parameter(value: weight().cast(to: type), type: type),
                bias: nil,
                stride: stride,
                padding: padding,
                groups: groups,
                form: .plain
            )
            let y = norm(convolution(x), momentum: momentum)
            return activation(residual.map { y + $0.cast(to: y.dtype) } ?? y)
        }

        func folded(form: ParameterStore.WeightForm) -> Conv2d {
            let (scale, shift) = norm.affine
            return Conv2d(
                weight: Parameter(value: (weight() * scale.reshape(-1, 1, 1, 1)).cast(to: type), type: type),
                bias: Parameter(value: shift.cast(to: type), type: type),
                stride: stride,
                padding: padding,
                groups: groups,
                form: form
            )
        }
    }
}
