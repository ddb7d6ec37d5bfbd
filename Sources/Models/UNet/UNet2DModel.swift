package import LienzoNN
package import LienzoTorch

/// A U-Net that is told the time and nothing else: what Karlo enlarges pictures with.
///
/// Computes in the type of its parameters' store and answers in float32.
///
/// Source: `diffusers/models/unets/unet_2d.py`, `UNet2DModel` of `ResnetDownsampleBlock2D` and `ResnetUpsampleBlock2D`.
package struct UNet2DModel {
    /// The network's shape.
    package let configuration: UNet2DModelConfiguration
    let input: Conv2d
    let timeEmbedding: TimestepEmbedding
    let down: [Stage]
    let middle: [ResnetBlock2D]
    let up: [Stage]
    private let outputNorm: GroupNorm
    private let output: Conv2d
    private let computeType: DType

    /// Residual blocks, and one that halves or doubles the map after them.
    struct Stage {
        let blocks: [ResnetBlock2D]
        let resampler: ResnetBlock2D?
    }

    /// Builds the network from a checkpoint.
    ///
    /// - Parameters:
    ///   - scope: where the parameters are, named as the reference names them.
    ///   - configuration: the network's shape.
    /// - Throws: `ParameterError` when a parameter is missing or has another shape.
    package init(_ scope: ParameterScope, _ configuration: UNet2DModelConfiguration) throws {
        let widths = configuration.blockOutChannels
        let (count, layers) = (widths.count, configuration.layersPerBlock)
        self.configuration = configuration
        computeType = scope.store.computeType
        var settings = UNetBlockSettings(
            timeWidth: configuration.timeEmbeddingDim,
            conditionWidth: 0,
            groups: configuration.normNumGroups,
            epsilon: configuration.normEps,
            timeScaleShift: configuration.resnetTimeScaleShift,
            outputScale: 1
        )
        input = try Conv2d(scope["conv_in"], from: configuration.inChannels, to: widths[0], kernel: 3, padding: 1)
        timeEmbedding = try TimestepEmbedding(
            scope["time_embedding"],
            from: widths[0],
            to: configuration.timeEmbeddingDim
        )
        down = try (0..<count).map { index in
            let (scope, output) = (scope["down_blocks"][index], widths[index])
            return Stage(
                blocks: try (0..<layers).map { layer in
                    let input = layer == 0 ? widths[max(0, index - 1)] : output
                    return try ResnetBlock2D(scope["resnets"][layer], from: input, to: output, settings)
                },
                resampler: index == count - 1
                    ? nil
                    : try ResnetBlock2D(
                        scope["downsamplers"][0],
                        from: output,
                        to: output,
                        settings,
                        resampling: .down
                    )
            )
        }
        up = try (0..<count).map { index in
            let mirrored = count - 1 - index
            let (scope, output) = (scope["up_blocks"][index], widths[mirrored])
            return Stage(
                blocks: try (0...layers).map { layer in
                    let below = layer == 0 ? widths[min(count - 1, mirrored + 1)] : output
                    let skip = layer == layers ? widths[max(0, mirrored - 1)] : output
                    return try ResnetBlock2D(scope["resnets"][layer], from: below + skip, to: output, settings)
                },
                resampler: index == count - 1
                    ? nil
                    : try ResnetBlock2D(scope["upsamplers"][0], from: output, to: output, settings, resampling: .up)
            )
        }
        settings.outputScale = configuration.midBlockScaleFactor
        middle = try (0..<2).map { [settings] index in
            try ResnetBlock2D(
                scope["mid_block"]["resnets"][index],
                from: widths[count - 1],
                to: widths[count - 1],
                settings
            )
        }
        outputNorm = try GroupNorm(
            scope["conv_norm_out"],
            groups: configuration.normNumGroups,
            channels: widths[0],
            epsilon: configuration.normEps
        )
        output = try Conv2d(scope["conv_out"], from: widths[0], to: configuration.outChannels, kernel: 3, padding: 1)
    }

    /// One prediction.
    ///
    /// - Parameters:
    ///   - sample: the noisy sample and what stands beside it, `[batch, inChannels, height, width]`, both sides multiples
    ///     of `configuration.downsamplingFactor`.
    ///   - timestep: where in the schedule each sample is, `[batch]`, or `[1]` for all of them.
    /// - Returns: `[batch, outChannels, height, width]` in float32.
    package func callAsFunction(_ sample: Tensor, _ timestep: Tensor) -> Tensor {
        let time = time(timestep)
        var x = input(sample.to(computeType).channelsLast())
        var skips = [x]
        for stage in down {
            for block in stage.blocks {
                x = block(x, time: time)
                skips.append(x)
            }
            if let resampler = stage.resampler {
                x = resampler(x, time: time)
                skips.append(x)
            }
        }
        x = middle.reduce(x) { x, block in block(x, time: time) }
        for stage in up {
            for block in stage.blocks {
                guard let skip = skips.popLast() else { return x }
                x = block(.cat([x, skip], dim: 1), time: time)
            }
            x = stage.resampler?(x, time: time) ?? x
        }
        return output(outputNorm(x, silu: true)).to(.float32)
    }

    /// The time as the residual blocks take it, `[batch, timeEmbeddingDim]`.
    private func time(_ timestep: Tensor) -> Tensor {
        let sinusoids = sinusoidalEmbedding(
            timestep,
            width: configuration.blockOutChannels[0],
            flipSinToCos: configuration.flipSinToCos,
            frequencyShift: Double(configuration.freqShift)
        )
        return timeEmbedding(sinusoids.to(computeType)).silu()
    }
}
