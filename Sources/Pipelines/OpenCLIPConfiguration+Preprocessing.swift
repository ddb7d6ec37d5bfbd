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
                try image.resized(shorterSide: size, croppedTo: size, filter: filter)
            case .longest:
                try fitted(image)
            case .squash:
                try image.resized(width: size, height: size, filter: filter)
            }
        return resized.planarFloats(mean: mean.map(Float.init), std: standardDeviation.map(Float.init))
    }

    /// The longer side at full size, centred on the fill colour.
    private func fitted(_ image: Image) throws(ImageError) -> Image {
        let ratio = Double(size) / Double(max(image.width, image.height))
        func side(_ length: Int) -> Int { max(1, Int((Double(length) * ratio).rounded(.toNearestOrEven))) }
        let small = try image.resized(width: side(image.width), height: side(image.height), filter: filter)
        let grey = Color(red: fillColor, green: fillColor, blue: fillColor)
        var square = try Image(width: size, height: size, filledWith: grey)
        square.draw(small, x: (size - small.width) / 2, y: (size - small.height) / 2)
        return square
    }

    private var filter: ResamplingFilter {
        interpolation == .bilinear ? .bilinear : .bicubic
    }
}
