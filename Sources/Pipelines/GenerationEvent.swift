public import LienzoImages

/// A part of the way from words to pictures.
public enum GenerationStage: String, Sendable, CaseIterable, Codable {
    /// The model is read from its directory; once for a pipeline.
    case loading
    /// Words to text embedding and text encoding; once for a request.
    case text
    /// The given picture to latents; only where there is one.
    case encoding
    /// Text embedding to image embedding, by diffusion.
    case prior
    /// Text and image embedding to latents, by diffusion.
    case decoder
    /// Latents to pixels.
    case autoencoder
    /// A small picture to a large one, by diffusion; of models that make small ones.
    case enlarging
    /// The candidates for a picture to the one that fits the words best; only where there are several.
    case ranking
    /// The picture to whether it shall be shown; only where the model has a safety checker.
    case checking
}

/// How far a request has come.
public struct GenerationProgress: Sendable, Equatable {
    /// The stage that works.
    public let stage: GenerationStage
    /// The picture that is being made, from 0.
    public let picture: Int
    /// How many pictures the request asks for.
    public let pictures: Int
    /// Steps of the stage that are done.
    public let step: Int
    /// Steps that the stage has.
    public let steps: Int
}

/// A picture made from words.
public struct GeneratedPicture: Sendable, Equatable {
    /// The picture.
    public let image: Image
    /// Its place in the request, from 0.
    public let index: Int
    /// The seed that makes it again.
    public let seed: UInt64
}

/// What happens while pictures are made, in the order in which it happens.
public enum GenerationEvent: Sendable, Equatable {
    /// Something the user should know, as one sentence: a prompt that was cut, an unknown key in a configuration.
    case notice(String)
    /// A stage begins for a picture (`step` is 0) or has done a step.
    case progress(GenerationProgress)
    /// What the decoder takes the picture to be after some steps.
    case preview(Image, GenerationProgress)
    /// A stage has ended for a picture, after so many seconds.
    case finishedStage(GenerationStage, seconds: Double)
    /// A picture is done.
    case picture(GeneratedPicture)
}
