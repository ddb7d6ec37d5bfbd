import LienzoDiffusion
import LienzoImages
import LienzoModels
import LienzoNN
import LienzoTorch

/// The networks that make image embeddings, of a model that has either an image encoder or a prior.
struct ImageEmbedder {
    private enum Networks {
        case pictures(Part<VisionTransformer>, CLIPImageConfiguration)
        case words(TextPrior)
    }

    private let networks: Networks
    private let device: Device

    /// Makes the networks ready, which the first request reads that does not give the embedding.
    ///
    /// - Parameters:
    ///   - directory: the model directory.
    ///   - configuration: what its networks are.
    ///   - loader: says where and in which type they compute.
    ///   - text: the prior's text encoder, where the model has it for another network, too.
    /// - Throws: one sentence where a file cannot be read, or a tensor is missing, surplus or misshapen.
    init(
        _ directory: ModelDirectory,
        _ configuration: ImageEmbedderConfiguration,
        _ loader: PartLoader,
        text: Part<StableDiffusionText>? = nil
    ) throws {
        device = loader.device
        switch configuration {
        case .pictures(let images):
            let encoder = try Part(loader, isOptional: true) {
                try $0.load(
                    part: directory.folder(of: "image_encoder"),
                    as: { HuggingFaceCLIPNames($0) },
                    ignoring: CLIP.isIgnorable
                ) { try VisionTransformer($0["visual"], images.tower) }
            }
            networks = .pictures(encoder, images)
        case .words(let prior):
            networks = .words(try TextPrior(directory, prior, loader, text: text))
        }
    }

    /// The image embedding of one picture of a request, `[1, width]`, float32, not normalised.
    ///
    /// - Parameters:
    ///   - plan: what it is made of.
    ///   - request: says how hard the prior follows the words.
    ///   - picture: which of the request's pictures.
    ///   - noise: the prior's, drawn from as often and in the order that the reference has.
    ///   - report: is told what happens.
    /// - Returns: the embedding.
    /// - Throws: where weights cannot be read, and `CancellationError`.
    func embedding(
        _ plan: ImageEmbeddingPlan,
        _ request: GenerationRequest,
        picture: Int,
        noise: NoiseSource,
        report: GenerationReport
    ) throws -> Tensor {
        let parts = try plan.ingredients.map { ingredient in
            switch (ingredient.content, networks, plan.priorSampler) {
            case (.embedding(let values), _, _):
                return Tensor(values, shape: [1, values.count]).to(device)
            case (.picture(let picture), .pictures(let encoder, let images), _):
                return try embedding(of: picture, encoder, images)
            case (.text(let text), .words(let prior), let sampler?):
                return try report.timed(.prior) {
                    try prior.embeddings(
                        prior.condition(text),
                        sampler: sampler,
                        guidance: Guidance(scale: request.priorGuidance),
                        picture: picture,
                        noise: noise,
                        report: report
                    )
                }
            default:
                preconditionFailure("a plan for this model lets no such ingredient through")
            }
        }
        return try torchScope { plan.blending(parts, plan.ingredients.map(\.weight)) }
    }

    private func embedding(
        of picture: Image,
        _ encoder: Part<VisionTransformer>,
        _ images: CLIPImageConfiguration
    ) throws -> Tensor {
        let size = images.preprocessing.size
        let pixels = try images.preprocessing(picture)
        return try torchScope {
            let batch = Tensor(pixels, shape: [1, 3, size, size]).to(device)
            return try encoder { $0(batch).to(.float32) }
        }
    }
}
