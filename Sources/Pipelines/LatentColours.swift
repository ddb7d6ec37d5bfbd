package import LienzoTorch

/// About the colours that an autoencoder gives to latents: a linear map from a pixel's channels to red, green and blue.
///
/// It is found from the autoencoder itself, by least squares over the colours that it gives to random latents. A preview
/// by it costs next to nothing, where decoding takes as long as some steps.
package struct LatentColours {
    /// The last row is what black has, `[channels + 1, 3]`.
    private let weights: Tensor

    /// The side of the random latents.
    private static let side = 16

    /// Finds the map.
    ///
    /// - Parameters:
    ///   - channels: those of the latents.
    ///   - device: where the autoencoder computes.
    ///   - decode: `[batch, channels, height, width]` to pictures of −1…1, larger by a whole factor.
    package init(channels: Int, device: Device, decode: (Tensor) -> Tensor) {
        let generator = Generator(seed: 0)
        // Areas of one latent each, small and large as in pictures, rather than noise from pixel to pixel.
        let areas = [1, 2, 4, 8].map { side in
            Tensor.randn([1, channels, side, side], generator: generator, dtype: .float32)
                .interpolated(height: Self.side, width: Self.side, mode: .nearest)
        }
        let latents = Tensor.cat(areas).to(device)
        let pictures = decode(latents).to(.float32).clamp(-1, 1)
        let factor = max(1, pictures.size(2) / Self.side)
        let (known, wanted) = (Self.rows(latents), Self.rows(pictures.averagePool2d(kernel: factor)))
        let turned = known.transpose(0, 1)
        // A little on the diagonal, so that there is a solution whatever the autoencoder gives.
        let square = turned.matmul(known) + Tensor.identity(channels + 1, channels + 1).to(device) * 1e-2
        weights = square.solve(turned.matmul(wanted.narrow(dim: 1, start: 0, length: 3)))
    }

    /// The picture of latents about as the autoencoder shows it, enlarged with cubic interpolation.
    ///
    /// - Parameters:
    ///   - latents: `[batch, channels, height, width]` as diffusion has them.
    ///   - height: rows of the result.
    ///   - width: columns of the result.
    /// - Returns: `[batch, 3, height, width]`, about −1…1.
    package func callAsFunction(_ latents: Tensor, height: Int, width: Int) -> Tensor {
        let (B, H, W) = (latents.size(0), latents.size(2), latents.size(3))
        // [B · H · W, channels + 1] → [B, 3, H, W]
        let colours = Self.rows(latents.to(.float32)).matmul(weights).reshape(B, H, W, 3).permute(0, 3, 1, 2)
        return colours.contiguous().interpolated(height: height, width: width, mode: .bicubic)
    }

    /// A row for each pixel with a 1 after its channels, `[batch · height · width, channels + 1]`.
    private static func rows(_ map: Tensor) -> Tensor {
        let rows = map.permute(0, 2, 3, 1).reshape(-1, map.size(1))
        return .cat([rows, .ones([rows.size(0), 1], dtype: .float32, device: map.device)], dim: 1)
    }
}
