public import LienzoImages

/// Where the image embedding comes from that a decoder turns into a picture.
///
/// Every way but ``prompt`` leaves the seed's noise to the decoder alone or draws from it first as the reference does, so
/// that the picture is the reference's.
public enum ImageEmbeddingSource: Sendable, Equatable {
    /// The prior makes it of the prompt.
    case prompt
    /// Pictures, texts and embeddings, each with a weight.
    ///
    /// Source: diffusers' `KandinskyV22PriorPipeline.interpolate` for ``Blending/sum``; Ramesh et al. 2022, section 3.2,
    /// for ``Blending/spherical``.
    case blend([Ingredient], Blending = .sum)
    /// A picture's embedding, turned by a share of the way towards the difference between two texts: 0 leaves the
    /// picture as it is, 0.25 to 0.5 are usual, 1 leaves nothing of it.
    ///
    /// Source: Ramesh et al. 2022, section 3.3.
    case shift(Image, from: String, to: String, share: Double)
    /// One that was made before.
    case given(ImageEmbedding)

    /// The embedding of one picture: the decoder makes variations of it.
    ///
    /// - Parameter image: the picture.
    /// - Returns: a blend of it alone.
    public static func variation(of image: Image) -> ImageEmbeddingSource {
        .blend([Ingredient(.picture(image))])
    }

    /// The most ingredients of one blend.
    public static let ingredientLimit = 64

    /// Something that a blend is made of.
    public struct Ingredient: Sendable, Equatable {
        /// What has an image embedding.
        public enum Content: Sendable, Equatable {
            /// Words, of which the prior makes it.
            case text(String)
            /// A picture, whose embedding the image encoder gives.
            case picture(Image)
            /// An embedding, as many numbers as the model's have.
            case embedding([Float])
        }

        /// What it is.
        public var content: Content
        /// How much of it.
        public var weight: Double

        /// - Parameters:
        ///   - content: what it is.
        ///   - weight: how much of it; weights usually add up to 1.
        public init(_ content: Content, weight: Double = 1) {
            self.content = content
            self.weight = weight
        }
    }

    /// How embeddings become one.
    public enum Blending: String, Sendable, CaseIterable {
        /// The sum of weight times embedding, as Kandinsky does.
        case sum
        /// Along the great circle between them, one after the other by their share of the weights so far, as DALL·E 2
        /// does; lengths are blended apart.
        case spherical
    }

    /// Throws ``PipelineError/invalidRequest(reason:)`` for the first value that is out of range.
    func validate() throws(PipelineError) {
        func require(_ condition: Bool, _ sentence: String) throws(PipelineError) {
            guard condition else { throw .invalidRequest(reason: sentence) }
        }
        func requireText(_ text: String, _ name: String) throws(PipelineError) {
            let limit = GenerationRequest.promptLimit
            try require(text.contains { !$0.isWhitespace }, "The \(name) is empty; say what it shall show.")
            try require(
                text.utf8.count <= limit,
                "The \(name) has \(text.utf8.count) bytes; at most \(limit) are read."
            )
        }
        switch self {
        case .prompt: break
        case .blend(let ingredients, let blending):
            try require(
                (1...Self.ingredientLimit).contains(ingredients.count),
                "A blend has \(ingredients.count) ingredients; it must have from 1 to \(Self.ingredientLimit)."
            )
            for ingredient in ingredients {
                try require(
                    ingredient.weight.isFinite && abs(ingredient.weight) <= 100,
                    "A weight is \(ingredient.weight); it must be from -100 to 100."
                )
                if case .text(let text) = ingredient.content { try requireText(text, "text of an ingredient") }
            }
            try require(
                blending == .sum || ingredients.allSatisfy { $0.weight > 0 },
                "A weight is 0 or less; blending along the sphere takes weights above 0."
            )
        case .shift(_, let from, let to, let share):
            try requireText(from, "text to go away from")
            try requireText(to, "text to go towards")
            try require((0...1).contains(share), "The share is \(share); it must be from 0 to 1.")
        case .given: break
        }
    }

    /// Throws ``PipelineError/invalidRequest(reason:)`` where an embedding that is given has not as many numbers as the
    /// model's.
    func requireNumbers(_ width: Int) throws(PipelineError) {
        for numbers in given where numbers.count != width || !numbers.allSatisfy(\.isFinite) {
            throw .invalidRequest(
                reason: "An image embedding has \(numbers.count) numbers; it must have \(width), all of them finite."
            )
        }
    }

    /// All embeddings that are given as numbers.
    private var given: [[Float]] {
        switch self {
        case .prompt, .shift: return []
        case .given(let embedding): return [embedding.values] + (embedding.negative.map { [$0] } ?? [])
        case .blend(let ingredients, _):
            return ingredients.compactMap {
                if case .embedding(let values) = $0.content { values } else { nil }
            }
        }
    }
}

/// A point of the space that a model's pictures and texts share.
public struct ImageEmbedding: Sendable, Equatable {
    /// The numbers, as the prior or the image encoder gives them: not normalised.
    public var values: [Float]
    /// What guidance pushes away from; the model's own where `nil`.
    public var negative: [Float]?
    /// The cosine to the embedding of the words that it was made of, -1 to 1, where it was made of words.
    public var similarity: Float?

    /// - Parameters:
    ///   - values: the numbers.
    ///   - negative: what guidance pushes away from; the model's own where `nil`.
    ///   - similarity: the cosine to the embedding of the words that it was made of.
    public init(_ values: [Float], negative: [Float]? = nil, similarity: Float? = nil) {
        self.values = values
        self.negative = negative
        self.similarity = similarity
    }
}
