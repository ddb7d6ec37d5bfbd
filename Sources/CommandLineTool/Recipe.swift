import Foundation
import LienzoCheckpoints
import LienzoData
import LienzoImages
import LienzoPipelines
import LienzoTorch

/// All that is needed to make a picture again; a PNG carries it as JSON under ``key``.
///
/// What a user did not say is filled in with the model's own numbers before it is written, so that other defaults of a
/// later version change nothing.
struct Recipe: Codable, Equatable {
    /// Under which name a PNG has it.
    static let key = "lienzo"

    /// A file that the picture was made from.
    struct File: Codable, Equatable {
        let path: String
        /// Of its bytes.
        let sha256: String

        init(_ path: String) throws {
            self.path = path
            sha256 = try fileDigest(path)
        }
    }

    /// Where the image embedding came from, if not from the prompt.
    enum Source: Codable, Equatable {
        case blend([Ingredient], spherical: Bool)
        case shift(File, from: String, to: String, share: Double)
        /// A row of a file that `lienzo prior` wrote.
        case file(File, row: Int)
    }

    /// A part of a blend: a text or a picture.
    struct Ingredient: Codable, Equatable {
        var text: String?
        var picture: File?
        var weight: Double
    }

    /// A picture that shapes the result, and what looks at it where that is not the model itself.
    struct Control: Codable, Equatable {
        let hint: File
        /// A control network by id or path.
        var network: ScaledPath?
        /// In which part of the steps it acts, of 0 to 1.
        var start: Double?
        var end: Double?
    }

    /// As the user named it; `mini` where nobody did.
    var model: String?
    /// The folder of the prior, of models that are published as two.
    var prior: String?
    var precision: Precision?
    var storage: WeightStorage?
    var memory: MemoryUse?
    var adaptations: [ScaledPath]?
    /// Files of textual inversion, with their words as the user gave them.
    var learnedWords: [String]?

    var prompt: String
    var negativePrompt: String?
    var seed: UInt64
    var steps: Int?
    var priorSteps: Int?
    var guidance: Double?
    var priorGuidance: Double?
    var guidanceRescale: Double?
    var candidates: Int?
    var width: Int?
    var height: Int?
    var scheduler: String?

    var image: File?
    var mask: File?
    var strength: Double?
    var controls: [Control]?
    var guessMode: Bool?
    var source: Source?
    /// `false` where the model's safety checker was turned off.
    var checksSafety: Bool?
    /// `false` where the watermark of Stable Diffusion XL was left out.
    var addsWatermark: Bool?
    /// How much noise goes on the image embedding, of Stable unCLIP.
    var embeddingNoise: Int?
}

// MARK: - To a request

extension Recipe {
    /// The request, without the pictures that it is made from.
    ///
    /// - Parameter usual: what the model does when nobody says.
    /// - Returns: the request with what the recipe says.
    func settings(over usual: GenerationRequest) -> GenerationRequest {
        var request = usual
        request.prompt = prompt
        request.negativePrompt = negativePrompt ?? usual.negativePrompt
        request.seed = seed
        request.steps = steps ?? usual.steps
        request.priorSteps = priorSteps ?? usual.priorSteps
        request.guidance = guidance ?? usual.guidance
        request.priorGuidance = priorGuidance ?? usual.priorGuidance
        request.guidanceRescale = guidanceRescale ?? usual.guidanceRescale
        request.candidates = candidates ?? usual.candidates
        request.width = width ?? usual.width
        request.height = height ?? usual.height
        request.scheduler = scheduler ?? usual.scheduler
        request.checksSafety = checksSafety ?? usual.checksSafety
        request.addsWatermark = addsWatermark ?? usual.addsWatermark
        request.embeddingNoise = embeddingNoise ?? usual.embeddingNoise
        request.guessMode = guessMode ?? usual.guessMode
        return request
    }

    /// The whole request.
    ///
    /// - Parameter usual: what the model does when nobody says.
    /// - Returns: the request with all pictures.
    /// - Throws: one sentence where a file is missing, is another one than the recipe was written with, or cannot be
    ///   read.
    func request(over usual: GenerationRequest) throws -> GenerationRequest {
        var request = settings(over: usual)
        request.image = try image.map(read)
        request.mask = try mask.map(read)
        request.strength = strength
        request.hints = try (controls ?? []).map {
            ControlHint(try read($0.hint), scale: $0.network?.scale ?? 1, start: $0.start ?? 0, end: $0.end ?? 1)
        }
        request.imageEmbedding =
            switch source {
            case nil: .prompt
            case .blend(let ingredients, let spherical):
                .blend(
                    try ingredients.map { ingredient in
                        if let picture = ingredient.picture {
                            return .init(.picture(try read(picture)), weight: ingredient.weight)
                        }
                        return .init(.text(ingredient.text ?? ""), weight: ingredient.weight)
                    },
                    spherical ? .spherical : .sum
                )
            case .shift(let picture, let from, let to, let share):
                .shift(try read(picture), from: from, to: to, share: share)
            case .file(let file, let row):
                .given(try EmbeddingTable(checked(file)).embedding(row: row))
            }
        return request
    }

    /// The recipe with the model's own numbers where it says nothing.
    func completed(by request: GenerationRequest) -> Recipe {
        var recipe = self
        recipe.steps = request.steps
        recipe.priorSteps = request.priorSteps
        recipe.guidance = request.guidance
        recipe.priorGuidance = request.priorGuidance
        recipe.guidanceRescale = request.guidanceRescale
        recipe.candidates = request.candidates
        return recipe
    }

    private func read(_ file: File) throws -> Image { try Image(contentsOf: checked(file)) }

    private func checked(_ file: File) throws -> String {
        guard try fileDigest(file.path) == file.sha256 else {
            throw CommandError("\(file.path) is not the file that the picture was made from: its bytes are others.")
        }
        return file.path
    }
}

/// The arithmetic of the networks.
enum Precision: String, CaseIterable, Codable {
    case fp32, bf16

    var type: DType { self == .fp32 ? .float32 : .bfloat16 }
}

/// A file of LoRA, or a control network by id or path, and how strong it is: `style.safetensors:0.8`.
struct ScaledPath: Codable, Equatable {
    let path: String
    let scale: Double

    init?(_ text: String) {
        // A path may have colons; what follows the last one is a scale only where it is a number.
        if let colon = text.lastIndex(of: ":"), let scale = Double(text[text.index(after: colon)...]) {
            (path, self.scale) = (String(text[..<colon]), scale)
        } else {
            (path, scale) = (text, 1)
        }
        guard !path.isEmpty, scale.isFinite else { return nil }
    }
}
