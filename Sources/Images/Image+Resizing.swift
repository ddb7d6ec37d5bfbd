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
        return try resized(width: width, height: height, columns: 0..<width, rows: 0..<height, filter: filter)
    }

    /// Resizes in two steps, as Pillow's `Image.resize` with `reducing_gap=1` does: blocks of whole pixels become their
    /// mean first, where the picture shrinks to less than half.
    ///
    /// - Parameters:
    ///   - width: Columns of the result, at least 1.
    ///   - height: Rows of the result, at least 1.
    ///   - filter: How pixels are weighed in the second step.
    /// - Returns: The picture with as many channels as before.
    /// - Throws: `ImageError.impossibleSize`.
    ///
    /// Source: Pillow 13 `Image.py`, `resize`; `src/libImaging/Reduce.c`.
    package func resizedInSteps(
        width: Int,
        height: Int,
        filter: ResamplingFilter = .bicubic
    ) throws(ImageError) -> Image {
        try Self.checkSize(width: width, height: height, name: "the resized picture")
        let (columns, rows) = (max(1, self.width / width), max(1, self.height / height))
        guard columns > 1 || rows > 1 else { return try resized(width: width, height: height, filter: filter) }
        return try reduced(columns: columns, rows: rows).resized(
            width: width,
            height: height,
            columns: 0..<width,
            rows: 0..<height,
            // The last block may have been a narrower one.
            span: (Double(self.width) / Double(columns), Double(self.height) / Double(rows)),
            filter: filter
        )
    }

    /// The means of blocks of `columns` × `rows` pixels; at the right and lower edge, of what is left.
    private func reduced(columns: Int, rows: Int) -> Image {
        let (width, height) = ((self.width + columns - 1) / columns, (self.height + rows - 1) / rows)
        var result = [UInt8](repeating: 0, count: width * height * channels)
        for y in 0..<height {
            let down = y * rows..<min((y + 1) * rows, self.height)
            for x in 0..<width {
                let across = x * columns..<min((x + 1) * columns, self.width)
                let count = down.count * across.count
                for channel in 0..<channels {
                    var sum = count / 2
                    for row in down {
                        for column in across { sum += Int(pixels[(row * self.width + column) * channels + channel]) }
                    }
                    result[(y * width + x) * channels + channel] = UInt8((sum * ((1 << 24) / count)) >> 24)
                }
            }
        }
        return Image(uncheckedWidth: width, height: height, channels: channels, pixels: result)
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
        let (width, height) = try size(shorterSide: side)
        return try resized(width: width, height: height, filter: filter)
    }

    /// Resizes so that the shorter side has `side` pixels, and cuts a square out of the middle.
    ///
    /// Only pixels of the square are computed; they are those of `resized(shorterSide:filter:)`, bit for bit.
    ///
    /// - Parameters:
    ///   - side: The shorter side of the whole, at least `crop`.
    ///   - crop: The side of the square, at least 1.
    ///   - filter: How pixels are weighed.
    /// - Returns: `crop × crop` pixels with as many channels as before.
    /// - Throws: `ImageError.impossibleSize`.
    ///
    /// Source: torchvision, `Resize(side)` followed by `CenterCrop(crop)`.
    package func resized(
        shorterSide side: Int,
        croppedTo crop: Int,
        filter: ResamplingFilter = .bicubic
    ) throws(ImageError) -> Image {
        try Self.checkSize(width: crop, height: crop, name: "the crop")
        let (width, height) = try size(shorterSide: side)
        guard crop <= side else {
            return try resized(width: width, height: height, filter: filter).centerCropped(width: crop, height: crop)
        }
        try Self.checkSize(width: width, height: height, name: "the resized picture")
        let (x, y) = (Self.centered(crop, in: width), Self.centered(crop, in: height))
        return try resized(width: width, height: height, columns: x..<x + crop, rows: y..<y + crop, filter: filter)
    }

    private func size(shorterSide side: Int) throws(ImageError) -> (width: Int, height: Int) {
        try Self.checkSize(width: side, height: side, name: "the resized picture")
        let longer = Int(Double(side) * Double(max(width, height)) / Double(min(width, height)))
        return width <= height ? (side, longer) : (longer, side)
    }

    // MARK: - The two passes

    /// The part in `columns` and `rows` of the picture resized to `width × height`; where `span` is given, of its left
    /// upper part of that size.
    private func resized(
        width: Int,
        height: Int,
        columns: Range<Int>,
        rows: Range<Int>,
        span: (width: Double, height: Double)? = nil,
        filter: ResamplingFilter
    ) throws(ImageError) -> Image {
        guard self.width * height <= Self.maximumPixels || self.height * width <= Self.maximumPixels else {
            throw .impossibleSize(name: "the resized picture", width: width, height: height)
        }
        let isWhole = span.map { $0 == (Double(self.width), Double(self.height)) } ?? true
        if width == self.width, height == self.height, isWhole {
            return try cropped(x: columns.lowerBound, y: rows.lowerBound, width: columns.count, height: rows.count)
        }
        var result = channels == 4 ? premultiplied() : self
        let horizontal = ResamplingWeights(
            from: self.width,
            span: span?.width,
            to: width,
            filter: filter
        )[columns]
        var vertical = ResamplingWeights(
            from: self.height,
            span: span?.height,
            to: height,
            filter: filter
        )[rows]
        // Pillow 13 begins with the rows when much more goes away in height than in width. Bytes between the passes are
        // rounded, so the order shows in the result. A pass that changes no size is left out by Pillow, and changes
        // nothing here: its only weight is one.
        let rowsFirst = height < self.height && self.height - height > 2 * (self.width - width)
        if rowsFirst {
            result = result.resampledVertically(vertical).resampledHorizontally(horizontal, rows: 0..<rows.count)
        } else {
            let needed = vertical.sources
            result = result.resampledHorizontally(horizontal, rows: needed)
            vertical.move(by: -needed.lowerBound)
            result = result.resampledVertically(vertical)
        }
        return channels == 4 ? result.unpremultiplied() : result
    }

    private func resampledHorizontally(_ weights: ResamplingWeights, rows: Range<Int>) -> Image {
        let size = weights.count * rows.count * channels
        let result = [UInt8](unsafeUninitializedCapacity: size) { target, initialized in
            pixels[(rows.lowerBound * width * channels)...].withUnsafeBufferPointer { source in
                weights.withPlan { plan in
                    cpixels_resample_rows(
                        source.baseAddress,
                        width,
                        rows.count,
                        channels,
                        plan,
                        weights.count,
                        target.baseAddress
                    )
                }
            }
            initialized = size
        }
        return Image(uncheckedWidth: weights.count, height: rows.count, channels: channels, pixels: result)
    }

    private func resampledVertically(_ weights: ResamplingWeights) -> Image {
        let row = width * channels
        var sums = [Int32](repeating: 0, count: row)
        let result = [UInt8](unsafeUninitializedCapacity: row * weights.count) { target, initialized in
            weights.withPlan { plan in
                cpixels_resample_columns(pixels, row, plan, weights.count, &sums, target.baseAddress)
            }
            initialized = row * weights.count
        }
        return Image(uncheckedWidth: width, height: weights.count, channels: channels, pixels: result)
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
