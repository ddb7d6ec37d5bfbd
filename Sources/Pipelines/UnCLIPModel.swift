package import LienzoDiffusion
package import LienzoModels
package import LienzoTorch

/// The networks of unCLIP in its latent form and how they follow each other: text encoder, prior, decoder, autoencoder.
///
/// Not `Sendable`: an ``UnCLIPPipeline`` owns it. Every function yields tensors or numbers and draws noise only from
/// what it is given.
///
/// Without guidance only the conditional half of each batch is computed; with it, the unconditional half comes first.
/// Unconditional means the empty text for both networks, and for the decoder also an image embedding of zeros.
///
/// Source: Ramesh et al. 2022, section 2; diffusers' `KandinskyPriorPipeline` and `KandinskyPipeline`.
package final class UnCLIPModel {
    package let clip: CLIPModel
    package let prior: PriorTransformer
    package let priorScheduler: SchedulerConfiguration
    package let decoder: UNet2DConditionModel
    package let scheduler: SchedulerConfiguration
    package let autoencoder: AutoencoderTiny
    package let device: Device

    /// Builds all networks from the weights of a model directory, to compute on `device` in `computeType`, or in the
    /// device's preferred type.
    ///
    /// The sampler's arithmetic is float32 whatever the type. A missing or unreadable file and a missing, surplus or
    /// misshapen tensor throw one sentence.
    package init(
        _ directory: ModelDirectory,
        _ configurations: UnCLIPConfigurations,
        device: Device = .cpu,
        computeType: DType? = nil
    ) throws {
        let loader = PartLoader(device: device, computeType: computeType)
        self.device = device
        clip = try CLIPModel(configurations.clipCheckpoint, loader)
        prior = try loader.load(part: directory.folder(of: "prior")) { try PriorTransformer($0, configurations.prior) }
        decoder = try loader.load(part: directory.folder(of: "unet")) {
            try UNet2DConditionModel($0, configurations.decoder)
        }
        autoencoder = try loader.load(part: directory.folder(of: "autoencoder")) {
            try AutoencoderTiny($0, configurations.autoencoder)
        }
        priorScheduler = configurations.priorScheduler
        scheduler = configurations.scheduler
    }
}

// MARK: Stages

extension UnCLIPModel {
    /// Words as the networks see them; all of it is the same for every picture and every step of a request.
    package struct Condition {
        /// `[texts, embeddingDimension]`, float32.
        package let embedding: Tensor
        /// `[texts, tokens, width]`.
        package let encoding: Tensor
        /// Which tokens are not padding, `[texts, tokens]`, boolean.
        package let mask: Tensor
        /// Whether a text had more tokens than fit.
        package let truncated: Bool

        /// The part for one text of ``UnCLIPModel/encode(_:)``.
        func only(_ text: Int) -> Condition { rows([text]) }

        /// What a batch of `samples` sees: the empty text as often and then the prompt, or the prompt alone.
        func batch(of samples: Int, guided: Bool) -> Condition {
            rows((guided ? [0, 1] : [1]).flatMap { [Int](repeating: $0, count: samples) })
        }

        private func rows(_ texts: [Int]) -> Condition {
            let index = Tensor(texts.map(Int64.init), device: embedding.device)
            return Condition(
                embedding: embedding.indexSelect(dim: 0, index),
                encoding: encoding.indexSelect(dim: 0, index),
                mask: mask.indexSelect(dim: 0, index),
                truncated: truncated
            )
        }
    }

    /// The empty text and the prompt, in one batch.
    package func encode(_ prompt: String) -> Condition {
        let texts = clip.tokenized(["", prompt])
        let (embedding, encoding) = clip.network.encodeTexts(texts.ids, mask: texts.mask)
        return Condition(embedding: embedding, encoding: encoding, mask: texts.mask, truncated: texts.truncated)
    }

    /// The prior's run over a batch of samples: every element is one step done, and ``imageEmbedding(_:)`` turns the
    /// last sample into image embeddings.
    package func priorRun(
        _ condition: Condition,
        samples: Int = 1,
        sampler: any Sampler,
        guidance: Guidance,
        noise: NoiseSource
    ) throws -> DenoisingSequence {
        let condition = condition.batch(of: samples, guided: guidance.isActive)
        let context = try prior.context(
            textEmbedding: condition.embedding,
            textEncoding: condition.encoding,
            textMask: condition.mask
        )
        let drawn = noise.draw([samples, prior.configuration.embeddingDim], device: device)
        let start = drawn * sampler.initialNoiseScale
        return DenoisingSequence(sampler, from: start, noise: noise) { [prior, device] sample, timestep in
            let time = Tensor([Float(timestep)]).to(device)
            return guided(guidance, sample) { prior($0, time, context) }
        }
    }

    /// The image embeddings that the prior's last sample stands for, `[samples, embeddingDimension]`.
    package func imageEmbedding(_ sample: Tensor) -> Tensor {
        prior.unstandardised(sample)
    }

    /// The decoder's run, a sample for each image embedding: every element is one step done, and ``picture(_:)`` turns
    /// the last sample into pixels.
    package func decoderRun(
        _ condition: Condition,
        imageEmbedding: Tensor,
        sampler: any Sampler,
        guidance: Guidance,
        noise: NoiseSource
    ) throws -> DenoisingSequence {
        let samples = imageEmbedding.size(0)
        let condition = condition.batch(of: samples, guided: guidance.isActive)
        let images =
            guidance.isActive
            ? Tensor.cat([Tensor.zeros(imageEmbedding.shape, device: device), imageEmbedding]) : imageEmbedding
        let context = try decoder.context(
            textEmbedding: condition.embedding,
            textEncoding: condition.encoding,
            imageEmbedding: images
        )
        let channels = decoder.configuration.inChannels
        let readsVariance = sampler.readsVariance
        let drawn = noise.draw([samples, channels, latentSize, latentSize], device: device)
        let start = drawn * sampler.initialNoiseScale
        return DenoisingSequence(sampler, from: start, noise: noise) { [decoder, device] sample, timestep in
            let time = Tensor([Float(timestep)]).to(device)
            // Only the prediction is guided; the variance is the conditional one.
            var variance: Tensor?
            let output = guided(guidance, sample) { batch in
                let output = decoder(batch, time, context)
                guard output.size(1) > channels else { return output }
                variance = output.narrow(dim: 0, start: batch.size(0) - sample.size(0), length: sample.size(0))
                    .narrow(dim: 1, start: channels, length: channels)
                return output.narrow(dim: 1, start: 0, length: channels)
            }
            return if readsVariance, let variance { Tensor.cat([output, variance], dim: 1) } else { output }
        }
    }

    /// The pixels of latents `[samples, channels, height, width]` as the decoder yields them:
    /// `[samples, 3, factor · height, factor · width]`, -1 to 1, float32.
    package func picture(_ latents: Tensor) -> Tensor {
        autoencoder.decode(autoencoder.rawLatents(latents)).to(.float32)
    }

    /// Width and height of the latents.
    package var latentSize: Int { decoder.configuration.sampleSize ?? 0 }

    /// Width and height of the pictures in pixels.
    package var pictureSize: Int { latentSize * autoencoder.configuration.downsamplingFactor }
}

/// A prediction with guidance, both halves in one batch, or without.
private func guided(_ guidance: Guidance, _ sample: Tensor, predict: (Tensor) -> Tensor) -> Tensor {
    guidance.isActive ? guidance(predict(Tensor.cat([sample, sample]))) : predict(sample)
}
