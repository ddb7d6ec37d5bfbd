import Foundation
package import LienzoModels
package import LienzoNN
package import LienzoTorch

/// Trains the autoencoder between pictures and latents: reconstruction in colour and in edges, with latents that stay
/// small and bear a little noise, because a diffusion model that makes them is never exact.
///
/// Source: the task of TAESD and of Rombach et al. 2022, section 3.1, without the adversarial part.
package struct AutoencoderTask: TrainingTask {
    package let store: ParameterStore
    package let autoencoder: AutoencoderTiny
    private let pictures: PictureTable
    private let heldOut: PictureTable
    private var order: EpochOrder
    /// The side of the random windows that are trained on, in pixels.
    private let window: Int

    /// The standard deviation of the noise that the decoder learns to bear.
    private static let latentNoise = 0.1
    private static let absoluteWeight = 0.2
    private static let edgeWeight = 0.1
    private static let latentWeight = 0.01

    package init(
        _ configuration: AutoencoderTinyConfiguration,
        store: ParameterStore,
        pictures: PictureTable,
        heldOut: PictureTable,
        window: Int,
        plan: TrainingPlan
    ) throws {
        self.store = store
        self.pictures = pictures
        self.heldOut = heldOut
        self.window = window
        autoencoder = try AutoencoderTiny(store.root, configuration)
        order = EpochOrder(count: pictures.count, batch: plan.batch, seed: plan.seed)
    }

    package mutating func loss(step: Int, generator: Generator) throws -> Tensor {
        let indices = order.indices(step: step)
        let backgrounds = Augmentation.backgrounds(indices.count, whiteShare: 0.6, generator: generator)
        let whole = pictures.pictures(indices, backgrounds: backgrounds) * 2 - 1
        let target = Augmentation.window(
            Augmentation.mirroredAtRandom(whole, generator: generator),
            side: window,
            generator: generator
        )
        .to(store.device)
        let latents = autoencoder.encode(target)
        let noise = Tensor.randn(latents.shape, generator: generator, device: latents.device)
        let made = autoencoder.decode(latents + noise * Self.latentNoise)
        let difference = made - target
        return difference.square().mean() + difference.abs().mean() * Self.absoluteWeight
            + Self.edges(difference) * Self.edgeWeight + Self.spread(latents) * Self.latentWeight
    }

    /// How far each channel of the latents is from zero mean and unit variance, and how far beyond ±3 its numbers go.
    private static func spread(_ latents: Tensor) -> Tensor {
        let mean = latents.mean(dims: [0, 2, 3], keepDim: true)
        let variance = (latents - mean).square().mean(dims: [0, 2, 3])
        return mean.square().mean() + (variance - 1).square().mean() + (latents.abs() - 3).relu().square().mean()
    }

    /// The mean absolute difference between neighbours: what blur loses.
    private static func edges(_ difference: Tensor) -> Tensor {
        let (height, width) = (difference.size(2), difference.size(3))
        func step(_ dim: Int, _ length: Int) -> Tensor {
            (difference.narrow(dim: dim, start: 1, length: length - 1)
                - difference.narrow(dim: dim, start: 0, length: length - 1)).abs().mean()
        }
        return step(2, height) + step(3, width)
    }

    package func evaluate() throws -> [String: Double] {
        var errors: [Double] = []
        for start in stride(from: 0, to: min(heldOut.count, 256), by: 32) {
            let indices = Array(start..<min(start + 32, heldOut.count))
            let target = heldOut.pictures(indices).to(store.device)
            let made = ((autoencoder.decode(autoencoder.encode(target * 2 - 1)) + 1) / 2).clamp(0, 1)
            errors += (made - target).square().mean(dims: [1, 2, 3]).floats().map(Double.init)
        }
        // Over each picture and then the mean, as published figures are.
        return ["psnr": errors.map { -10 * log10(max($0, 1e-10)) }.reduce(0, +) / Double(errors.count)]
    }

    /// The shift and the scale that bring the latents of the training pictures to zero mean and unit variance.
    package func measureLatents() throws -> (shift: Double, scale: Double) {
        let latents = stride(from: 0, to: min(pictures.count, 512), by: 32).map { start in
            let some = pictures.pictures(Array(start..<min(start + 32, pictures.count))).to(store.device)
            return autoencoder.encode(some * 2 - 1)
        }
        let all = Tensor.cat(latents)
        return (all.mean().item, 1 / all.std().item)
    }
}
