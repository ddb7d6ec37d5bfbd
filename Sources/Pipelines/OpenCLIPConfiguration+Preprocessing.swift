package import LienzoImages
package import LienzoModels

extension OpenCLIPConfiguration.Preprocessing {
    /// A picture without transparency as the image tower sees it: `[3, size, size]` in one array, normalised.
    ///
    /// Source: open_clip's `image_transform`, evaluation branch.
    package func callAsFunction(_ image: Image) throws(ImageError) -> [Float] {
        let resized: Image =
            switch resizeMode {
            case .shortest:
                try image.resized(shorterSide: size, filter: filter).centerCropped(width: size, height: size)
            case .longest:
                try fitted(image).centerCropped(width: size, height: size)
            case .squash:
                try image.resized(width: size, height: size, filter: filter)
            }
        return resized.planarFloats(mean: mean.map(Float.init), std: standardDeviation.map(Float.init))
    }

    /// The longer side at full size; what `centerCropped` then adds is black.
    private func fitted(_ image: Image) throws(ImageError) -> Image {
        let ratio = Double(size) / Double(max(image.width, image.height))
        func side(_ length: Int) -> Int { max(1, Int((Double(length) * ratio).rounded(.toNearestOrEven))) }
        return try image.resized(width: side(image.width), height: side(image.height), filter: filter)
    }

    private var filter: ResamplingFilter {
        interpolation == .bilinear ? .bilinear : .bicubic
    }
}
