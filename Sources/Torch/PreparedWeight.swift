import CTorch

/// What is done to a layer's output in the same pass.
package enum Activation: String, Sendable {
    case none, relu, relu6, silu, gelu, geluTanh, tanh, sigmoid
    /// x · sigmoid(1.702 x), the approximation of GELU in OpenAI's CLIP.
    case quickGELU

    /// The activation as an operator of its own.
    package func callAsFunction(_ x: Tensor) -> Tensor {
        switch self {
        case .none: x
        case .relu: x.relu()
        case .relu6: x.relu6()
        case .silu: x.silu()
        case .gelu: x.gelu()
        case .geluTanh: x.geluTanh()
        case .tanh: x.tanh()
        case .sigmoid: x.sigmoid()
        case .quickGELU: x * (x * 1.702).sigmoid()
        }
    }

    var code: CTorchActivation {
        switch self {
        case .none: CTORCH_ACTIVATION_NONE
        case .relu: CTORCH_ACTIVATION_RELU
        case .relu6: CTORCH_ACTIVATION_RELU6
        case .silu: CTORCH_ACTIVATION_SILU
        case .gelu: CTORCH_ACTIVATION_GELU
        case .geluTanh: CTORCH_ACTIVATION_GELU_TANH
        case .tanh: CTORCH_ACTIVATION_TANH
        case .sigmoid: CTORCH_ACTIVATION_SIGMOID
        case .quickGELU: CTORCH_ACTIVATION_QUICK_GELU
        }
    }
}

/// A linear layer's weight in oneDNN's own layout: for inference on the CPU (lever "pack" of the engine).
package struct PreparedLinear {
    private let weight: Tensor
    private let bias: Tensor?

    /// - Parameters:
    ///   - weight: `[out, in]`, float32 or bfloat16.
    ///   - bias: `[out]`, same type.
    package init(weight: Tensor, bias: Tensor?) {
        self.weight = weight.withHandle { Tensor(ctorch_prepare_linear($0)) }
        self.bias = bias
    }

    /// activation(x · Wᵀ + b), or activation(x · Wᵀ + b + residual).
    package func callAsFunction(_ x: Tensor, activation: Activation, residual: Tensor?) -> Tensor {
        x.withHandle { x in
            weight.withHandle { weight in
                withOptionalHandle(bias) { b in
                    withOptionalHandle(residual) {
                        Tensor(
                            ctorch_prepared_linear(
                                x,
                                weight,
                                b,
                                bias != nil,
                                $0,
                                residual != nil,
                                activation.code
                            )
                        )
                    }
                }
            }
        }
    }
}

/// A convolution's weight in oneDNN's own layout: for inference on the CPU (lever "pack" of the engine).
///
/// The layout depends on the size of the input, so the weight is prepared by the first call, and again where the size
/// changes; in the layout of another size, oneDNN would rearrange the weight on every call. One layout is kept, from
/// which the next is made, because both would take twice the memory.
package struct PreparedConv2d {
    /// The weight as it was given, or as it was prepared last.
    private final class Weight {
        var tensor: Tensor
        /// The size of the input that it is prepared for.
        var inputShape: [Int]?

        init(_ plain: Tensor) { tensor = plain }
    }

    /// The elements from which on a weight is large.
    private static let large = 1 << 22

    private let weight: Weight
    private let bias: Tensor?
    private let stride: Int64
    private let padding: Int64
    private let dilation: Int64
    private let groups: Int64

    /// - Parameters:
    ///   - weight: `[out, in / groups, kernel, kernel]`, float32 or bfloat16.
    ///   - bias: `[out]`, same type.
    ///   - stride: the kernel's step in both directions.
    ///   - padding: zeros added on each side.
    ///   - dilation: the distance between the kernel's elements.
    ///   - groups: how many groups the channels are divided into.
    package init(weight: Tensor, bias: Tensor?, stride: Int, padding: Int, dilation: Int, groups: Int) {
        self.stride = Int64(stride)
        self.padding = Int64(padding)
        self.dilation = Int64(dilation)
        self.groups = Int64(groups)
        self.weight = Weight(weight)
        self.bias = bias
    }

    private func prepared(for x: Tensor) -> Tensor {
        let shape = x.shape
        if weight.inputShape == shape { return weight.tensor }
        let tensor = weight.tensor.withHandle { weight in
            x.withHandle { Tensor(ctorch_prepare_conv2d(weight, $0, stride, padding, dilation, groups)) }
        }
        // A failed one is reported by the scope and not kept.
        guard tensor.isValid else { return tensor }
        (weight.tensor, weight.inputShape) = (tensor, shape)
        // What the weight lay in is a hole that hardly anything fits, for a large network a quarter of its size in all.
        if tensor.count >= Self.large { Engine.returnFreedMemory() }
        return tensor
    }

    /// activation(conv(x) + b), or activation(conv(x) + b + residual), channels-last.
    package func callAsFunction(_ x: Tensor, activation: Activation, residual: Tensor?) -> Tensor {
        let prepared = prepared(for: x)
        return x.withHandle { x in
            prepared.withHandle { weight in
                withOptionalHandle(bias) { b in
                    withOptionalHandle(residual) {
                        Tensor(
                            ctorch_prepared_conv2d(
                                x,
                                weight,
                                b,
                                bias != nil,
                                $0,
                                residual != nil,
                                stride,
                                padding,
                                dilation,
                                groups,
                                activation.code
                            )
                        )
                    }
                }
            }
        }
    }
}
