import Foundation

/// Cuts a random rectangle of nearly the whole picture and brings it to a square: what CLIP is trained on.
///
/// Source: Szegedy et al. 2015, section 6; torchvision `RandomResizedCrop`, whose steps these are.
package struct RandomResizedCrop: Sendable, Equatable {
    /// The side of the result in pixels.
    package let side: Int
    /// The part of the picture's area that is kept; OpenCLIP's 0.9…1 where it is not given.
    package let scale: ClosedRange<Double>
    /// Width over height of what is cut out.
    package let ratio: ClosedRange<Double>
    /// How pixels are weighed.
    package let filter: ResamplingFilter

    /// A crop to `side × side` pixels.
    package init(
        side: Int,
        scale: ClosedRange<Double> = 0.9...1,
        ratio: ClosedRange<Double> = 3.0 / 4.0...4.0 / 3.0,
        filter: ResamplingFilter = .bicubic
    ) {
        (self.side, self.scale, self.ratio, self.filter) = (side, scale, ratio, filter)
    }

    /// One showing of a picture.
    ///
    /// - Parameters:
    ///   - image: the whole picture.
    ///   - generator: where the rectangle comes from.
    /// - Returns: `side × side` pixels.
    /// - Throws: `ImageError.impossibleSize`.
    package func callAsFunction(
        _ image: Image,
        using generator: inout some RandomNumberGenerator
    ) throws(ImageError) -> Image {
        let (x, y, width, height) = rectangle(in: (image.width, image.height), using: &generator)
        return try image.cropped(x: x, y: y, width: width, height: height)
            .resized(width: side, height: side, filter: filter)
    }

    /// A rectangle that lies within the picture; after ten that do not, the largest in the middle whose ratio is allowed.
    func rectangle(
        in size: (width: Int, height: Int),
        using generator: inout some RandomNumberGenerator
    ) -> (x: Int, y: Int, width: Int, height: Int) {
        let (fullWidth, fullHeight) = (Double(size.width), Double(size.height))
        for _ in 0..<10 {
            let area = fullWidth * fullHeight * Double.random(in: scale, using: &generator)
            let shape = exp(Double.random(in: log(ratio.lowerBound)...log(ratio.upperBound), using: &generator))
            let width = Int((area * shape).squareRoot().rounded(.toNearestOrEven))
            let height = Int((area / shape).squareRoot().rounded(.toNearestOrEven))
            guard (1...size.width).contains(width), (1...size.height).contains(height) else { continue }
            let y = Int.random(in: 0...size.height - height, using: &generator)
            let x = Int.random(in: 0...size.width - width, using: &generator)
            return (x, y, width, height)
        }
        var (width, height) = (size.width, size.height)
        if fullWidth / fullHeight < ratio.lowerBound {
            height = min(height, max(1, Int((fullWidth / ratio.lowerBound).rounded(.toNearestOrEven))))
        } else if fullWidth / fullHeight > ratio.upperBound {
            width = min(width, max(1, Int((fullHeight * ratio.upperBound).rounded(.toNearestOrEven))))
        }
        return ((size.width - width) / 2, (size.height - height) / 2, width, height)
    }
}
