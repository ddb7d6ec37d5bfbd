import LienzoModels
package import LienzoTorch

/// What stands between pixels and the latents that diffusion works on.
package protocol LatentAutoencoder {
    /// What diffusion sees of pictures.
    ///
    /// - Parameters:
    ///   - pixels: `[batch, 3, height, width]`, −1…1.
    ///   - inTiles: whether large pictures go through in tiles, by a network that can.
    /// - Returns: `[batch, channels, height / factor, width / factor]`, float32.
    func latents(of pixels: Tensor, inTiles: Bool) -> Tensor

    /// The pictures of what diffusion gives.
    ///
    /// - Parameters:
    ///   - latents: `[batch, channels, height, width]`.
    ///   - inTiles: whether large pictures are made in tiles, by a network that can.
    /// - Returns: `[batch, 3, height · factor, width · factor]`, float32, about −1…1.
    func pixels(of latents: Tensor, inTiles: Bool) -> Tensor
}

extension AutoencoderTiny: LatentAutoencoder {
    package func latents(of pixels: Tensor, inTiles: Bool) -> Tensor { diffusionLatents(encode(pixels)) }

    package func pixels(of latents: Tensor, inTiles: Bool) -> Tensor { decode(rawLatents(latents)) }
}

extension VQModel: LatentAutoencoder {
    package func latents(of pixels: Tensor, inTiles: Bool) -> Tensor { encode(pixels, inTiles: inTiles) }

    package func pixels(of latents: Tensor, inTiles: Bool) -> Tensor { decode(latents, inTiles: inTiles) }
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

    /// The side in pixels of the tiles in which large pictures may go through; nil where the network has none.
    var tileSize: Int? {
        switch self {
        case .tiny: nil
        case .vq(let own): own.tileSize
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
