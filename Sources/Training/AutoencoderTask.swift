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
    private static let latentNoise = 0.05
    /// The weight of the mean square of the latents.
    private static let latentPenalty = 0.001

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
        let latents = autoencoder.encode(target)
        let noise = Tensor.randn(latents.shape, generator: generator, device: latents.device)
        let made = autoencoder.decode(latents + noise * Self.latentNoise)
        let difference = made - target
        return difference.abs().mean() + difference.square().mean() + Self.edges(difference)
            + latents.square().mean() * Self.latentPenalty
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
            let target = heldOut.pictures(indices)
            let made = ((autoencoder.decode(autoencoder.encode(target * 2 - 1)) + 1) / 2).clamp(0, 1)
            errors += (made - target).square().mean(dims: [1, 2, 3]).floats().map(Double.init)
        }
        // Over each picture and then the mean, as published figures are.
        return ["psnr": errors.map { -10 * log10(max($0, 1e-10)) }.reduce(0, +) / Double(errors.count)]
    }

    /// The configuration with the shift and scale that bring latents to zero mean and unit variance.
    package func measuredConfiguration() throws -> (shift: Double, scale: Double) {
        try withoutGradient {
            try torchScope {
                let latents = stride(from: 0, to: min(pictures.count, 512), by: 32).map { start in
                    autoencoder.encode(pictures.pictures(Array(start..<min(start + 32, pictures.count))) * 2 - 1)
                }
                let all = Tensor.cat(latents)
                return (all.mean().item, 1 / all.std().item)
            }
        }
    }
}
