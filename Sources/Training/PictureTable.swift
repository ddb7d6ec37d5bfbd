import Foundation
package import LienzoData
import LienzoImages
package import LienzoTorch

/// All pictures of a split in memory, square and with transparency, so that a batch is one look-up.
///
/// For data sets that fit: `side`² × 4 bytes a picture. Larger ones are streamed (`ShardStream`).
package struct PictureTable {
    package let side: Int
    package let records: [PictureRecord]
    /// One for each picture, `[1, side, side, 4]`, straight alpha.
    private let pixels: [Tensor]

    /// Reads and decodes every picture of the shards.
    ///
    /// - Parameters:
    ///   - shards: paths of tar archives.
    ///   - side: to which the pictures are scaled.
    ///   - limit: how many pictures are read at most.
    ///   - byteLimit: a data set that would take more memory than this is refused.
    ///   - progress: called now and then with the number of pictures read; what it throws ends the reading.
    /// - Throws: ``TrainingError`` where the shards hold no picture or more than `byteLimit`; errors of files and
    ///   pictures.
    package init(
        shards: [String],
        side: Int,
        limit: Int = .max,
        byteLimit: Int = 6 << 30,
        progress: (Int) throws -> Void = { _ in }
    ) throws {
        self.side = side
        let size = side * side * 4
        var records: [PictureRecord] = []
        var pixels: [Tensor] = []
        for shard in shards where records.count < limit {
            var reader = try ShardReader(path: shard)
            while true {
                // A block at a time, so that decoding can use all cores.
                var block: [ShardSample] = []
                while block.count < min(64, limit - records.count), let sample = try reader.next() {
                    block.append(sample)
                }
                if block.isEmpty { break }
                for (record, picture) in try Self.decode(block, side: side) {
                    records.append(record)
                    pixels.append(Tensor(picture, shape: [1, side, side, 4]))
                }
                guard (records.count + 64) * size <= byteLimit else {
                    throw TrainingError(
                        "the pictures of \(shards.count) shards at \(side)×\(side) take more than \(byteLimit >> 20) MiB "
                            + "of memory; give fewer shards"
                    )
                }
                try progress(records.count)
            }
        }
        guard !records.isEmpty else {
            throw TrainingError("the shards \(shards.joined(separator: ", ")) hold no picture; run `lienzo data build`")
        }
        self.records = records
        self.pixels = pixels
    }

    package var count: Int { records.count }

    private static func decode(_ block: [ShardSample], side: Int) throws -> [(PictureRecord, [UInt8])] {
        try concurrently(block.count) { index in
            let sample = try PictureSample(block[index])
            return (sample.record, try sample.image.scaled(into: side).pixels)
        }
        .map { try $0.get() }
    }

    /// Pictures over backgrounds.
    ///
    /// - Parameters:
    ///   - indices: which pictures.
    ///   - backgrounds: `[indices.count, 3]` in 0…1, or `nil` for white.
    /// - Returns: `[indices.count, 3, side, side]` in 0…1, float32.
    package func pictures(_ indices: [Int], backgrounds: Tensor? = nil) -> Tensor {
        let planes = Tensor.cat(indices.map { pixels[$0] }).permute(0, 3, 1, 2).to(.float32) / 255
        let alpha = planes.narrow(dim: 1, start: 3, length: 1)
        let colors = planes.narrow(dim: 1, start: 0, length: 3)
        guard let backgrounds else { return colors * alpha + (1 - alpha) }
        return colors * alpha + backgrounds.unsqueeze(-1).unsqueeze(-1) * (1 - alpha)
    }
}

extension Image {
    /// The whole picture in the middle of a transparent square.
    func scaled(into side: Int) throws -> Image {
        let longest = max(width, height)
        if width == side, height == side, channels == 4 { return self }
        let small = try resized(
            width: max(1, width * side / longest),
            height: max(1, height * side / longest),
            filter: .bicubic
        )
        var square = [UInt8](repeating: 0, count: side * side * 4)
        let (left, top) = ((side - small.width) / 2, (side - small.height) / 2)
        for y in 0..<small.height {
            for x in 0..<small.width {
                let from = (y * small.width + x) * small.channels
                let to = ((top + y) * side + left + x) * 4
                for channel in 0..<3 { square[to + channel] = small.pixels[from + channel] }
                square[to + 3] = small.channels == 4 ? small.pixels[from + 3] : 255
            }
        }
        return try Image(width: side, height: side, channels: 4, pixels: square)
    }
}
