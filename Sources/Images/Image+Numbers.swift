extension Image {
    /// The picture as a network wants it: planes of numbers, normalised as torchvision's `ToTensor` and `Normalize` do.
    ///
    /// Transparency must have been flattened before; a fourth channel is left away.
    ///
    /// - Parameters:
    ///   - mean: What is subtracted from each channel's value in 0…1; 3 numbers.
    ///   - std: What the difference is divided by; 3 numbers, none of them zero.
    /// - Returns: `[3, height, width]` in one array, `(value / 255 − mean) / std`.
    ///
    /// Source: torchvision `transforms/functional.py`, `to_tensor` and `normalize`; the same float32 operations.
    public func planarFloats(mean: [Float] = [0, 0, 0], std: [Float] = [1, 1, 1]) -> [Float] {
        precondition(mean.count == 3 && std.count == 3, "mean and std have one number for each of the 3 channels")
        let count = width * height
        return [Float](unsafeUninitializedCapacity: count * 3) { target, initialized in
            pixels.withUnsafeBufferPointer { source in
                for channel in 0..<3 {
                    // 256 possible bytes: dividing once for each is exact and quicker than dividing for each pixel.
                    let table = (0..<256).map { (Float($0) / 255 - mean[channel]) / std[channel] }
                    table.withUnsafeBufferPointer { table in
                        let plane = channel * count
                        var from = channel
                        for pixel in 0..<count {
                            target[plane + pixel] = table[Int(source[from])]
                            from += channels
                        }
                    }
                }
            }
            initialized = count * 3
        }
    }

    /// How light each pixel is, 0…255, as Pillow's `convert("L")` has it; transparency is not looked at.
    ///
    /// - Returns: `height × width` numbers in rows.
    ///
    /// Source: Pillow 13 `src/libImaging/Convert.c`, `L24`: ITU-R 601-2 in 16 bits, rounded.
    package func luminance() -> [UInt8] {
        stride(from: 0, to: pixels.count, by: channels).map { start in
            let (red, green, blue) = (Int(pixels[start]), Int(pixels[start + 1]), Int(pixels[start + 2]))
            return UInt8((red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000) >> 16)
        }
    }

    /// Makes a picture of what a decoder gives.
    ///
    /// - Parameters:
    ///   - planes: `[3, height, width]` in one array. Values beyond `range` are clamped; NaN becomes its lower bound.
    ///   - width: Columns.
    ///   - height: Rows.
    ///   - range: The values that become 0 and 255.
    /// - Throws: `ImageError.impossibleSize` or `ImageError.wrongPixelCount`.
    ///
    /// Source: diffusers `image_processor.py`, `VaeImageProcessor.postprocess`: half to even after × 255.
    public init(
        planes: [Float],
        width: Int,
        height: Int,
        range: ClosedRange<Float> = -1...1
    ) throws(ImageError) {
        try Self.checkSize(width: width, height: height, name: "the picture")
        let count = width * height
        guard planes.count == count * 3 else {
            throw .wrongPixelCount(width: width, height: height, channels: 3, found: planes.count)
        }
        let (low, span) = (range.lowerBound, range.upperBound - range.lowerBound)
        let pixels = [UInt8](unsafeUninitializedCapacity: count * 3) { target, initialized in
            planes.withUnsafeBufferPointer { source in
                for pixel in 0..<count {
                    for channel in 0..<3 {
                        let share = (source[channel * count + pixel] - low) / span
                        // The comparison is false for NaN, and so is every later one.
                        let clamped = share > 0 ? min(share, 1) : 0
                        target[pixel * 3 + channel] = UInt8((clamped * 255).rounded(.toNearestOrEven))
                    }
                }
            }
            initialized = count * 3
        }
        self.init(uncheckedWidth: width, height: height, channels: 3, pixels: pixels)
    }
}
