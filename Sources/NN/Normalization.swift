package import LienzoTorch

/// Normalises over the last dimension.
///
/// Statistics are float32 whatever the input's type.
package struct LayerNorm {
    private let weight: Parameter
    private let bias: Parameter
    private let epsilon: Double

    /// - Parameters:
    ///   - scope: holds `weight` and `bias`, `[width]` each.
    ///   - width: the size of the last dimension.
    ///   - epsilon: added to the variance.
    /// - Throws: ``ParameterError`` where a tensor is missing or has another shape; else what the source throws.
    package init(_ scope: ParameterScope, width: Int, epsilon: Double = 1e-5) throws {
        weight = try scope.exactParameter("weight", [width], initial: .ones)
        bias = try scope.exactParameter("bias", [width], initial: .zeros)
        self.epsilon = epsilon
    }

    /// - Parameter x: `[…, width]`.
    /// - Returns: `[…, width]` in the type of `x`.
    package func callAsFunction(_ x: Tensor) -> Tensor {
        x.layerNorm(weight: weight(), bias: bias(), epsilon: epsilon)
    }
}

/// Normalises groups of channels.
///
/// Statistics are float32 whatever the input's type.
package struct GroupNorm {
    private let weight: Parameter
    private let bias: Parameter
    private let groups: Int
    private let epsilon: Double

    /// - Parameters:
    ///   - scope: holds `weight` and `bias`, `[channels]` each.
    ///   - groups: how many groups are normalised, each by itself.
    ///   - channels: the number of channels, a multiple of `groups`.
    ///   - epsilon: added to the variance.
    /// - Throws: ``ParameterError`` where a tensor is missing or has another shape; else what the source throws.
    package init(_ scope: ParameterScope, groups: Int, channels: Int, epsilon: Double = 1e-5) throws {
        weight = try scope.exactParameter("weight", [channels], initial: .ones)
        bias = try scope.exactParameter("bias", [channels], initial: .zeros)
        self.groups = groups
        self.epsilon = epsilon
    }

    /// - Parameters:
    ///   - x: `[N, channels, …]`.
    ///   - silu: whether SiLU is applied in the same pass.
    /// - Returns: `[N, channels, …]` in the type of `x`.
    package func callAsFunction(_ x: Tensor, silu: Bool = false) -> Tensor {
        x.groupNorm(groups: groups, weight: weight(), bias: bias(), epsilon: epsilon, silu: silu)
    }

    /// silu(norm(x) · factor + offset), of maps that are whole fractions of `x`: `[N, channels, H / n, W / n]`.
    package func silu(_ x: Tensor, factor: Tensor, offset: Tensor) -> Tensor {
        x.spatialNormSiLU(
            groups: groups,
            weight: weight(),
            bias: bias(),
            epsilon: epsilon,
            factor: factor,
            offset: offset
        )
    }
}

/// What a batch normalisation normalises by while it is trained.
package enum BatchStatistics: Sendable, Equatable {
    /// The running mean and variance, which stay: for evaluation, and for networks that others have trained.
    case running
    /// The batch's own, which move the running ones by `momentum`; by 0 they are left.
    ///
    /// Source: Ioffe & Szegedy 2015, algorithm 1.
    case batch(momentum: Double)

    /// What torch moves the running statistics by.
    package static let usual = BatchStatistics.batch(momentum: 0.1)

    /// The same normalisation without a trace, for a batch that is seen a second time.
    package var withoutTrace: BatchStatistics { self == .running ? .running : .batch(momentum: 0) }
}

/// Normalises each channel by its mean and variance: the running ones, or those of the batch.
package struct BatchNorm2d {
    package let weight: Parameter
    package let bias: Parameter
    package let runningMean: Tensor
    package let runningVariance: Tensor
    package let epsilon: Double

    /// - Parameters:
    ///   - scope: holds `weight`, `bias`, `running_mean` and `running_var`, `[channels]` each.
    ///   - channels: the number of channels.
    ///   - epsilon: added to the variance.
    ///   - initialWeight: how the scale starts.
    /// - Throws: ``ParameterError`` where a tensor is missing or has another shape; else what the source throws.
    package init(
        _ scope: ParameterScope,
        channels: Int,
        epsilon: Double = 1e-5,
        initialWeight: Initializer = .ones
    ) throws {
        weight = try scope.exactParameter("weight", [channels], initial: initialWeight)
        bias = try scope.exactParameter("bias", [channels], initial: .zeros)
        runningMean = try scope.buffer("running_mean", [channels], initial: .zeros)
        runningVariance = try scope.buffer("running_var", [channels], initial: .ones)
        self.epsilon = epsilon
    }

    /// - Parameters:
    ///   - x: `[N, channels, H, W]`.
    ///   - momentum: `nil` normalises by the running statistics; a number by the batch's own, and moves the running
    ///     ones by it.
    /// - Returns: `[N, channels, H, W]` in the type of `x`.
    package func callAsFunction(_ x: Tensor, momentum: Double? = nil) -> Tensor {
        x.batchNorm(
            weight: weight(),
            bias: bias(),
            runningMean: runningMean,
            runningVariance: runningVariance,
            training: momentum != nil,
            momentum: momentum ?? 0,
            epsilon: epsilon
        )
    }

    /// The scale and shift that this is when the running statistics are fixed: y = scale · x + shift.
    package var affine: (scale: Tensor, shift: Tensor) {
        let scale = weight() * (runningVariance + epsilon).rsqrt()
        return (scale, bias() - runningMean * scale)
    }
}
