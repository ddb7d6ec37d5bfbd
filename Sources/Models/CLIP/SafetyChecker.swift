package import LienzoNN
package import LienzoTorch

/// Says of pictures whether they come near to one of a list of concepts that shall not be shown.
///
/// The concepts are published as embeddings alone. Near is a cosine above the concept's own threshold; a picture that is
/// near to one of the concepts of special care is judged a little harder.
///
/// Source: Rando et al. 2022, https://arxiv.org/abs/2210.04610; diffusers' `StableDiffusionSafetyChecker`.
package struct SafetyChecker {
    /// Embeddings with the cosine from which a picture is near to each.
    private struct Concepts {
        let embeddings: Parameter
        let thresholds: Parameter

        init(_ scope: ParameterScope, _ name: String, count: Int, width: Int) throws {
            embeddings = try scope.exactParameter(name, [count, width])
            thresholds = try scope.exactParameter("\(name)_weights", [count])
        }

        /// By how much the cosine of each picture to each concept is above its threshold, `[batch, count]`.
        func excess(_ pictures: Tensor) -> Tensor {
            pictures.normalized().matmul(embeddings().normalized().transpose(0, 1)) - thresholds()
        }
    }

    /// How near a picture is to each concept; above 0 is too near.
    package struct Scores: Sendable, Equatable {
        /// For the 3 concepts of special care.
        package let special: [Float]
        /// For the 17 concepts that are not shown.
        package let concepts: [Float]

        /// Whether the picture shall not be shown.
        package var isFlagged: Bool { concepts.contains { $0 > 0 } }

        /// Makes scores of what is above the thresholds: three decimals, and 0.01 more after the first special one.
        fileprivate init(special: ArraySlice<Float>, concepts: ArraySlice<Float>) {
            func rounded(_ score: Float) -> Float { (score * 1000).rounded(.toNearestOrEven) / 1000 }
            var adjustment: Float = 0
            self.special = special.map {
                let score = rounded($0 + adjustment)
                if score > 0 { adjustment = 0.01 }
                return score
            }
            self.concepts = concepts.map { rounded($0 + adjustment) }
        }
    }

    private static let (specialCount, conceptCount) = (3, 17)

    private let tower: VisionTransformer
    private let special: Concepts
    private let concepts: Concepts

    package init(_ scope: ParameterScope, _ configuration: SafetyCheckerConfiguration) throws {
        let width = configuration.tower.embeddingDimension
        tower = try VisionTransformer(scope["visual"], configuration.tower)
        special = try Concepts(scope, "special_care_embeds", count: Self.specialCount, width: width)
        concepts = try Concepts(scope, "concept_embeds", count: Self.conceptCount, width: width)
    }

    /// The scores of pictures.
    ///
    /// - Parameter pixels: `[batch, 3, imageSize, imageSize]`, normalised.
    /// - Returns: scores for each picture.
    package func callAsFunction(_ pixels: Tensor) -> [Scores] {
        let embeddings = tower(pixels).to(.float32)
        let (special, concepts) = (special.excess(embeddings).floats(), concepts.excess(embeddings).floats())
        return zip(
            stride(from: 0, to: special.count, by: Self.specialCount),
            stride(from: 0, to: concepts.count, by: Self.conceptCount)
        ).map {
            Scores(
                special: special[$0..<$0 + Self.specialCount],
                concepts: concepts[$1..<$1 + Self.conceptCount]
            )
        }
    }
}
