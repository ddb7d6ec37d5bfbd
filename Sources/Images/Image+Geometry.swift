extension Image {
    /// Cuts a rectangle out.
    ///
    /// - Parameters:
    ///   - x: First column, 0 at the left.
    ///   - y: First row, 0 at the top.
    ///   - width: Columns, at least 1.
    ///   - height: Rows, at least 1.
    /// - Returns: The rectangle with as many channels as the picture.
    /// - Throws: `ImageError.impossibleSize` when the rectangle does not lie within the picture.
    public func cropped(x: Int, y: Int, width: Int, height: Int) throws(ImageError) -> Image {
        guard width >= 1, height >= 1, x >= 0, y >= 0, width <= self.width, height <= self.height,
            x <= self.width - width, y <= self.height - height
        else {
            throw .impossibleSize(
                name: "The part at (\(x), \(y)) of a picture of \(self.width) × \(self.height) pixels",
                width: width,
                height: height
            )
        }
        return window(x: x, y: y, width: width, height: height)
    }

    /// Cuts out the middle, as torchvision's `CenterCrop` does; what lies beyond the picture is zero (black).
    ///
    /// - Parameters:
    ///   - width: Columns of the result.
    ///   - height: Rows of the result.
    /// - Returns: `width × height` pixels with as many channels as the picture.
    /// - Throws: `ImageError.impossibleSize`.
    ///
    /// Source: torchvision `transforms/functional.py`, `center_crop`.
    public func centerCropped(width: Int, height: Int) throws(ImageError) -> Image {
        try Self.checkSize(width: width, height: height, name: "the crop")
        return window(
            x: Self.centered(width, in: self.width),
            y: Self.centered(height, in: self.height),
            width: width,
            height: height
        )
    }

    /// Where the middle `size` pixels of `whole` begin; before them where there are fewer.
    static func centered(_ size: Int, in whole: Int) -> Int {
        // Padding first, the smaller half at the left and top; then the offset, rounded half to even.
        size > whole ? -((size - whole) / 2) : Int((Double(whole - size) / 2).rounded(.toNearestOrEven))
    }

    /// Mirrors left and right.
    public func flippedHorizontally() -> Image {
        let mirrored = [UInt8](unsafeUninitializedCapacity: pixels.count) { target, initialized in
            pixels.withUnsafeBufferPointer { source in
                for y in 0..<height {
                    var from = y * width * channels
                    var to = ((y + 1) * width - 1) * channels
                    for _ in 0..<width {
                        for channel in 0..<channels { target[to + channel] = source[from + channel] }
                        from += channels
                        to -= channels
                    }
                }
            }
            initialized = pixels.count
        }
        return Image(uncheckedWidth: width, height: height, channels: channels, pixels: mirrored)
    }

    /// Lays a picture with transparency over a colour; one without comes back as it is.
    ///
    /// - Parameter color: What shows where the picture is transparent.
    /// - Returns: The picture with 3 channels.
    public func flattened(over color: Color) -> Image {
        guard channels == 4 else { return self }
        let background = (Int(color.red), Int(color.green), Int(color.blue))
        let count = width * height
        let flat = [UInt8](unsafeUninitializedCapacity: count * 3) { target, initialized in
            pixels.withUnsafeBufferPointer { source in
                for pixel in 0..<count {
                    let (from, to) = (pixel * 4, pixel * 3)
                    let alpha = Int(source[from + 3])
                    let rest = 255 - alpha
                    target[to] = UInt8((Int(source[from]) * alpha + background.0 * rest + 127) / 255)
                    target[to + 1] = UInt8((Int(source[from + 1]) * alpha + background.1 * rest + 127) / 255)
                    target[to + 2] = UInt8((Int(source[from + 2]) * alpha + background.2 * rest + 127) / 255)
                }
            }
            initialized = count * 3
        }
        return Image(uncheckedWidth: width, height: height, channels: 3, pixels: flat)
    }

    /// Draws another picture into this one, with its transparency; what falls outside is left away.
    ///
    /// - Parameters:
    ///   - other: The picture to draw, 3 or 4 channels.
    ///   - x: Column of its left edge; may be negative.
    ///   - y: Row of its top edge; may be negative.
    package mutating func draw(_ other: Image, x: Int, y: Int) {
        let (left, right) = (max(x, 0), min(x + other.width, width))
        guard left < right else { return }
        for row in max(y, 0)..<max(min(y + other.height, height), max(y, 0)) {
            for column in left..<right {
                let from = ((row - y) * other.width + column - x) * other.channels
                let to = (row * width + column) * channels
                let alpha = other.channels == 4 ? Int(other.pixels[from + 3]) : 255
                for channel in 0..<3 {
                    let (over, under) = (Int(other.pixels[from + channel]), Int(pixels[to + channel]))
                    pixels[to + channel] = UInt8((over * alpha + under * (255 - alpha) + 127) / 255)
                }
                if channels == 4 { pixels[to + 3] = max(pixels[to + 3], UInt8(alpha)) }
            }
        }
    }

    /// The picture with a fourth channel, opaque where it had none.
    func withOpaqueAlpha() -> Image {
        guard channels == 3 else { return self }
        var wide = [UInt8](repeating: 255, count: width * height * 4)
        for pixel in 0..<width * height {
            for channel in 0..<3 { wide[pixel * 4 + channel] = pixels[pixel * 3 + channel] }
        }
        return Image(uncheckedWidth: width, height: height, channels: 4, pixels: wide)
    }

    /// Centred in a square that is no smaller; zero around it.
    func placed(inSquare side: Int) -> Image {
        if width == side, height == side { return self }
        return window(x: -((side - width) / 2), y: -((side - height) / 2), width: side, height: side)
    }

    /// A rectangle that may reach beyond the picture, where it is zero.
    private func window(x: Int, y: Int, width: Int, height: Int) -> Image {
        var cut = [UInt8](repeating: 0, count: width * height * channels)
        let (left, right) = (max(x, 0), min(x + width, self.width))
        let (top, bottom) = (max(y, 0), min(y + height, self.height))
        if left < right {
            for row in top..<max(top, bottom) {
                let from = (row * self.width + left) * channels
                let to = ((row - y) * width + left - x) * channels
                let count = (right - left) * channels
                cut.replaceSubrange(to..<to + count, with: pixels[from..<from + count])
            }
        }
        return Image(uncheckedWidth: width, height: height, channels: channels, pixels: cut)
    }
}
