import CPixels

extension Image {
    /// Resizes exactly as Pillow's `Image.resize` does, bit for bit: two passes of 8 bits, antialiased when shrinking.
    ///
    /// A picture with transparency is resized with its colours premultiplied, as Pillow does, so that the colours of
    /// invisible pixels do not bleed.
    ///
    /// - Parameters:
    ///   - width: Columns of the result, at least 1.
    ///   - height: Rows of the result, at least 1.
    ///   - filter: How pixels are weighed.
    /// - Returns: The picture with as many channels as before.
    /// - Throws: `ImageError.impossibleSize`.
    ///
    /// Source: Pillow 13 `src/libImaging/Resample.c`, `ImagingResample`.
    public func resized(
        width: Int,
        height: Int,
        filter: ResamplingFilter = .bicubic
    ) throws(ImageError) -> Image {
        try Self.checkSize(width: width, height: height, name: "the resized picture")
        guard self.width * height <= Self.maximumPixels || self.height * width <= Self.maximumPixels else {
            throw .impossibleSize(name: "the resized picture", width: width, height: height)
        }
        if width == self.width, height == self.height { return self }
        var result = channels == 4 ? premultiplied() : self
        // Pillow 13 begins with the rows when much more goes away in height than in width. Bytes between the passes are
        // rounded, so the order shows in the result.
        let rowsFirst = height < self.height && self.height - height > 2 * (self.width - width)
        if rowsFirst { result = result.resampledVertically(to: height, filter: filter) }
        if width != self.width { result = result.resampledHorizontally(to: width, filter: filter) }
        if height != result.height { result = result.resampledVertically(to: height, filter: filter) }
        return channels == 4 ? result.unpremultiplied() : result
    }

    /// Resizes so that the shorter side has `side` pixels and the proportions stay, as torchvision's `Resize(side)`.
    ///
    /// - Parameters:
    ///   - side: The shorter side of the result, at least 1.
    ///   - filter: How pixels are weighed.
    /// - Returns: The picture with as many channels as before.
    /// - Throws: `ImageError.impossibleSize`.
    ///
    /// Source: torchvision `transforms/functional.py`, `_compute_resized_output_size`: the longer side is cut off to
    /// a whole number.
    public func resized(shorterSide side: Int, filter: ResamplingFilter = .bicubic) throws(ImageError) -> Image {
        try Self.checkSize(width: side, height: side, name: "the resized picture")
        let longer = Int(Double(side) * Double(max(width, height)) / Double(min(width, height)))
        return width <= height
            ? try resized(width: side, height: longer, filter: filter)
            : try resized(width: longer, height: side, filter: filter)
    }

    // MARK: - The two passes

    private func resampledHorizontally(to width: Int, filter: ResamplingFilter) -> Image {
        let result = [UInt8](unsafeUninitializedCapacity: width * height * channels) { target, initialized in
            ResamplingWeights(from: self.width, to: width, filter: filter).withPlan { plan in
                cpixels_resample_rows(pixels, self.width, height, channels, plan, width, target.baseAddress)
            }
            initialized = width * height * channels
        }
        return Image(uncheckedWidth: width, height: height, channels: channels, pixels: result)
    }

    private func resampledVertically(to height: Int, filter: ResamplingFilter) -> Image {
        let row = width * channels
        var sums = [Int32](repeating: 0, count: row)
        let result = [UInt8](unsafeUninitializedCapacity: row * height) { target, initialized in
            ResamplingWeights(from: self.height, to: height, filter: filter).withPlan { plan in
                cpixels_resample_columns(pixels, row, plan, height, &sums, target.baseAddress)
            }
            initialized = row * height
        }
        return Image(uncheckedWidth: width, height: height, channels: channels, pixels: result)
    }

    // MARK: - Transparency

    /// Source: Pillow `Convert.c`, `rgbA2rgba` (the name says what it makes the other way round) and `MULDIV255`.
    private func premultiplied() -> Image {
        var result = self
        for start in Swift.stride(from: 0, to: pixels.count, by: 4) {
            let alpha = Int(pixels[start + 3])
            for channel in start..<start + 3 {
                let product = Int(pixels[channel]) * alpha + 128
                result.pixels[channel] = UInt8(((product >> 8) + product) >> 8)
            }
        }
        return result
    }

    /// Source: Pillow `Convert.c`, `rgba2rgbA`.
    private func unpremultiplied() -> Image {
        var result = self
        for start in Swift.stride(from: 0, to: pixels.count, by: 4) {
            let alpha = Int(pixels[start + 3])
            guard alpha != 0, alpha != 255 else { continue }
            for channel in start..<start + 3 {
                result.pixels[channel] = UInt8(min(255 * Int(pixels[channel]) / alpha, 255))
            }
        }
        return result
    }
}

extension ResamplingWeights {
    /// Lends the weights to the loops in C.
    fileprivate func withPlan(_ body: (CPixelsPlan) -> Void) {
        first.withUnsafeBufferPointer { first in
            taps.withUnsafeBufferPointer { taps in
                weights.withUnsafeBufferPointer { weights in
                    body(
                        CPixelsPlan(
                            first: first.baseAddress,
                            taps: taps.baseAddress,
                            weights: weights.baseAddress,
                            stride: stride,
                            precision: Self.precision
                        )
                    )
                }
            }
        }
    }
}
