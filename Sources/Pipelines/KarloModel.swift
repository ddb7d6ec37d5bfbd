import LienzoDiffusion
import LienzoModels
import LienzoTorch

/// The networks of Karlo and how they follow each other: text encoder, what makes image embeddings, decoder of small
/// pictures, super-resolution.
///
/// Not `Sendable`: a ``KarloPipeline`` owns it. Every function draws noise only from what it is given, in the
/// reference's order.
///
/// Source: Ramesh et al. 2022, section 2.1; diffusers' `UnCLIPPipeline` and `UnCLIPImageVariationPipeline`.
final class KarloModel {
    let embedder: ImageEmbedder
    private let configurations: KarloConfigurations
    private let text: Part<StableDiffusionText>
    private let decoder: Part<Decoder>
    private let enlargers: Part<[UNet2DModel]>
    private let device: Device

    private struct Decoder {
        let projection: UnCLIPTextProjection
        let network: UNet2DConditionModel
    }

    /// A prompt as the decoder sees it, behind the empty text where there is guidance.
    typealias Condition = (encoding: TextTransformer.Encoding, batch: TextBatch)

    /// Builds all networks from the weights of a model; those that do not stay are read when they are needed.
    ///
    /// The sampler's arithmetic is float32 whatever the type. A missing or unreadable file and a missing, surplus or
    /// misshapen tensor throw one sentence.
    init(_ configurations: KarloConfigurations, _ options: LoadingOptions = LoadingOptions()) throws {
        let (loader, directory) = (PartLoader(options), configurations.directory)
        self.configurations = configurations
        device = options.device
        let text = try Part(loader) { try StableDiffusionText(.directory(directory), configurations.text, $0) }
        self.text = text
        embedder = try ImageEmbedder(directory, configurations.embedder, loader, text: text)
        decoder = try Part(loader) { loader in
            Decoder(
                projection: try loader.load(part: directory.folder(of: "text_proj")) {
                    try UnCLIPTextProjection($0, configurations.projection)
                },
                network: try loader.load(part: directory.folder(of: "decoder")) {
                    try UNet2DConditionModel($0, configurations.decoder)
                }
            )
        }
        enlargers = try Part(loader) { loader in
            try [("super_res_first", configurations.enlarger), ("super_res_last", configurations.lastEnlarger)].map {
                part,
                configuration in
                try loader.load(part: directory.folder(of: part)) { try UNet2DModel($0, configuration) }
            }
        }
    }

    /// The prompt, and before it the empty text where there is guidance.
    ///
    /// - Throws: where the weights of an encoder that does not stay cannot be read.
    func encode(_ prompt: String, guidance: Guidance) throws -> Condition {
        try text { $0.encode(guidance.isActive ? ["", prompt] : [prompt]) }
    }

    /// The decoder's run: every element is one evaluation done, and the last sample is a small picture, about −1…1.
    ///
    /// - Parameters:
    ///   - condition: what ``encode(_:guidance:)`` gave.
    ///   - embedding: what the picture shall show, `[1, width]`.
    ///   - sampler: the update rule and the timesteps.
    ///   - guidance: how hard the condition is followed.
    ///   - noise: where the noise comes from.
    /// - Returns: the run, from its first step.
    /// - Throws: where the weights of a decoder that does not stay cannot be read.
    func run(
        _ condition: Condition,
        _ embedding: Tensor,
        sampler: any Sampler,
        guidance: Guidance,
        noise: NoiseSource
    ) throws -> DenoisingSequence {
        let (decoder, size) = (try decoder(), configurations.smallSize)
        let isGuided = guidance.isActive
        let projected = decoder.projection(
            imageEmbedding: isGuided ? .cat([decoder.projection.noImage, embedding]) : embedding,
            textEmbedding: condition.encoding.embedding,
            textEncoding: condition.encoding.last
        )
        let imageTokens = Tensor.full(
            [condition.batch.mask.size(0), projected.tokens.size(1) - condition.batch.mask.size(1)],
            1,
            device: device
        )
        let context = try decoder.network.context(
            textEncoding: projected.tokens,
            label: projected.time,
            textMask: .cat([imageTokens, condition.batch.mask.to(.float32)], dim: 1)
        )
        let drawn = noise.draw([1, 3, size, size], device: device)
        let readsVariance = sampler.readsVariance
        return DenoisingSequence(sampler, from: drawn * sampler.initialNoiseScale, noise: noise) {
            [device] sample, timestep in
            let output = decoder.network(
                isGuided ? .cat([sample, sample]) : sample,
                Tensor([Float(timestep)]).to(device),
                context
            )
            // Only the prediction is guided; the variance is the conditional one.
            let means = output.narrow(dim: 1, start: 0, length: 3)
            let prediction = isGuided ? guidance(means) : means
            guard readsVariance else { return prediction }
            let conditional = output.narrow(dim: 0, start: output.size(0) - 1, length: 1)
            return .cat([prediction, conditional.narrow(dim: 1, start: 3, length: 3)], dim: 1)
        }
    }

    /// The run that enlarges a small picture: every element is one evaluation done, and the last sample is the picture,
    /// about −1…1.
    ///
    /// - Parameters:
    ///   - small: the decoder's last sample, `[1, 3, height, width]`.
    ///   - sampler: the update rule and the timesteps; the last of them has a network of its own.
    ///   - noise: where the noise comes from.
    /// - Returns: the run, from its first step.
    /// - Throws: where weights that do not stay cannot be read.
    func enlargement(of small: Tensor, sampler: any Sampler, noise: NoiseSource) throws -> DenoisingSequence {
        decoder.release()
        let (networks, size) = (try enlargers(), configurations.pictureSize)
        let drawn = noise.draw([1, 3, size, size], device: device)
        let blurred = small.clamp(-1, 1).interpolated(height: size, width: size, mode: .bicubic, antialias: true)
        let last = sampler.timesteps.last
        return DenoisingSequence(sampler, from: drawn * sampler.initialNoiseScale, noise: noise) {
            [device] sample, timestep in
            let network = networks[timestep == last ? 1 : 0]
            return network(.cat([sample, blurred], dim: 1), Tensor([Float(timestep)]).to(device))
        }
    }

    /// Lets the networks of super-resolution go, unless they stay.
    func finishEnlargement() { enlargers.release() }
}
