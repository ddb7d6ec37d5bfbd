package import LienzoNN
package import LienzoTorch

/// The network of Stable Diffusion and the decoder of Kandinsky: predicts from a noisy sample, the time and the
/// condition what diffusion asks for (noise, sample or velocity, and a variance where it has channels for it).
///
/// The condition is projected once for a run, not once for a step:
///
/// ```swift
/// let context = try unet.context(textEmbedding: text, textEncoding: tokens, imageEmbedding: image)
/// for timestep in timesteps { … unet(sample, timestep, context) … }
/// ```
///
/// Computes in the type of its parameters' store and answers in float32. In training the same calls record gradients,
/// through the context too.
///
/// Source: `diffusers/models/unets/unet_2d_condition.py`, `UNet2DConditionModel`.
package struct UNet2DConditionModel {
    /// The network's shape.
    package let configuration: UNet2DConditionConfiguration

    let input: Conv2d
    let timeEmbedding: TimestepEmbedding
    let conditioning: UNetConditioning
    let classEmbedding: UNetClassEmbedding?
    let guidanceProjection: Linear?
    let down: [UNetDownBlock]
    let middle: UNetMidBlock
    let up: [UNetUpBlock]
    let outputNorm: GroupNorm
    let output: Conv2d
    private let computeType: DType

    /// Builds the network from a checkpoint or, for training, from initialisers (PyTorch's defaults throughout).
    ///
    /// - Parameters:
    ///   - scope: where the parameters are, named as the reference names them.
    ///   - configuration: the network's shape.
    /// - Throws: `ParameterError` when a parameter is missing or has another shape.
    package init(_ scope: ParameterScope, _ configuration: UNet2DConditionConfiguration) throws {
        let widths = configuration.blockOutChannels
        let count = widths.count
        self.configuration = configuration
        computeType = scope.store.computeType

        var settings = UNetBlockSettings(
            timeWidth: configuration.timeEmbeddingDim,
            conditionWidth: configuration.crossAttentionDim,
            groups: configuration.normNumGroups,
            epsilon: configuration.normEps,
            timeScaleShift: configuration.resnetTimeScaleShift,
            outputScale: configuration.resnetOutScaleFactor
        )

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

        func attention(
            _ kind: UNet2DConditionConfiguration.Attention,
            heads: Int,
            block: Int,
            onlyCrossAttention: Bool
        ) -> UNetBlockAttention {
            UNetBlockAttention(
                kind: kind,
                heads: configuration.attentionHeadDim[heads],
                layers: configuration.transformerLayersPerBlock[block],
                onlyCrossAttention: onlyCrossAttention,
                usesLinearProjection: configuration.usesLinearProjection
            )
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
                        attention(
                            $0,
                            heads: index,
                            block: index,
                            onlyCrossAttention: configuration.onlyCrossAttention[index]
                        )
                    },
                    downsamples: index < count - 1,
                    byResnet: type == .resnetDownsample || type == .simpleCrossAttention,
                    settings
                )
            )
        }
        self.down = down

        var up: [UNetUpBlock] = []
        for index in 0..<count {
            let mirrored = count - 1 - index
            let type = configuration.upBlockTypes[index]
            up.append(
                try UNetUpBlock(
                    scope["up_blocks"][index],
                    from: widths[min(count - 1, mirrored + 1)],
                    to: widths[mirrored],
                    lastSkip: widths[max(0, mirrored - 1)],
                    layers: configuration.layersPerBlock[mirrored] + 1,
                    attention: type.attention.map {
                        attention(
                            $0,
                            heads: $0 == .simple ? index : mirrored,
                            block: mirrored,
                            onlyCrossAttention: configuration.onlyCrossAttention[mirrored]
                        )
                    },
                    upsamples: index < count - 1,
                    byResnet: type == .resnetUpsample || type == .simpleCrossAttention,
                    settings
                )
            )
        }
        self.up = up

        settings.outputScale = configuration.midBlockScaleFactor
        middle = try UNetMidBlock(
            scope["mid_block"],
            channels: widths[count - 1],
            attention: attention(
                configuration.midBlockType.attention,
                heads: count - 1,
                block: count - 1,
                // The reference's middle with a transformer has no such switch.
                onlyCrossAttention: configuration.midBlockType == .simpleCrossAttention
                    && configuration.midBlockOnlyCrossAttention
            ),
            settings
        )
        outputNorm = try GroupNorm(
            scope["conv_norm_out"],
            groups: configuration.normNumGroups,
            channels: widths[0],
            epsilon: configuration.normEps
        )
        output = try Conv2d(
            scope["conv_out"],
            from: widths[0],
            to: configuration.outChannels,
            kernel: configuration.convOutKernel,
            padding: configuration.convOutKernel / 2
        )
    }

    /// One prediction.
    ///
    /// - Parameters:
    ///   - sample: the noisy sample, `[batch, inChannels, height, width]`, with blocks that residual blocks halve both
    ///     sides multiples of `configuration.downsamplingFactor`.
    ///   - timestep: where in the schedule each sample is, `[batch]`, or `[1]` for all of them.
    ///   - context: the condition, of the same batch.
    ///   - control: what a network beside this one adds to its maps.
    /// - Returns: `[batch, outChannels, height, width]` in float32.
    package func callAsFunction(
        _ sample: Tensor,
        _ timestep: Tensor,
        _ context: Context,
        control: UNetControl? = nil
    ) -> Tensor {
        let time = time(timestep, context)
        let sample = configuration.centerInputSample ? sample * 2 - 1 : sample
        let mapped = context.hint.map { .cat([sample.to(computeType), $0], dim: 1) } ?? sample.to(computeType)
        var x = input(mapped.channelsLast())

        var skips = [x]
        for (block, condition) in zip(down, context.down) {
            let outputs = block(x, time: time, condition: condition)
            skips += outputs
            x = outputs.last ?? x
        }
        x = middle(x, time: time, condition: context.middle)
        if let control {
            skips = zip(skips, control.down).map { $0 + $1.cast(to: computeType) }
            x = x + control.middle.cast(to: computeType)
        }
        for (block, condition) in zip(up, context.up) {
            x = block(x, skips: &skips, time: time, condition: condition)
        }
        return output(outputNorm(x).silu()).to(.float32)
    }

    /// The time and what the condition adds to it, as the residual blocks take it: `[batch, timeEmbeddingDim]`.
    func time(_ timestep: Tensor, _ context: Context) -> Tensor {
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
}

/// What a ControlNet adds to the maps of a U-Net.
///
/// Source: Zhang et al. 2023, section 3.2; the reference's `down_block_additional_residuals` and
/// `mid_block_additional_residual`.
package struct UNetControl {
    /// For the first map and for what each layer on the way down gives, in the shape of each.
    package let down: [Tensor]
    /// For what the middle gives.
    package let middle: Tensor

    package init(down: [Tensor], middle: Tensor) {
        self.down = down
        self.middle = middle
    }
}

// MARK: The condition

extension UNet2DConditionModel {
    /// A condition as the network's layers see it; the same in every step of a run.
    package struct Context {
        /// What is added to the time embedding, `[batch, timeEmbeddingDim]`, or nothing.
        let time: Tensor?
        /// What joins the sample's channels, `[batch, 4, height, width]`.
        var hint: Tensor?
        /// What is added to the time's sinusoids, `[batch, blockOutChannels[0]]`, or nothing.
        let guidance: Tensor?
        /// For each layer of each block, its attentions' keys and values of the condition.
        let down: [[[KeyValue]]]
        let middle: [KeyValue]
        let up: [[[KeyValue]]]
    }

    /// The condition of a network with `text` or `textTime` conditioning (Stable Diffusion), projected.
    ///
    /// For classifier-free guidance, put both conditions into one batch.
    ///
    /// - Parameters:
    ///   - textEncoding: `[batch, tokens, crossAttentionDim]`.
    ///   - textEmbedding: `[batch, width]`, for `textTime`.
    ///   - numbers: `[batch, count]`, for `textTime`: sizes of the picture in pixels and where it was cut.
    ///   - label: for a network with a class embedding: `[batch, width]` for `projection` and `identity`, `[batch]`
    ///     numbers for `timestep` and `labels`.
    ///   - guidance: for a network with `timeConditionWidth`, the guidance's embedding `[batch, timeConditionWidth]`.
    ///   - textMask: which tokens are not padding, `[batch, tokens]`, boolean; all of them where `nil`.
    /// - Returns: what every step takes.
    /// - Throws: ``UNetError`` when the network has another conditioning, or a part of its condition is missing.
    package func context(
        textEncoding: Tensor,
        textEmbedding: Tensor? = nil,
        numbers: Tensor? = nil,
        label: Tensor? = nil,
        guidance: Tensor? = nil,
        textMask: Tensor? = nil
    ) throws(UNetError) -> Context {
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
            mask: textMask.map { (($0.to(.float32) - 1) * 10_000).to(computeType).unsqueeze(1).unsqueeze(1) }
        )
    }

    /// The condition of a network with `textImage` conditioning (Kandinsky 2.1), projected.
    ///
    /// For classifier-free guidance, put both conditions into one batch.
    ///
    /// - Parameters:
    ///   - textEmbedding: `[batch, crossAttentionDim]`.
    ///   - textEncoding: `[batch, tokens, encoderHidDim]`.
    ///   - imageEmbedding: `[batch, crossAttentionDim]`.
    /// - Returns: what every step takes.
    /// - Throws: ``UNetError`` when the network has another conditioning.
    package func context(
        textEmbedding: Tensor,
        textEncoding: Tensor,
        imageEmbedding: Tensor
    ) throws(UNetError) -> Context {
        guard case .textImage(let projection, let embedding) = conditioning else {
            throw .otherConditioning(
                expected: configuration.conditioning.words,
                found: UNet2DConditionConfiguration.Conditioning.textImage.words
            )
        }
        let image = imageEmbedding.to(computeType)
        return context(
            tokens: projection(textEncoding: textEncoding.to(computeType), imageEmbedding: image),
            time: embedding(textEmbedding: textEmbedding.to(computeType), imageEmbedding: image)
        )
    }

    /// The condition of a network with `image` conditioning (Kandinsky 2.2), projected.
    ///
    /// - Parameter imageEmbedding: `[batch, encoderHidDim]`.
    /// - Returns: what every step takes.
    /// - Throws: ``UNetError`` when the network has another conditioning.
    package func context(imageEmbedding: Tensor) throws(UNetError) -> Context {
        guard case .image(let projection, let embedding) = conditioning else {
            throw .otherConditioning(
                expected: configuration.conditioning.words,
                found: UNet2DConditionConfiguration.Conditioning.image.words
            )
        }
        let image = imageEmbedding.to(computeType)
        return context(tokens: projection(image), time: embedding(image))
    }

    /// The condition of a network with `imageHint` conditioning (Kandinsky 2.2's ControlNet), projected.
    ///
    /// - Parameters:
    ///   - imageEmbedding: `[batch, encoderHidDim]`.
    ///   - hint: a picture of eight times the sample's width and height, `[batch, 3, 8 · height, 8 · width]`, 0…1.
    /// - Returns: what every step takes.
    /// - Throws: ``UNetError`` when the network has another conditioning.
    package func context(imageEmbedding: Tensor, hint: Tensor) throws(UNetError) -> Context {
        guard case .imageHint(let projection, let embedding, let encoder) = conditioning else {
            throw .otherConditioning(
                expected: configuration.conditioning.words,
                found: UNet2DConditionConfiguration.Conditioning.imageHint.words
            )
        }
        let image = imageEmbedding.to(computeType)
        var context = context(tokens: projection(image), time: embedding(image))
        context.hint = encoder(hint.to(computeType).channelsLast())
        return context
    }

    /// The condition's tokens `[batch, tokens, crossAttentionDim]` as each attention sees them.
    func context(tokens: Tensor, time: Tensor?, guidance: Tensor? = nil, mask: Tensor? = nil) -> Context {
        func masked(_ layers: [[KeyValue]]) -> [[KeyValue]] { layers.map { $0.map { $0.masked(by: mask) } } }
        return Context(
            time: time,
            guidance: guidance,
            down: down.map { masked($0.keyValues(of: tokens)) },
            middle: middle.keyValues(of: tokens).map { $0.masked(by: mask) },
            up: up.map { masked($0.keyValues(of: tokens)) }
        )
    }
}

/// The sum, or `x` alone.
private func add(_ term: Tensor?, to x: Tensor) -> Tensor { term.map { x + $0 } ?? x }

/// A U-Net that was asked for what it is not made for.
package enum UNetError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A condition was given that the network has no projections for, or a part of its own is missing.
    case otherConditioning(expected: String, found: String)
    /// The network has a class embedding and no class was given.
    case missingLabel

    package var description: String {
        switch self {
        case .otherConditioning(let expected, let found):
            "This U-Net is conditioned on \(expected) and was given \(found); "
                + "give it what its config.json names, or use another model."
        case .missingLabel:
            "This U-Net has a class embedding and was given no class; give it one, or use another model."
        }
    }
}

extension UNet2DConditionConfiguration.Conditioning {
    fileprivate var words: String {
        switch self {
        case .text: "the text encoding"
        case .textTime: "text encoding, text embedding and numbers"
        case .textImage: "text embedding, text encoding and image embedding"
        case .image: "the image embedding alone"
        case .imageHint: "the image embedding and a hint picture"
        }
    }
}
