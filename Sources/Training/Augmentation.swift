package import LienzoTorch

/// Random changes to pictures that leave their meaning.
package enum Augmentation {
    /// A background for each picture: white with `whiteShare`, else one uniform colour.
    ///
    /// - Returns: `[count, 3]` in 0…1.
    package static func backgrounds(_ count: Int, whiteShare: Double, generator: Generator) -> Tensor {
        let colors = Tensor.rand([count, 3], generator: generator)
        let white = Tensor.bernoulli([count, 1], probability: whiteShare, generator: generator)
        return white + (1 - white) * colors
    }

    /// Half of the pictures of `[N, C, H, W]` mirrored.
    package static func mirroredAtRandom(_ pictures: Tensor, generator: Generator) -> Tensor {
        let mirrored = Tensor.bernoulli([pictures.size(0), 1, 1, 1], probability: 0.5, generator: generator)
        return Tensor.where(mirrored.isGreater(than: 0.5), pictures.flip(dims: [3]), pictures)
    }

    /// The same random window of all pictures of `[N, C, H, W]`.
    package static func window(_ pictures: Tensor, side: Int, generator: Generator) -> Tensor {
        let room = pictures.size(-1) - side
        guard room > 0 else { return pictures }
        let (x, y) = (generator.integer(in: 0..<room + 1), generator.integer(in: 0..<room + 1))
        return pictures.narrow(dim: 2, start: y, length: side).narrow(dim: 3, start: x, length: side)
    }
}
