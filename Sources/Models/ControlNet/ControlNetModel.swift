import Foundation
package import LienzoNN
package import LienzoTorch

/// A network beside a U-Net that looks at a hint, such as edges, depth or a pose, and adds to the U-Net's maps.
///
/// It has the U-Net's way down and middle, and behind each layer a convolution that begins training at zero. The hint
/// is encoded and the condition projected once for a run, not once for a step:
///
/// ```swift
/// let context = try control.context(hint: hint, textEncoding: tokens)
/// for timestep in timesteps { … unet(sample, timestep, text, control: control(sample, timestep, context)) … }
/// ```
///
/// Computes, and answers, in the type of its parameters' store.
///
/// Source: Zhang et al. 2023; `diffusers/models/controlnets/controlnet.py`, `ControlNetModel`.
package struct ControlNetModel {
    /// The network's shape.
    package let configuration: ControlNetConfiguration

    let encoder: UNetEncoder
    let hintEncoder: HintEncoder
    let down: [Conv2d]
    let middle: Conv2d

    /// Builds the network from a checkpoint.
    ///
    /// - Parameters:
    ///   - scope: where the parameters are, named as the reference names them.
    ///   - configuration: the network's shape.
    /// - Throws: `ParameterError` when a parameter is missing or has another shape.
    package init(_ scope: ParameterScope, _ configuration: ControlNetConfiguration) throws {
        let unet = configuration.unet
        self.configuration = configuration
        encoder = try UNetEncoder(scope, unet)

        let hint = scope["controlnet_cond_embedding"]
        let blocks = (0..<2 * (configuration.hintWidths.count - 1)).map { hint["blocks"][$0] }
        hintEncoder = try HintEncoder(
            [hint["conv_in"]] + blocks + [hint["conv_out"]],
            from: ControlNetConfiguration.hintChannels,
            widths: configuration.hintWidths,
            to: unet.blockOutChannels[0]
        )

        /// A 1 × 1 convolution of as many channels as there are.
        func zeroConvolution(_ scope: ParameterScope, _ channels: Int) throws -> Conv2d {
            try Conv2d(scope, from: channels, to: channels, kernel: 1)
        }
        // For the first map, for each layer, and for the smaller map at the end of each block but the last.
        var widths = [unet.blockOutChannels[0]]
        for (index, width) in unet.blockOutChannels.enumerated() {
            let halves = index < unet.blockOutChannels.count - 1
            widths += Array(repeating: width, count: unet.layersPerBlock[index] + (halves ? 1 : 0))
        }
        down = try widths.enumerated().map { try zeroConvolution(scope["controlnet_down_blocks"][$0], $1) }
        middle = try zeroConvolution(scope["controlnet_mid_block"], widths.last ?? 0)
    }

    /// The hint, encoded, and the condition, projected: what every step of a run takes.
    ///
    /// - Parameters:
    ///   - hint: `[1, 3, hintFactor · height, hintFactor · width]`, red, green and blue in 0…1; the same for the batch.
    ///   - textEncoding: `[batch, tokens, crossAttentionDim]`.
    ///   - textEmbedding: `[batch, width]`, for `textTime` conditioning.
    ///   - numbers: `[batch, count]`, for `textTime` conditioning: sizes of the picture in pixels and where it was cut.
    /// - Returns: what every step takes.
    /// - Throws: ``UNetError`` when the network has another conditioning, or a part of its condition is missing.
    package func context(
        hint: Tensor,
        textEncoding: Tensor,
        textEmbedding: Tensor? = nil,
        numbers: Tensor? = nil
    ) throws(UNetError) -> UNetContext {
        var context = try encoder.context(
            textEncoding: textEncoding,
            textEmbedding: textEmbedding,
            numbers: numbers
        )
        let ordered = configuration.channelOrder == .rgb ? hint : hint.flip(dims: [1])
        context.hint = hintEncoder(ordered.to(encoder.computeType).channelsLast())
        return context
    }

    /// What the network adds to the maps of the U-Net in a step.
    ///
    /// - Parameters:
    ///   - sample: what the U-Net gets, without the channels that only an inpainting U-Net has:
    ///     `[batch, inChannels, height, width]`.
    ///   - timestep: where in the schedule each sample is, `[batch]`, or `[1]` for all of them.
    ///   - context: the hint and the condition, of the same batch.
    ///   - scale: what is added is multiplied by this.
    ///   - guesses: whether a map counts the less the larger it is, the first a tenth: where the words say little.
    /// - Returns: one map for each of the U-Net's, or one number for each of their channels.
    package func callAsFunction(
        _ sample: Tensor,
        _ timestep: Tensor,
        _ context: UNetContext,
        scale: Double = 1,
        guesses: Bool = false
    ) -> UNetControl {
        let x = encoder.input(sample.to(encoder.computeType).channelsLast())
        let (skips, last) = encoder(
            context.hint.map { x + $0 } ?? x,
            time: encoder.time(timestep, context),
            context
        )
        func weighed(_ map: Tensor, _ place: Int) -> Tensor {
            // Evenly spaced exponents: a tenth for the first map, all of the middle.
            let weight =
                guesses && !configuration.poolsGlobally
                ? scale * pow(10, Double(place) / Double(down.count) - 1) : scale
            let weighed = weight == 1 ? map : map * weight
            return configuration.poolsGlobally ? weighed.mean(dims: [2, 3], keepDim: true) : weighed
        }
        return UNetControl(
            down: zip(down, skips).enumerated().map { weighed($1.0($1.1), $0) },
            middle: weighed(middle(last), down.count)
        )
    }
}

/// What networks beside a U-Net add to its maps.
///
/// Source: Zhang et al. 2023, section 3.2; the reference's `down_block_additional_residuals` and
/// `mid_block_additional_residual`.
package struct UNetControl {
    /// For the first map and for what each layer on the way down gives, in the shape of each, or of sides of 1.
    package let down: [Tensor]
    /// For what the middle gives.
    package let middle: Tensor

    package init(down: [Tensor], middle: Tensor) {
        self.down = down
        self.middle = middle
    }

    /// What two networks add together.
    package static func + (a: UNetControl, b: UNetControl) -> UNetControl {
        UNetControl(down: zip(a.down, b.down).map { $0 + $1 }, middle: a.middle + b.middle)
    }

    /// The same for a batch before which stands one as large that gets nothing added.
    package var behindNothing: UNetControl {
        func behind(_ map: Tensor) -> Tensor { .cat([map * 0, map]) }
        return UNetControl(down: down.map(behind), middle: behind(middle))
    }
}
