import CTorch

extension Tensor {
    package func softmax(dim: Int) -> Tensor { withHandle { Tensor(ctorch_softmax($0, Int64(dim), false)) } }

    package func logSoftmax(dim: Int) -> Tensor { withHandle { Tensor(ctorch_softmax($0, Int64(dim), true)) } }

    /// self · weightᵀ + bias, with `weight` `[out, in]`.
    package func linear(weight: Tensor, bias: Tensor? = nil) -> Tensor {
        withHandle { x in
            weight.withHandle { weight in
                withOptionalHandle(bias) { Tensor(ctorch_linear(x, weight, $0, bias != nil)) }
            }
        }
    }

    /// Convolution of `[N, C, H, W]` with `weight` `[out, C / groups, kernel, kernel]`.
    package func conv2d(
        weight: Tensor,
        bias: Tensor? = nil,
        stride: Int = 1,
        padding: Int = 0,
        dilation: Int = 1,
        groups: Int = 1
    ) -> Tensor {
        withHandle { x in
            weight.withHandle { weight in
                withOptionalHandle(bias) {
                    Tensor(
                        ctorch_conv2d(
                            x,
                            weight,
                            $0,
                            bias != nil,
                            Int64(stride),
                            Int64(padding),
                            Int64(dilation),
                            Int64(groups)
                        )
                    )
                }
            }
        }
    }

    /// Normalises over the last dimensions, those of `weight`.
    package func layerNorm(weight: Tensor, bias: Tensor, epsilon: Double) -> Tensor {
        withHandle { x in
            weight.withHandle { w in bias.withHandle { Tensor(ctorch_layer_norm(x, w, $0, epsilon)) } }
        }
    }

    /// Normalises each group of channels of `[N, C, …]`, and with `silu` activates it in the same pass.
    package func groupNorm(
        groups: Int,
        weight: Tensor,
        bias: Tensor,
        epsilon: Double,
        silu: Bool = false
    ) -> Tensor {
        withHandle { x in
            weight.withHandle { w in
                bias.withHandle { Tensor(ctorch_group_norm(x, Int64(groups), w, $0, epsilon, silu)) }
            }
        }
    }

    /// Normalises each group of channels of `[N, C, H, W]`, then scales and shifts each pixel and activates it, in one pass:
    /// silu(norm · factor + offset).
    ///
    /// - Parameters:
    ///   - groups: how many groups are normalised.
    ///   - weight: of the normalisation, `[C]`.
    ///   - bias: of the normalisation, `[C]`.
    ///   - epsilon: added to the variance.
    ///   - factor: `[N, C, H / n, W / n]`, each of whose pixels is that of n × n.
    ///   - offset: of the same shape.
    /// - Returns: `[N, C, H, W]`.
    package func spatialNormSiLU(
        groups: Int,
        weight: Tensor,
        bias: Tensor,
        epsilon: Double,
        factor: Tensor,
        offset: Tensor
    ) -> Tensor {
        let inputs = [self, weight, bias, factor, offset]
        return Tensor.withHandles(inputs) {
            Tensor(ctorch_spatial_norm_silu($0[0], Int64(groups), $0[1], $0[2], epsilon, $0[3], $0[4]))
        }
    }

    /// Normalises each channel of `[N, C, …]`, by the running statistics or, in training, by the batch's own, which
    /// then move the running ones by `momentum`, in place.
    package func batchNorm(
        weight: Tensor,
        bias: Tensor,
        runningMean: Tensor,
        runningVariance: Tensor,
        training: Bool,
        momentum: Double,
        epsilon: Double
    ) -> Tensor {
        withHandle { x in
            weight.withHandle { w in
                bias.withHandle { b in
                    runningMean.withHandle { mean in
                        runningVariance.withHandle {
                            Tensor(ctorch_batch_norm(x, w, b, mean, $0, training, momentum, epsilon))
                        }
                    }
                }
            }
        }
    }

    /// The rows of `self` `[rows, width]` that `indices` name: `[…indices, width]`.
    package func embedding(_ indices: Tensor) -> Tensor {
        withHandle { weight in indices.withHandle { Tensor(ctorch_embedding(weight, $0)) } }
    }

    /// softmax(query · keyᵀ · scale + mask) · value over `[batch, heads, tokens, width]`.
    ///
    /// Only NN's attention calls this.
    package static func scaledDotProductAttention(
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor?,
        causal: Bool,
        scale: Double
    ) -> Tensor {
        query.withHandle { q in
            key.withHandle { k in
                value.withHandle { v in
                    withOptionalHandle(mask) { Tensor(ctorch_attention(q, k, v, $0, mask != nil, causal, scale)) }
                }
            }
        }
    }

    /// The mean cross entropy of `[N, classes]` logits against `[N]` class numbers.
    package func crossEntropy(_ target: Tensor, smoothing: Double = 0) -> Tensor {
        withHandle { x in target.withHandle { Tensor(ctorch_cross_entropy(x, $0, smoothing)) } }
    }

    /// Pictures `[N, C, H, W]` in another size.
    package func interpolated(
        height: Int,
        width: Int,
        mode: Interpolation,
        antialias: Bool = false
    ) -> Tensor {
        withHandle { Tensor(ctorch_interpolate($0, Int64(height), Int64(width), mode.code, antialias)) }
    }

    /// Each pixel `factor` × `factor` times.
    package func upsampledNearest(factor: Int = 2) -> Tensor {
        interpolated(height: size(-2) * factor, width: size(-1) * factor, mode: .nearest)
    }

    /// A channels-last map of four of half its size, by the parity of row and column.
    ///
    /// - Parameters:
    ///   - channels: the result's.
    ///   - part: makes what belongs into even rows and even columns, even and odd, odd and even, odd and odd,
    ///     `[N, channels, H + 1, W + 1]`: of an even row or column all but the last, of an odd one all but the first. One
    ///     is made after the other.
    /// - Returns: `[N, channels, 2 H, 2 W]`, where this map has H rows and W columns.
    package func interleaved(channels: Int, part: (Int) -> Tensor) -> Tensor {
        let (height, width) = (Int64(2 * size(2)), Int64(2 * size(3)))
        let result = withHandle { Tensor(ctorch_empty_map($0, Int64(channels), height, width)) }
        for index in 0..<4 {
            let part = part(index)
            guard part.isValid else { return part }
            result.withHandle { map in
                part.withHandle { ctorch_interleave(map, $0, Int64(index / 2), Int64(index % 2)) }
            }
        }
        return result
    }

    package func averagePool2d(kernel: Int, stride: Int? = nil) -> Tensor {
        withHandle { Tensor(ctorch_average_pool2d($0, Int64(kernel), Int64(stride ?? kernel))) }
    }

    package func maxPool2d(kernel: Int, stride: Int? = nil, padding: Int = 0) -> Tensor {
        withHandle { Tensor(ctorch_max_pool2d($0, Int64(kernel), Int64(stride ?? kernel), Int64(padding))) }
    }
}

/// How pixels between pixels are found.
package enum Interpolation: Sendable {
    case nearest, bilinear, bicubic

    var code: CTorchInterpolation {
        switch self {
        case .nearest: CTORCH_NEAREST
        case .bilinear: CTORCH_BILINEAR
        case .bicubic: CTORCH_BICUBIC
        }
    }
}

@inline(__always)
func withOptionalHandle<Result>(_ tensor: Tensor?, _ body: (CTorchTensor?) -> Result) -> Result {
    withExtendedLifetime(tensor) { body(tensor?.storage?.handle) }
}
