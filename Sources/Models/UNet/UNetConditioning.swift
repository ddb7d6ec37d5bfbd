import LienzoNN
import LienzoTorch

/// The projections of what a U-Net is told: into tokens that its attention sees, and into what is added to the time.
enum UNetConditioning {
    /// Kandinsky 2.1.
    case textImage(TextImageProjection, TextImageTimeEmbedding)
    /// Kandinsky 2.2.
    case image(ImageProjection, ImageTimeEmbedding)

    init(_ scope: ParameterScope, _ configuration: UNet2DConditionConfiguration) throws {
        let tokens = scope["encoder_hid_proj"]
        let time = scope["add_embedding"]
        switch configuration.conditioning {
        case .textImage:
            self = .textImage(
                try TextImageProjection(tokens, configuration),
                try TextImageTimeEmbedding(time, configuration)
            )
        case .image:
            self = .image(try ImageProjection(tokens, configuration), try ImageTimeEmbedding(time, configuration))
        }
    }
}

/// Ten tokens made of the image embedding, then the text encoding's.
///
/// Source: `diffusers/models/embeddings.py`, `TextImageProjection`.
struct TextImageProjection {
    /// Tokens that the image embedding becomes.
    static let imageTokens = 10

    private let image: Linear
    private let text: Linear
    private let width: Int

    init(_ scope: ParameterScope, _ configuration: UNet2DConditionConfiguration) throws {
        width = configuration.crossAttentionDim
        image = try Linear(scope["image_embeds"], from: width, to: Self.imageTokens * width)
        text = try Linear(scope["text_proj"], from: configuration.encoderHidDim, to: width)
    }

    /// - Parameters:
    ///   - textEncoding: `[batch, tokens, encoderHidDim]`.
    ///   - imageEmbedding: `[batch, crossAttentionDim]`.
    /// - Returns: `[batch, 10 + tokens, crossAttentionDim]`.
    func callAsFunction(textEncoding: Tensor, imageEmbedding: Tensor) -> Tensor {
        .cat([image(imageEmbedding).reshape(-1, Self.imageTokens, width), text(textEncoding)], dim: 1)
    }
}

/// What text and image embedding add to the time embedding.
///
/// Source: `diffusers/models/embeddings.py`, `TextImageTimeEmbedding`.
struct TextImageTimeEmbedding {
    private let text: Linear
    private let textNorm: LayerNorm
    private let image: Linear

    init(_ scope: ParameterScope, _ configuration: UNet2DConditionConfiguration) throws {
        let (width, timeWidth) = (configuration.crossAttentionDim, configuration.timeEmbeddingDim)
        text = try Linear(scope["text_proj"], from: width, to: timeWidth)
        textNorm = try LayerNorm(scope["text_norm"], width: timeWidth)
        image = try Linear(scope["image_proj"], from: width, to: timeWidth)
    }

    /// - Parameters: `[batch, crossAttentionDim]` each.
    /// - Returns: `[batch, timeEmbeddingDim]`.
    func callAsFunction(textEmbedding: Tensor, imageEmbedding: Tensor) -> Tensor {
        image(imageEmbedding) + textNorm(text(textEmbedding))
    }
}

/// 32 tokens made of the image embedding.
///
/// Source: `diffusers/models/embeddings.py`, `ImageProjection`.
struct ImageProjection {
    /// Tokens that the image embedding becomes.
    static let imageTokens = 32

    private let image: Linear
    private let norm: LayerNorm
    private let width: Int

    init(_ scope: ParameterScope, _ configuration: UNet2DConditionConfiguration) throws {
        width = configuration.crossAttentionDim
        image = try Linear(scope["image_embeds"], from: configuration.encoderHidDim, to: Self.imageTokens * width)
        norm = try LayerNorm(scope["norm"], width: width)
    }

    /// - Parameter imageEmbedding: `[batch, encoderHidDim]`.
    /// - Returns: `[batch, 32, crossAttentionDim]`.
    func callAsFunction(_ imageEmbedding: Tensor) -> Tensor {
        norm(image(imageEmbedding).reshape(-1, Self.imageTokens, width))
    }
}

/// What the image embedding adds to the time embedding.
///
/// Source: `diffusers/models/embeddings.py`, `ImageTimeEmbedding`.
struct ImageTimeEmbedding {
    private let image: Linear
    private let norm: LayerNorm

    init(_ scope: ParameterScope, _ configuration: UNet2DConditionConfiguration) throws {
        image = try Linear(
            scope["image_proj"],
            from: configuration.encoderHidDim,
            to: configuration.timeEmbeddingDim
        )
        norm = try LayerNorm(scope["image_norm"], width: configuration.timeEmbeddingDim)
    }

    /// - Parameter imageEmbedding: `[batch, encoderHidDim]`.
    /// - Returns: `[batch, timeEmbeddingDim]`.
    func callAsFunction(_ imageEmbedding: Tensor) -> Tensor { norm(image(imageEmbedding)) }
}
