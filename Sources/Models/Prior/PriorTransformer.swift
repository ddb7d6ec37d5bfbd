package import LienzoNN
package import LienzoTorch

/// The prior of unCLIP: predicts an image embedding from a noisy one, the time and the text.
///
/// A causal transformer over the tokens text encoding, text embedding, time, noisy image embedding, prediction. Because
/// no token sees a later one, the text's part of every layer is the same in every step: ``context(textEmbedding:textEncoding:textMask:)``
/// computes it once, and a step runs three tokens:
///
/// ```swift
/// let context = try prior.context(textEmbedding: text, textEncoding: tokens, textMask: mask)
/// for timestep in timesteps { … prior(embedding, timestep, context) … }
/// ```
///
/// Computes in the type of its parameters' store and answers in float32. In training the same calls record gradients,
/// through the context too.
///
/// Source: Ramesh et al. 2022, section 2.2; `diffusers/models/transformers/prior_transformer.py`.
package struct PriorTransformer {
    /// The network's shape.
    package let configuration: PriorTransformerConfiguration
    /// What ``standardised(_:)`` subtracts, `[1, clipEmbedDim]`: the mean of the data set's image embeddings.
    package let clipMean: Tensor
    /// What ``standardised(_:)`` divides by, `[1, clipEmbedDim]`: their standard deviation.
    package let clipStd: Tensor

    let timeEmbedding: TimestepEmbedding
    let input: Linear
    let textEmbeddingNorm: LayerNorm?
    let textEmbeddingProjection: Linear
    let textEncodingProjection: Linear
    let positionalEmbedding: Parameter
    let predictionEmbedding: Parameter
    let inputNorm: LayerNorm?
    let blocks: [BasicTransformerBlock]
    let outputNorm: LayerNorm
    let output: Linear
    private let computeType: DType

    /// Builds the network from a checkpoint or, for training, from initialisers (the reference's: PyTorch's defaults,
    /// positions, prediction token, mean and deviation at zero).
    ///
    /// - Parameters:
    ///   - scope: where the parameters are, named as the reference names them.
    ///   - configuration: the network's shape.
    /// - Throws: `ParameterError` when a parameter is missing or has another shape.
    package init(_ scope: ParameterScope, _ configuration: PriorTransformerConfiguration) throws {
        let width = configuration.width
        let tokens = configuration.numEmbeddings + PriorTransformerConfiguration.additionalEmbeddings
        self.configuration = configuration
        computeType = scope.store.computeType

        timeEmbedding = try TimestepEmbedding(
            scope["time_embedding"],
            from: width,
            to: configuration.timeEmbedDim,
            output: width,
            activation: configuration.timeEmbedActFn == .gelu ? .gelu : .silu
        )
        input = try Linear(scope["proj_in"], from: configuration.embeddingDim, to: width)
        textEmbeddingNorm =
            configuration.embeddingProjNormType == .layer
            ? try LayerNorm(scope["embedding_proj_norm"], width: configuration.embeddingProjDim) : nil
        textEmbeddingProjection = try Linear(scope["embedding_proj"], from: configuration.embeddingProjDim, to: width)
        textEncodingProjection = try Linear(
            scope["encoder_hidden_states_proj"],
            from: configuration.embeddingDim,
            to: width
        )
        positionalEmbedding = try scope.parameter("positional_embedding", [1, tokens, width], initial: .zeros)
        predictionEmbedding = try scope.parameter("prd_embedding", [1, 1, width], initial: .zeros)
        inputNorm = configuration.normInType == .layer ? try LayerNorm(scope["norm_in"], width: width) : nil
        var blocks: [BasicTransformerBlock] = []
        for index in 0..<configuration.numLayers {
            blocks.append(
                try BasicTransformerBlock(
                    scope["transformer_blocks"][index],
                    width: width,
                    heads: configuration.numAttentionHeads,
                    activation: .gelu
                )
            )
        }
        self.blocks = blocks
        outputNorm = try LayerNorm(scope["norm_out"], width: width)
        output = try Linear(scope["proj_to_clip_embeddings"], from: width, to: configuration.clipEmbedDim)
        clipMean = try scope.buffer("clip_mean", [1, configuration.clipEmbedDim], initial: .zeros)
        clipStd = try scope.buffer("clip_std", [1, configuration.clipEmbedDim], initial: .zeros)
    }

    /// One prediction.
    ///
    /// - Parameters:
    ///   - sample: the noisy image embeddings, standardised, `[batch, embeddingDim]`.
    ///   - timestep: where in the schedule each is, `[batch]`, or `[1]` for all of them.
    ///   - context: the text, of the same batch.
    /// - Returns: the image embeddings, standardised, `[batch, clipEmbedDim]` in float32.
    package func callAsFunction(_ sample: Tensor, _ timestep: Tensor, _ context: Context) -> Tensor {
        var x = suffix(sample, timestep)
        for (block, past) in zip(blocks, context.past) {
            x = block(x, mask: context.mask, past: past)
        }
        // The prediction is what the last token has become: [B, 3, width] → [B, width].
        return output(outputNorm(x.select(dim: 1, index: 2))).to(.float32)
    }

    /// The image embeddings that standardised ones stand for: `x · clipStd + clipMean`, in float32.
    ///
    /// Source: `PriorTransformer.post_process_latents`.
    package func unstandardised(_ x: Tensor) -> Tensor {
        x.to(.float32) * clipStd + clipMean
    }

    /// What the diffusion works on: image embeddings with mean 0 and variance 1 over the data set, in float32.
    package func standardised(_ imageEmbedding: Tensor) -> Tensor {
        (imageEmbedding.to(.float32) - clipMean) / clipStd
    }
}

// MARK: The tokens

extension PriorTransformer {
    /// Text encoding and text embedding, projected and placed: `[batch, numEmbeddings + 1, width]`.
    func prefix(textEmbedding: Tensor, textEncoding: Tensor) -> Tensor {
        let embedding = textEmbedding.to(computeType)
        let x = Tensor.cat(
            [
                textEncodingProjection(textEncoding.to(computeType)),
                textEmbeddingProjection(textEmbeddingNorm?(embedding) ?? embedding).unsqueeze(1),
            ],
            dim: 1
        )
        return placed(x, at: 0)
    }

    /// Time, noisy image embedding and prediction token, projected and placed: `[batch, 3, width]`.
    func suffix(_ sample: Tensor, _ timestep: Tensor) -> Tensor {
        let (B, width) = (sample.size(0), configuration.width)
        let sinusoids = sinusoidalEmbedding(timestep, width: width, flipSinToCos: true, frequencyShift: 0)
        let x = Tensor.cat(
            [
                timeEmbedding(sinusoids.to(computeType)).unsqueeze(1).expand(B, 1, width),
                input(sample.to(computeType)).unsqueeze(1),
                predictionEmbedding().expand(B, 1, width),
            ],
            dim: 1
        )
        return placed(x, at: configuration.numEmbeddings + 1)
    }

    private func placed(_ x: Tensor, at start: Int) -> Tensor {
        let positions = positionalEmbedding().narrow(dim: 1, start: start, length: x.size(1))
        let x = x + positions
        return inputNorm?(x) ?? x
    }
}

// MARK: The text

extension PriorTransformer {
    /// The text as every layer sees it; the same in every step of a run.
    package struct Context {
        /// Keys and values of the text's tokens, for each block.
        let past: [KeyValue]
        /// What is added to the scores of the three tokens of a step: `[batch, 1, 3, tokens]`.
        let mask: Tensor
    }

    /// Runs the text's tokens through the network.
    ///
    /// For classifier-free guidance, put both texts into one batch.
    ///
    /// - Parameters:
    ///   - textEmbedding: `[batch, embeddingProjDim]`.
    ///   - textEncoding: `[batch, numEmbeddings, embeddingDim]`.
    ///   - textMask: which tokens are text and not padding, `[batch, numEmbeddings]`, boolean. The first token of each
    ///     text must be, as every tokenizer's start token is: the reference would let a text without it look ahead.
    /// - Returns: what every step takes.
    /// - Throws: ``PriorError`` when `textMask` has another shape or leaves out a first token.
    package func context(
        textEmbedding: Tensor,
        textEncoding: Tensor,
        textMask: Tensor
    ) throws(PriorError) -> Context {
        let (B, S) = (textEncoding.size(0), configuration.numEmbeddings)
        guard textMask.shape == [B, S] else {
            throw .maskShape(expected: [B, S], found: textMask.shape)
        }
        guard textMask.select(dim: 1, index: 0).to(.float32).min().item > 0 else { throw .maskedStart }

        let mask = mask(textMask)
        var x = prefix(textEmbedding: textEmbedding, textEncoding: textEncoding)
        let prefixMask = mask.narrow(dim: 2, start: 0, length: S + 1).narrow(dim: 3, start: 0, length: S + 1)
        var past: [KeyValue] = []
        for block in blocks.dropLast() {
            let (tokens, keyValue) = block.begin(x, mask: prefixMask)
            past.append(keyValue)
            x = tokens
        }
        if let last = blocks.last { past.append(last.keyValue(of: x)) }
        return Context(past: past, mask: mask.narrow(dim: 2, start: S + 1, length: 3))
    }

    /// What is added to the scores: −10000 for padding and −10000 for later tokens, as the reference has it,
    /// `[batch, 1, tokens, tokens]`.
    func mask(_ textMask: Tensor) -> Tensor {
        let (B, S) = (textMask.size(0), textMask.size(1))
        let tokens = S + PriorTransformerConfiguration.additionalEmbeddings
        let causal = Tensor.full([tokens, tokens], -10_000, device: textMask.device).upperTriangle(diagonal: 1)
        let padding = ((textMask.to(.float32) - 1) * 10_000).padded([0, tokens - S])
        // [B, 1, 1, tokens] + [tokens, tokens] → [B, 1, tokens, tokens]
        return (padding.reshape(B, 1, 1, tokens) + causal).to(computeType)
    }
}

/// A text that a prior cannot take.
package enum PriorError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The mask is not one flag per token.
    case maskShape(expected: [Int], found: [Int])
    /// The mask leaves out the first token of a text.
    case maskedStart

    package var description: String {
        switch self {
        case .maskShape(let expected, let found):
            "The prior's text mask must have the shape \(expected) and has \(found); pad the text to the length that "
                + "num_embeddings in the prior's config.json gives."
        case .maskedStart:
            "The prior's text mask leaves out the first token of a text, which must be the start token; mask padding "
                + "after the text only."
        }
    }
}
