import LienzoNN
import LienzoTorch

/// The half of a U-Net that goes down, with the middle: what a U-Net and a ``ControlNetModel`` beside it share.
///
/// Source: `diffusers/models/unets/unet_2d_condition.py` and `diffusers/models/controlnets/controlnet.py`.
struct UNetEncoder {
    let input: Conv2d
    let conditioning: UNetConditioning
    let down: [UNetDownBlock]
    let middle: UNetMidBlock
    let computeType: DType

    private let configuration: UNet2DConditionConfiguration
    private let timeEmbedding: TimestepEmbedding
    private let classEmbedding: UNetClassEmbedding?
    private let guidanceProjection: Linear?

    init(_ scope: ParameterScope, _ configuration: UNet2DConditionConfiguration) throws {
        let widths = configuration.blockOutChannels
        let count = widths.count
        self.configuration = configuration
        computeType = scope.store.computeType
        var settings = UNetBlockSettings(configuration)

        input = try Conv2d(
            scope["conv_in"],
            from: configuration.inChannels,
            to: widths[0],
            kernel: configuration.convInKernel,
            padding: configuration.convInKernel / 2
        )
        timeEmbedding = try TimestepEmbedding(
            scope["time_embedding"],
            from: widths[0],
            to: configuration.timeEmbeddingDim
        )
        conditioning = try UNetConditioning(scope, configuration)
        classEmbedding = try UNetClassEmbedding(scope["class_embedding"], configuration)
        guidanceProjection = try configuration.timeConditionWidth.map {
            try Linear(scope["time_embedding"]["cond_proj"], from: $0, to: widths[0], bias: false)
        }

        var down: [UNetDownBlock] = []
        for index in 0..<count {
            let type = configuration.downBlockTypes[index]
            down.append(
                try UNetDownBlock(
                    scope["down_blocks"][index],
                    from: widths[max(0, index - 1)],
                    to: widths[index],
                    layers: configuration.layersPerBlock[index],
                    attention: type.attention.map {
                        UNetBlockAttention(
                            $0,
                            heads: index,
                            block: index,
                            onlyCrossAttention: configuration.onlyCrossAttention[index],
                            configuration
                        )
                    },
                    downsamples: index < count - 1,
                    byResnet: type == .resnetDownsample || type == .simpleCrossAttention,
                    settings
                )
            )
        }
        self.down = down

        settings.outputScale = configuration.midBlockScaleFactor
        middle = try UNetMidBlock(
            scope["mid_block"],
            channels: widths[count - 1],
            attention: UNetBlockAttention(
                configuration.midBlockType.attention,
                heads: count - 1,
                block: count - 1,
                // The reference's middle with a transformer has no such switch.
                onlyCrossAttention: configuration.midBlockType == .simpleCrossAttention
                    && configuration.midBlockOnlyCrossAttention,
                configuration
            ),
            settings
        )
    }

    /// The time and what the condition adds to it, as the residual blocks take it: `[batch, timeEmbeddingDim]`.
    func time(_ timestep: Tensor, _ context: UNetContext) -> Tensor {
        let sinusoids = sinusoidalEmbedding(
            timestep,
            width: configuration.blockOutChannels[0],
            flipSinToCos: configuration.flipSinToCos,
            frequencyShift: Double(configuration.freqShift)
        )
        let input = sinusoids.to(computeType)
        let time = add(context.time, to: timeEmbedding(add(context.guidance, to: input)))
        return configuration.resnetSkipTimeAct ? time : time.silu()
    }

    /// The way down and the middle.
    ///
    /// - Parameters:
    ///   - x: the first map, `[batch, blockOutChannels[0], height, width]`, channels-last.
    ///   - time: what ``time(_:_:)`` gave.
    ///   - context: the condition.
    /// - Returns: the first map and what each layer gives, for the way up; and what the middle gives.
    func callAsFunction(_ x: Tensor, time: Tensor, _ context: UNetContext) -> (skips: [Tensor], middle: Tensor) {
        var skips = [x]
        for (block, condition) in zip(down, context.down) {
            skips += block(skips.last ?? x, time: time, condition: condition)
        }
        return (skips, middle(skips.last ?? x, time: time, condition: context.middle))
    }
}

/// A condition as the layers of a U-Net, or of a network beside it, see it; the same in every step of a run.
package struct UNetContext {
    /// What is added to the time embedding, `[batch, timeEmbeddingDim]`, or nothing.
    let time: Tensor?
    /// What joins the sample's channels, `[batch, 4, height, width]`; in a control network what is added to the first
    /// map, `[1, blockOutChannels[0], height, width]`.
    var hint: Tensor?
    /// What is added to the time's sinusoids, `[batch, blockOutChannels[0]]`, or nothing.
    let guidance: Tensor?
    /// For each layer of each block, its attentions' keys and values of the condition.
    let down: [[[KeyValue]]]
    let middle: [KeyValue]
    let up: [[[KeyValue]]]
}

extension UNetEncoder {
    /// The condition's tokens `[batch, tokens, crossAttentionDim]` as each attention sees them, on the way up, too.
    func context(
        tokens: Tensor,
        time: Tensor?,
        guidance: Tensor? = nil,
        mask: Tensor? = nil,
        up: [UNetUpBlock]
    ) -> UNetContext {
        func masked(_ layers: [[KeyValue]]) -> [[KeyValue]] { layers.map { $0.map { $0.masked(by: mask) } } }
        return UNetContext(
            time: time,
            guidance: guidance,
            down: down.map { masked($0.keyValues(of: tokens)) },
            middle: middle.keyValues(of: tokens).map { $0.masked(by: mask) },
            up: up.map { masked($0.keyValues(of: tokens)) }
        )
    }

    /// The condition of a network with `text` or `textTime` conditioning, projected; the parameters are those of
    /// ``UNet2DConditionModel/context(textEncoding:textEmbedding:numbers:label:guidance:textMask:)``.
    func context(
        textEncoding: Tensor,
        textEmbedding: Tensor?,
        numbers: Tensor?,
        label: Tensor? = nil,
        guidance: Tensor? = nil,
        textMask: Tensor? = nil,
        up: [UNetUpBlock] = []
    ) throws(UNetError) -> UNetContext {
        var time: Tensor?
        switch (conditioning, textEmbedding, numbers) {
        case (.text, nil, nil): break
        case (.textTime(let embedding), let text?, let numbers?): time = embedding(text, numbers, computeType)
        default:
            let found = textEmbedding == nil ? "the text encoding" : "text encoding and text embedding"
            throw .otherConditioning(expected: configuration.conditioning.words, found: found)
        }
        if let classEmbedding {
            guard let label else { throw .missingLabel }
            time = add(time, to: classEmbedding(label, computeType))
        }
        return context(
            tokens: textEncoding.to(computeType),
            time: time,
            guidance: guidance.flatMap { guidanceProjection?($0) },
            // [batch, tokens] → [batch, 1, 1, tokens], as the reference has it.
            mask: textMask.map { (($0.to(.float32) - 1) * 10_000).to(computeType).unsqueeze(1).unsqueeze(1) },
            up: up
        )
    }
}

/// The sum, or `x` alone.
private func add(_ term: Tensor?, to x: Tensor) -> Tensor { term.map { x + $0 } ?? x }

extension UNetBlockSettings {
    /// What the blocks on both ways of a U-Net share.
    init(_ configuration: UNet2DConditionConfiguration) {
        self.init(
            timeWidth: configuration.timeEmbeddingDim,
            conditionWidth: configuration.crossAttentionDim,
            groups: configuration.normNumGroups,
            epsilon: configuration.normEps,
            timeScaleShift: configuration.resnetTimeScaleShift,
            outputScale: configuration.resnetOutScaleFactor
        )
    }
}

extension UNetBlockAttention {
    /// The attention of a block that reads the configuration's numbers of heads and of layers at these places.
    init(
        _ kind: UNet2DConditionConfiguration.Attention,
        heads: Int,
        block: Int,
        onlyCrossAttention: Bool,
        _ configuration: UNet2DConditionConfiguration
    ) {
        self.init(
            kind: kind,
            heads: configuration.attentionHeadDim[heads],
            layers: configuration.transformerLayersPerBlock[block],
            onlyCrossAttention: onlyCrossAttention,
            usesLinearProjection: configuration.usesLinearProjection
        )
    }
}
