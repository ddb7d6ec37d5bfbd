package import LienzoDiffusion
package import LienzoImages
import LienzoModels
package import LienzoTorch

/// What a decoder draws on: how large, and what is known of the picture.
package struct Canvas {
    /// Columns of the latents.
    package let width: Int
    /// Rows of the latents.
    package let height: Int
    /// A given picture's latents, `[1, channels, height, width]`.
    package var picture: Tensor?
    /// Where the given picture stays, 1, and where it is made anew, 0: `[1, 1, height, width]`.
    package var keep: Tensor?
    /// How much of the given picture changes where nothing is said to stay, above 0 to 1.
    package var strength = 1.0
    /// A picture that shapes the result, `[1, 3, 8 · height, 8 · width]`, 0…1.
    package var hint: Tensor?

    /// An empty canvas of `width` × `height` latents.
    package init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }

    /// What a decoder that reads masks reads beside the noisy sample: what stays of the picture, and where,
    /// `[1, channels + 1, height, width]`.
    var decoderChannels: Tensor? {
        guard let picture, let keep else { return nil }
        return .cat([picture * keep, keep], dim: 1)
    }
}

extension UnCLIPModel {
    /// A canvas of `width` × `height` pixels.
    ///
    /// - Parameters:
    ///   - width: columns of the picture.
    ///   - height: rows of the picture.
    ///   - image: a picture to begin with; resized where it has another size.
    ///   - mask: what of it is made anew: where it is at least half light.
    ///   - strength: how much of it changes where there is no mask, above 0 to 1.
    ///   - hint: a picture that shapes the result; resized where it has another size.
    /// - Returns: the canvas.
    /// - Throws: `ImageError` where a picture cannot be resized; what the autoencoder throws.
    ///
    /// Source: diffusers' `KandinskyV22Img2ImgPipeline` and `prepare_mask_and_masked_image`.
    package func canvas(
        width: Int,
        height: Int,
        image: Image? = nil,
        mask: Image? = nil,
        strength: Double = 1,
        hint: Image? = nil
    ) throws -> Canvas {
        let factor = configurations.autoencoder.factor
        var canvas = Canvas(width: width / factor, height: height / factor)
        canvas.strength = strength
        if let image {
            let fitted = try image.resizedInSteps(width: width, height: height)
            let half: [Float] = [0.5, 0.5, 0.5]
            let pixels = Tensor(fitted.planarFloats(mean: half, std: half), shape: [1, 3, height, width])
            canvas.picture = try torchScope { try latents(pixels.to(device)) }
        }
        if let mask {
            let fitted = try mask.resized(width: width, height: height, filter: .lanczos)
            let light = fitted.luminance().map { $0 >= 128 }
            let kept = Self.keptLatents(light, width: width, height: height, factor: factor)
            canvas.keep = Tensor(kept, shape: [1, 1, canvas.height, canvas.width]).to(device)
        }
        if let hint {
            let factor = UNet2DConditionConfiguration.hintFactor
            let (columns, rows) = (canvas.width * factor, canvas.height * factor)
            let fitted = try hint.resized(width: columns, height: rows, filter: .bicubic)
            canvas.hint = Tensor(fitted.planarFloats(), shape: [1, 3, rows, columns]).to(device)
        }
        return canvas
    }

    /// Which latents stay, 1 or 0 in rows: a latent stays where its first pixel does, and where none of six of its eight
    /// neighbours is made anew.
    ///
    /// Source: diffusers' `kandinsky/pipeline_kandinsky_inpaint.py`, `prepare_mask`.
    static func keptLatents(_ light: [Bool], width: Int, height: Int, factor: Int) -> [Float] {
        let (columns, rows) = (width / factor, height / factor)
        var kept = [Float](repeating: 1, count: columns * rows)
        for row in 0..<rows {
            for column in 0..<columns where light[row * factor * width + column * factor] {
                // The two corners of one diagonal are not among them: the reference leaves them out.
                for (down, right) in [(0, 0), (-1, 0), (0, -1), (-1, -1), (1, 0), (0, 1), (1, 1)] {
                    let (y, x) = (row + down, column + right)
                    if (0..<rows).contains(y), (0..<columns).contains(x) { kept[y * columns + x] = 0 }
                }
            }
        }
        return kept
    }
}
