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

    let encoder: UNetEncoder
    let up: [UNetUpBlock]
    let outputNorm: GroupNorm
    let output: Conv2d

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
        encoder = try UNetEncoder(scope, configuration)

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
                        UNetBlockAttention(
                            $0,
                            heads: $0 == .simple ? index : mirrored,
                            block: mirrored,
                            onlyCrossAttention: configuration.onlyCrossAttention[mirrored],
                            configuration
                        )
                    },
                    upsamples: index < count - 1,
                    byResnet: type == .resnetUpsample || type == .simpleCrossAttention,
                    UNetBlockSettings(configuration)
                )
            )
        }
        self.up = up

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
        let time = encoder.time(timestep, context)
        let sample = configuration.centerInputSample ? sample * 2 - 1 : sample
        let type = encoder.computeType
        let mapped = context.hint.map { .cat([sample.to(type), $0], dim: 1) } ?? sample.to(type)
        var (skips, x) = encoder(encoder.input(mapped.channelsLast()), time: time, context)
        if let control {
            skips = zip(skips, control.down).map { $0 + $1.cast(to: type) }
            x = x + control.middle.cast(to: type)
        }
        for (block, condition) in zip(up, context.up) {
            x = block(x, skips: &skips, time: time, condition: condition)
        }
        return output(outputNorm(x, silu: true)).to(.float32)
    }
}

// MARK: The condition

extension UNet2DConditionModel {
    /// A condition as the network's layers see it; the same in every step of a run.
    package typealias Context = UNetContext

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
        try encoder.context(
            textEncoding: textEncoding,
            textEmbedding: textEmbedding,
            numbers: numbers,
            label: label,
            guidance: guidance,
            textMask: textMask,
            up: up
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
        guard case .textImage(let projection, let embedding) = encoder.conditioning else {
            throw .otherConditioning(
                expected: configuration.conditioning.words,
                found: UNet2DConditionConfiguration.Conditioning.textImage.words
            )
        }
        let image = imageEmbedding.to(encoder.computeType)
        return encoder.context(
            tokens: projection(textEncoding: textEncoding.to(encoder.computeType), imageEmbedding: image),
            time: embedding(textEmbedding: textEmbedding.to(encoder.computeType), imageEmbedding: image),
            up: up
        )
    }

    /// The condition of a network with `image` conditioning (Kandinsky 2.2), projected.
    ///
    /// - Parameter imageEmbedding: `[batch, encoderHidDim]`.
    /// - Returns: what every step takes.
    /// - Throws: ``UNetError`` when the network has another conditioning.
    package func context(imageEmbedding: Tensor) throws(UNetError) -> Context {
        guard case .image(let projection, let embedding) = encoder.conditioning else {
            throw .otherConditioning(
                expected: configuration.conditioning.words,
                found: UNet2DConditionConfiguration.Conditioning.image.words
            )
        }
        let image = imageEmbedding.to(encoder.computeType)
        return encoder.context(tokens: projection(image), time: embedding(image), up: up)
    }

    /// The condition of a network with `imageHint` conditioning (Kandinsky 2.2's ControlNet), projected.
    ///
    /// - Parameters:
    ///   - imageEmbedding: `[batch, encoderHidDim]`.
    ///   - hint: a picture of eight times the sample's width and height, `[batch, 3, 8 · height, 8 · width]`, 0…1.
    /// - Returns: what every step takes.
    /// - Throws: ``UNetError`` when the network has another conditioning.
    package func context(imageEmbedding: Tensor, hint: Tensor) throws(UNetError) -> Context {
        guard case .imageHint(let projection, let embedding, let hintEncoder) = encoder.conditioning else {
            throw .otherConditioning(
                expected: configuration.conditioning.words,
                found: UNet2DConditionConfiguration.Conditioning.imageHint.words
            )
        }
        let image = imageEmbedding.to(encoder.computeType)
        var context = encoder.context(tokens: projection(image), time: embedding(image), up: up)
        context.hint = hintEncoder(hint.to(encoder.computeType).channelsLast())
        return context
    }
}

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
    var words: String {
        switch self {
        case .text: "the text encoding"
        case .textTime: "text encoding, text embedding and numbers"
        case .textImage: "text embedding, text encoding and image embedding"
        case .image: "the image embedding alone"
        case .imageHint: "the image embedding and a hint picture"
        }
    }
}
