import LienzoNN
import LienzoTorch

/// The projections of what a U-Net is told: into tokens that its attention sees, and into what is added to the time.
enum UNetConditioning {
    /// Stable Diffusion 1 and 2: the text encoding as it is.
    case text
    /// Stable Diffusion XL.
    case textTime(TextTimeEmbedding)
    /// Kandinsky 2.1.
    case textImage(TextImageProjection, TextImageTimeEmbedding)
    /// Kandinsky 2.2.
    case image(ImageProjection, ImageTimeEmbedding)
    /// Kandinsky 2.2's ControlNet.
    case imageHint(ImageProjection, ImageTimeEmbedding, HintEncoder)

    init(_ scope: ParameterScope, _ configuration: UNet2DConditionConfiguration) throws {
        let tokens = scope["encoder_hid_proj"]
        let time = scope["add_embedding"]
        switch configuration.conditioning {
        case .text: self = .text
        case .textTime(let numberWidth, let width):
            self = .textTime(try TextTimeEmbedding(time, numberWidth: numberWidth, width: width, configuration))
        case .textImage:
            self = .textImage(
                try TextImageProjection(tokens, configuration),
                try TextImageTimeEmbedding(time, configuration)
            )
        case .image:
            self = .image(try ImageProjection(tokens, configuration), try ImageTimeEmbedding(time, configuration))
        case .imageHint:
            self = .imageHint(
                try ImageProjection(tokens, configuration),
                try ImageTimeEmbedding(time, configuration),
                try HintEncoder(time["input_hint_block"])
            )
        }
    }
}

/// What the text embedding and numbers add to the time embedding: each number's sinusoids behind the embedding, through
/// two linear layers.
///
/// Source: Podell et al. 2023, section 2.2; `diffusers/models/unets/unet_2d_condition.py`, `get_aug_embed`.
struct TextTimeEmbedding {
    private let embedding: TimestepEmbedding
    private let numberWidth: Int
    private let flipSinToCos: Bool
    private let frequencyShift: Double

    init(_ scope: ParameterScope, numberWidth: Int, width: Int, _ configuration: UNet2DConditionConfiguration) throws {
        self.numberWidth = numberWidth
        flipSinToCos = configuration.flipSinToCos
        frequencyShift = Double(configuration.freqShift)
        embedding = try TimestepEmbedding(scope, from: width, to: configuration.timeEmbeddingDim)
    }

    /// - Parameters:
    ///   - textEmbedding: `[batch, width − count · numberWidth]`.
    ///   - numbers: `[batch, count]`.
    ///   - type: the compute type.
    /// - Returns: `[batch, timeEmbeddingDim]`.
    func callAsFunction(_ textEmbedding: Tensor, _ numbers: Tensor, _ type: DType) -> Tensor {
        let sinusoids = sinusoidalEmbedding(
            numbers.flatten(),
            width: numberWidth,
            flipSinToCos: flipSinToCos,
            frequencyShift: frequencyShift
        )
        // [batch · count, numberWidth] → [batch, count · numberWidth]
        let joined = Tensor.cat([textEmbedding.to(.float32), sinusoids.reshape(numbers.size(0), -1)], dim: 1)
        return embedding(joined.to(type))
    }
}

/// What a class, or a vector in its place, adds to the time embedding.
///
/// Source: `diffusers/models/unets/unet_2d_condition.py`, `get_class_embed`.
enum UNetClassEmbedding {
    case timestep(TimestepEmbedding, width: Int, flipSinToCos: Bool, frequencyShift: Double)
    case projection(TimestepEmbedding)
    case identity
    case labels(Embedding)

    init?(_ scope: ParameterScope, _ configuration: UNet2DConditionConfiguration) throws {
        let (sinusoids, time) = (configuration.blockOutChannels[0], configuration.timeEmbeddingDim)
        switch configuration.classEmbedding {
        case nil: return nil
        case .identity: self = .identity
        case .labels(let count): self = .labels(try Embedding(scope, count: count, width: time))
        case .projection(let width): self = .projection(try TimestepEmbedding(scope, from: width, to: time))
        case .timestep:
            self = .timestep(
                try TimestepEmbedding(scope, from: sinusoids, to: time),
                width: sinusoids,
                flipSinToCos: configuration.flipSinToCos,
                frequencyShift: Double(configuration.freqShift)
            )
        }
    }

    /// `[batch]` or `[batch, width]` → `[batch, timeEmbeddingDim]` in the compute type.
    func callAsFunction(_ label: Tensor, _ type: DType) -> Tensor {
        switch self {
        case .identity: label.to(type)
        case .labels(let table): table(label)
        case .projection(let embedding): embedding(label.to(type))
        case .timestep(let embedding, let width, let flipSinToCos, let frequencyShift):
            embedding(
                sinusoidalEmbedding(
                    label,
                    width: width,
                    flipSinToCos: flipSinToCos,
                    frequencyShift: frequencyShift
                ).to(type)
            )
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

/// Convolutions that make of a picture, such as a depth map, a map as small as the sample: two of each width, of which
/// from the second width on the first widens and halves.
///
/// Source: `diffusers/models/embeddings.py`, `ImageHintTimeEmbedding.input_hint_block`; `controlnet.py`,
/// `ControlNetConditioningEmbedding`.
struct HintEncoder {
    /// By how much the hint's width and height shrink in Kandinsky.
    static let factor = 8
    /// Channels of the result in Kandinsky.
    static let channels = 4

    private let convolutions: [Conv2d]

    /// The encoder of Kandinsky, whose convolutions and activations are counted through.
    init(_ scope: ParameterScope) throws {
        try self.init((0..<8).map { scope[2 * $0] }, from: 3, widths: [16, 32, 96, 256], to: Self.channels)
    }

    /// - Parameters:
    ///   - scopes: of each convolution, two for each width.
    ///   - input: channels of the picture.
    ///   - widths: channels on the way; each but the first halves the map.
    ///   - output: channels of the result.
    /// - Throws: `ParameterError` where a tensor is missing or has another shape.
    init(_ scopes: [ParameterScope], from input: Int, widths: [Int], to output: Int) throws {
        let channels = [input] + widths.flatMap { [$0, $0] }.dropLast() + [output]
        convolutions = try scopes.indices.map { index in
            let widens = index % 2 == 0 && (2..<scopes.count - 1).contains(index)
            return try Conv2d(
                scopes[index],
                from: channels[index],
                to: channels[index + 1],
                kernel: 3,
                stride: widens ? 2 : 1,
                padding: 1
            )
        }
    }

    /// - Parameter hint: `[batch, input, factor · height, factor · width]`, as the network was trained on: 0…1.
    /// - Returns: `[batch, output, height, width]`.
    func callAsFunction(_ hint: Tensor) -> Tensor {
        convolutions.indices.reduce(hint) { x, index in
            convolutions[index](x, activation: index < convolutions.count - 1 ? .silu : .none)
        }
    }
}
