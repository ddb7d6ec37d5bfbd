import LienzoNN
package import LienzoTorch

/// The transformer of both towers of CLIP: normalisation first, residual sums around attention and two linear maps.
///
/// Source: Radford et al. 2021, section 2.4; `open_clip/transformer.py`, `Transformer`, `ResidualAttentionBlock`.
package struct CLIPTransformer {
    /// The shape of a transformer.
    package struct Configuration: Sendable, Equatable {
        /// The size of a hidden state.
        package let width: Int
        package let layers: Int
        /// Attention heads; they divide the width.
        package let heads: Int
        /// The width between the two linear maps of a block.
        package let intermediateWidth: Int
        package let activation: CLIPActivation
        package let layerNormEpsilon: Double

        package init(
            width: Int,
            layers: Int,
            heads: Int,
            intermediateWidth: Int? = nil,
            activation: CLIPActivation,
            layerNormEpsilon: Double = 1e-5
        ) {
            self.width = width
            self.layers = layers
            self.heads = heads
            self.intermediateWidth = intermediateWidth ?? 4 * width
            self.activation = activation
            self.layerNormEpsilon = layerNormEpsilon
        }
    }

    /// How a new transformer starts.
    enum Start {
        /// As torch starts its layers: the image tower's.
        case standard
        /// Normal, narrower with width and depth: the text tower's.
        ///
        /// Source: `open_clip/transformer.py`, `TextTransformer.init_parameters`.
        case scaled
    }

    package let blocks: [CLIPTransformerBlock]
    private let store: ParameterStore

    init(_ scope: ParameterScope, _ configuration: Configuration, start: Start) throws {
        var blocks: [CLIPTransformerBlock] = []
        let initializers = CLIPTransformerInitializers(configuration, start)
        for index in 0..<configuration.layers {
            blocks.append(try CLIPTransformerBlock(scope["resblocks"][index], configuration, initializers))
        }
        self.blocks = blocks
        store = scope.store
    }

    /// `[batch, tokens, width]` → the same; a token sees only those up to its own place where `causal`.
    package func callAsFunction(_ x: Tensor, causal: Bool) -> Tensor {
        run(blocks[...], x, causal: causal)
    }

    /// The same, and the states before the last block, which some networks read in place of those after it.
    package func lastTwo(_ x: Tensor, causal: Bool) -> (penultimate: Tensor, last: Tensor) {
        let penultimate = run(blocks.dropLast(), x, causal: causal)
        return (penultimate, run(blocks.suffix(1), penultimate, causal: causal))
    }

    private func run(_ blocks: ArraySlice<CLIPTransformerBlock>, _ x: Tensor, causal: Bool) -> Tensor {
        blocks.reduce(x) { x, block in
            store.recomputesBlocks
                ? x.recomputed { x, _ in block(x, causal: causal) } : block(x, causal: causal)
        }
    }
}

/// How the matrices of a block start; its biases are as torch starts them.
struct CLIPTransformerInitializers {
    /// Of the three projections before attention.
    let queryKeyValue: Initializer
    /// Of the projection after it.
    let output: Initializer
    /// Of the first linear map behind it.
    let up: Initializer
    /// Of the second.
    let down: Initializer

    init(_ configuration: CLIPTransformer.Configuration, _ start: CLIPTransformer.Start) {
        let (width, depth) = (Double(configuration.width), Double(configuration.layers))
        switch start {
        case .standard:
            queryKeyValue = .glorot(fanIn: configuration.width, fanOut: 3 * configuration.width)
            output = .uniform(fanIn: configuration.width)
            up = .uniform(fanIn: configuration.width)
            down = .uniform(fanIn: configuration.intermediateWidth)
        case .scaled:
            queryKeyValue = .normal(deviation: 1 / width.squareRoot())
            output = .normal(deviation: 1 / (width * 2 * depth).squareRoot())
            up = .normal(deviation: 1 / (2 * width).squareRoot())
            down = output
        }
    }
}

/// What stands between the two linear maps of a block.
package enum CLIPActivation: String, Sendable, CaseIterable {
    case gelu
    /// x · sigmoid(1.702 x), of OpenAI's own checkpoints.
    case quickGELU = "quick_gelu"
}

/// Self-attention and two linear maps, each behind a layer normalisation and with a residual sum around it.
package struct CLIPTransformerBlock {
    private let attentionNorm: LayerNorm
    private let queryKeyValue: Linear
    private let output: Linear
    private let mlpNorm: LayerNorm
    private let mlp: CLIPMultilayerPerceptron
    private let heads: Int

    init(
        _ scope: ParameterScope,
        _ configuration: CLIPTransformer.Configuration,
        _ start: CLIPTransformerInitializers
    ) throws {
        let width = configuration.width
        let attention = scope["attn"]
        heads = configuration.heads
        attentionNorm = try LayerNorm(scope["ln_1"], width: width, epsilon: configuration.layerNormEpsilon)
        queryKeyValue = Linear(
            weight: try attention.parameter("in_proj_weight", [3 * width, width], initial: start.queryKeyValue),
            bias: try attention.parameter("in_proj_bias", [3 * width], initial: .zeros),
            form: scope.store.weightForm
        )
        output = try Linear(attention["out_proj"], from: width, to: width, initial: start.output)
        mlpNorm = try LayerNorm(scope["ln_2"], width: width, epsilon: configuration.layerNormEpsilon)
        mlp = try CLIPMultilayerPerceptron(scope["mlp"], configuration, start)
    }

    /// `[batch, tokens, width]` → the same.
    package func callAsFunction(_ x: Tensor, causal: Bool) -> Tensor {
        let projected = queryKeyValue(attentionNorm(x)).chunk(3, dim: -1).map { $0.splitHeads(heads) }
        let attended = attention(
            query: projected[0],
            key: projected[1],
            value: projected[2],
            causal: causal,
            keepsScores: true
        )
        let h = output(attended.mergeHeads(), adding: x)
        return mlp(mlpNorm(h), adding: h)
    }
}

/// Two linear maps with an activation between them.
///
/// The engine fuses SiLU into a linear map but not QuickGELU, which is SiLU at another scale:
/// q(x) = silu(1.702 x) / 1.702. Where nothing trains, the first map takes the factor and the second one gives it back.
private struct CLIPMultilayerPerceptron {
    private let up: Linear
    private let down: Linear
    private let activation: Activation

    private static let quickScale = 1.702

    init(
        _ scope: ParameterScope,
        _ configuration: CLIPTransformer.Configuration,
        _ start: CLIPTransformerInitializers
    ) throws {
        let (width, middle) = (configuration.width, configuration.intermediateWidth)
        let (store, first, second) = (scope.store, scope["c_fc"], scope["c_proj"])
        guard configuration.activation == .quickGELU, store.weightForm == .prepared else {
            activation = configuration.activation == .gelu ? .gelu : .quickGELU
            up = try Linear(first, from: width, to: middle, initial: start.up, initialBias: .uniform(fanIn: width))
            down = try Linear(
                second,
                from: middle,
                to: width,
                initial: start.down,
                initialBias: .uniform(fanIn: middle)
            )
            return
        }
        func scaled(_ scope: ParameterScope, _ name: String, _ shape: [Int], by factor: Double) throws -> Parameter {
            let exact = try scope.exactParameter(name, shape)
            return Parameter(value: (exact.value * factor).to(store.computeType), type: store.computeType)
        }
        activation = .silu
        up = Linear(
            weight: try scaled(first, "weight", [middle, width], by: Self.quickScale),
            bias: try scaled(first, "bias", [middle], by: Self.quickScale),
            form: .prepared
        )
        down = Linear(
            weight: try scaled(second, "weight", [width, middle], by: 1 / Self.quickScale),
            bias: try second.parameter("bias", [width]),
            form: .prepared
        )
    }

    /// `[batch, tokens, width]` → the same, with `residual` added.
    func callAsFunction(_ x: Tensor, adding residual: Tensor) -> Tensor {
        down(up(x, activation: activation), adding: residual)
    }
}
