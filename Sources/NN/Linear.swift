package import LienzoTorch

/// x · Wᵀ + b, with activation and residual in the same pass where the engine can.
package struct Linear {
    private enum Weights {
        case prepared(PreparedLinear)
        case plain(weight: Parameter, bias: Parameter?)
        case int8(Int8Weight, bias: Parameter?)
        /// `[in, out]`, without a bias.
        case transposed(weight: Parameter)
    }

    private let weights: Weights
    private let type: DType

    /// - Parameters:
    ///   - scope: holds `weight` `[out, in]` and, with `bias`, `bias` `[out]`.
    ///   - input: the width of the input.
    ///   - output: the width of the result.
    ///   - hasBias: whether a bias is added.
    ///   - initial: how the weight starts; torch's default where `nil`.
    ///   - initialBias: how the bias starts; where `nil`, at zero if `initial` is given, else torch's default.
    /// - Throws: ``ParameterError`` where a tensor is missing or has another shape; else what the source throws.
    package init(
        _ scope: ParameterScope,
        from input: Int,
        to output: Int,
        bias hasBias: Bool = true,
        initial: Initializer? = nil,
        initialBias: Initializer? = nil
    ) throws {
        let weight = try scope.parameter("weight", [output, input], initial: initial ?? .uniform(fanIn: input))
        let start = initialBias ?? (initial == nil ? .uniform(fanIn: input) : .zeros)
        let bias = hasBias ? try scope.parameter("bias", [output], initial: start) : nil
        self.init(weight: weight, bias: bias, form: scope.store.weightForm)
    }

    /// A layer whose weight the checkpoint has as `name` `[in, out]`, without a bias: what the reference writes `x @ W`.
    ///
    /// - Throws: ``ParameterError`` where it is missing or has another shape; else what the source throws.
    package init(
        transposed scope: ParameterScope,
        _ name: String,
        from input: Int,
        to output: Int,
        initial: Initializer
    ) throws {
        self.init(
            transposed: try scope.parameter(name, [input, output], initial: initial),
            form: scope.store.weightForm
        )
    }

    private init(transposed weight: Parameter, form: ParameterStore.WeightForm) {
        type = weight.type
        weights =
            switch form {
            case .plain: .transposed(weight: weight)
            case .prepared: .prepared(PreparedLinear(weight: weight().transpose(0, 1), bias: nil))
            case .int8: .int8(Int8Weight(weight().transpose(0, 1)), bias: nil)
            }
    }

    /// The linear layer of each pixel that a 1 × 1 convolution is, whose weight the checkpoint has as `[out, in, 1, 1]`.
    ///
    /// - Throws: ``ParameterError`` where it is missing or has another shape; else what the source throws.
    package init(pointwise scope: ParameterScope, from input: Int, to output: Int) throws {
        let initial = Initializer.uniform(fanIn: input)
        let weight = try scope.parameter("weight", [output, input, 1, 1], initial: initial)
        self.init(
            weight: Parameter(value: weight.value.reshape(output, input), type: weight.type),
            bias: try scope.parameter("bias", [output], initial: initial),
            form: scope.store.weightForm
        )
    }

    /// A layer of parameters that the caller has read, for weights that a checkpoint stores in another form.
    package init(weight: Parameter, bias: Parameter?, form: ParameterStore.WeightForm) {
        type = weight.type
        weights =
            switch form {
            case .plain: .plain(weight: weight, bias: bias)
            case .prepared: .prepared(PreparedLinear(weight: weight(), bias: bias?()))
            case .int8: .int8(Int8Weight(weight()), bias: bias)
            }
    }

    /// activation(x · Wᵀ + b), or activation(x · Wᵀ + b + residual).
    ///
    /// - Parameters:
    ///   - x: `[…, in]`.
    ///   - activation: applied last.
    ///   - residual: `[…, out]`.
    /// - Returns: `[…, out]` in the compute type.
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
        case .transposed(let weight):
            let y = x.matmul(weight())
            return activation(residual.map { y + $0.cast(to: type) } ?? y)
        }
    }

    private func plain(
        _ x: Tensor,
        _ weight: Tensor,
        _ bias: Parameter?,
        _ activation: Activation,
        _ residual: Tensor?
    ) -> Tensor {
        let y = x.linear(weight: weight, bias: bias?())
        return activation(residual.map { y + $0.cast(to: type) } ?? y)
    }
}

extension Tensor {
    /// The tensor itself where it has the type already.
    package func cast(to type: DType) -> Tensor { dtype == type ? self : to(type) }
}
