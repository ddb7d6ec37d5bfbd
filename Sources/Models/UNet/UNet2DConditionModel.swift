package import LienzoNN
package import LienzoTorch

/// The decoder of Kandinsky: predicts from a noisy sample, the time and the condition what diffusion asks for (noise,
/// sample or velocity, and a variance where it has channels for it).
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

        var down: [UNetDownBlock] = []
        for index in 0..<count {
            let attention = UNetBlockAttention(
                headWidth: configuration.attentionHeadDim[index],
                onlyCrossAttention: configuration.onlyCrossAttention[index]
            )
            down.append(
                try UNetDownBlock(
                    scope["down_blocks"][index],
                    from: widths[max(0, index - 1)],
                    to: widths[index],
                    layers: configuration.layersPerBlock[index],
                    attention: configuration.downBlockTypes[index] == .simpleCrossAttention ? attention : nil,
                    downsamples: index < count - 1,
                    settings
                )
            )
        }
        self.down = down

        var up: [UNetUpBlock] = []
        for index in 0..<count {
            let mirrored = count - 1 - index
            let attention = UNetBlockAttention(
                headWidth: configuration.attentionHeadDim[index],
                onlyCrossAttention: configuration.onlyCrossAttention[mirrored]
            )
            up.append(
                try UNetUpBlock(
                    scope["up_blocks"][index],
                    from: widths[min(count - 1, mirrored + 1)],
                    to: widths[mirrored],
                    lastSkip: widths[max(0, mirrored - 1)],
                    layers: configuration.layersPerBlock[mirrored] + 1,
                    attention: configuration.upBlockTypes[index] == .simpleCrossAttention ? attention : nil,
                    upsamples: index < count - 1,
                    settings
                )
            )
        }
        self.up = up

        settings.outputScale = configuration.midBlockScaleFactor
        middle = try UNetMidBlock(
            scope["mid_block"],
            channels: widths[count - 1],
            attention: UNetBlockAttention(
                headWidth: configuration.attentionHeadDim[count - 1],
                onlyCrossAttention: configuration.midBlockOnlyCrossAttention
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
    ///   - sample: the noisy sample, `[batch, inChannels, height, width]`, both sides multiples of
    ///     `configuration.downsamplingFactor`.
    ///   - timestep: where in the schedule each sample is, `[batch]`, or `[1]` for all of them.
    ///   - context: the condition, of the same batch.
    /// - Returns: `[batch, outChannels, height, width]` in float32.
    package func callAsFunction(_ sample: Tensor, _ timestep: Tensor, _ context: Context) -> Tensor {
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
        let time = timeEmbedding(sinusoids.to(computeType)) + context.time
        return configuration.resnetSkipTimeAct ? time : time.silu()
    }
}

// MARK: The condition

extension UNet2DConditionModel {
    /// A condition as the network's layers see it; the same in every step of a run.
    package struct Context {
        /// What is added to the time embedding, `[batch, timeEmbeddingDim]`.
        let time: Tensor
        /// What joins the sample's channels, `[batch, 4, height, width]`.
        var hint: Tensor?
        /// For each layer of each block, its attention's keys and values of the condition.
        let down: [[KeyValue?]]
        let middle: KeyValue?
        let up: [[KeyValue?]]
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
            throw .otherConditioning(expected: configuration.conditioning, found: .textImage)
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
            throw .otherConditioning(expected: configuration.conditioning, found: .image)
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
            throw .otherConditioning(expected: configuration.conditioning, found: .imageHint)
        }
        let image = imageEmbedding.to(computeType)
        var context = context(tokens: projection(image), time: embedding(image))
        context.hint = encoder(hint.to(computeType).channelsLast())
        return context
    }

    /// The condition's tokens `[batch, tokens, crossAttentionDim]` as each attention sees them.
    func context(tokens: Tensor, time: Tensor) -> Context {
        Context(
            time: time,
            down: down.map { $0.keyValues(of: tokens) },
            middle: middle.keyValue(of: tokens),
            up: up.map { $0.keyValues(of: tokens) }
        )
    }
}

/// A U-Net that was asked for what it is not made for.
package enum UNetError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A condition was given that the network has no projections for.
    case otherConditioning(
        expected: UNet2DConditionConfiguration.Conditioning,
        found: UNet2DConditionConfiguration.Conditioning
    )

    package var description: String {
        switch self {
        case .otherConditioning(let expected, let found):
            "This U-Net is conditioned on \(expected.words) and was given \(found.words); "
                + "give it what its config.json names, or use another model."
        }
    }
}

extension UNet2DConditionConfiguration.Conditioning {
    fileprivate var words: String {
        switch self {
        case .textImage: "text embedding, text encoding and image embedding"
        case .image: "the image embedding alone"
        case .imageHint: "the image embedding and a hint picture"
        }
    }
}
