import LienzoModels
package import LienzoTorch

/// What stands between pixels and the latents that diffusion works on.
package protocol LatentAutoencoder {
    /// What diffusion sees of pictures.
    ///
    /// - Parameter pixels: `[batch, 3, height, width]`, −1…1.
    /// - Returns: `[batch, channels, height / factor, width / factor]`, float32.
    func latents(of pixels: Tensor) -> Tensor

    /// The pictures of what diffusion gives.
    ///
    /// - Parameter latents: `[batch, channels, height, width]`.
    /// - Returns: `[batch, 3, height · factor, width · factor]`, float32, about −1…1.
    func pixels(of latents: Tensor) -> Tensor
}

extension AutoencoderTiny: LatentAutoencoder {
    package func latents(of pixels: Tensor) -> Tensor { diffusionLatents(encode(pixels)) }

    package func pixels(of latents: Tensor) -> Tensor { decode(rawLatents(latents)) }
}

extension VQModel: LatentAutoencoder {
    package func latents(of pixels: Tensor) -> Tensor { encode(pixels) }

    package func pixels(of latents: Tensor) -> Tensor { decode(latents) }
}

/// The shape of a ``LatentAutoencoder``.
enum LatentAutoencoderConfiguration: Sendable {
    case tiny(AutoencoderTinyConfiguration)
    case vq(VQModelConfiguration)

    /// Channels of the latents.
    var channels: Int {
        switch self {
        case .tiny(let own): own.latentChannels
        case .vq(let own): own.codeChannels
        }
    }

    /// Channels of the decoder's last map, which has the size of the picture.
    var lastMapChannels: Int {
        switch self {
        case .tiny(let own): own.decoderBlockOutChannels.last ?? 0
        case .vq(let own): own.blockOutChannels.first ?? 0
        }
    }

    /// By how much pictures shrink in width and height.
    var factor: Int {
        switch self {
        case .tiny(let own): own.downsamplingFactor
        case .vq(let own): own.downsamplingFactor
        }
    }

    /// By how much latents grow in width and height.
    var enlargement: Int {
        switch self {
        case .tiny(let own): own.upsamplingFactor
        case .vq(let own): own.downsamplingFactor
        }
    }

    /// Channels of the pictures that go in and of those that come out.
    var pictureChannels: (in: Int, out: Int) {
        switch self {
        case .tiny(let own): (own.inChannels, own.outChannels)
        case .vq(let own): (own.inChannels, own.outChannels)
        }
    }

    var unknownKeys: [String] {
        switch self {
        case .tiny(let own): own.unknownKeys
        case .vq(let own): own.unknownKeys
        }
    }

    /// Builds the network from the weights in a folder.
    func network(_ folder: String, _ loader: PartLoader) throws -> any LatentAutoencoder {
        switch self {
        case .tiny(let own): try loader.load(part: folder) { try AutoencoderTiny($0, own) }
        case .vq(let own): try loader.load(part: folder) { try VQModel($0, own) }
        }
    }
}
