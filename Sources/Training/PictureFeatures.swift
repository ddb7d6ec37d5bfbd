package import LienzoData
import LienzoModels
import LienzoNN
package import LienzoTorch

/// The pooled features of every picture under the locked image tower: plain, and twice changed at random.
package struct PictureFeatures {
    /// How many ways each picture is seen.
    static let variants = 3

    package let records: [PictureRecord]
    /// `[variants · count, width]`, float32.
    let features: Tensor

    var count: Int { records.count }
    var width: Int { features.size(-1) }

    func features(_ indices: [Int], variants: [Int]) -> Tensor {
        let places = Tensor(zip(indices, variants).map { Int64($1 * count + $0) }, device: features.device)
        return features.indexSelect(dim: 0, places)
    }

    /// The features of the pictures as they are, `[count, width]`.
    package var plain: Tensor { features[0..<count] }
}

extension PictureFeatures {
    /// Reads the shards and runs the tower over them.
    init(
        shards: [String],
        limit: Int,
        clip: OpenCLIP,
        seed: UInt64,
        cache: FeatureCache,
        device: Device,
        progress: (String, Int) throws -> Void
    ) throws {
        records = try PictureRecord.all(in: shards, limit: limit)
        let tensors = try cache.tensors {
            let table = try PictureTable(shards: shards, side: 256, limit: limit) {
                try progress("reading pictures", $0)
            }
            return try inBlocks(of: Self.variants * table.count) { places in
                try progress("encoding pictures", places[0])
                let generator = Generator(seed: SeedSequence.seed(seed, stream: 2, index: places[0]))
                let indices = places.map { $0 % table.count }
                let pictures =
                    places[0] < table.count
                    ? table.pictures(indices) : Self.changed(table, indices, generator: generator)
                let pixels = EncodedPictures.preprocessed(pictures.to(device), for: clip)
                return ["features": clip.imageTower(pixels).to(.float32)]
            }
        }
        guard let features = tensors["features"] else {
            throw TrainingError("\(cache.path) has no features; remove it and try again")
        }
        self.features = features.to(device)
    }

    /// On light backgrounds, half mirrored, and larger or smaller in their square.
    private static func changed(_ table: PictureTable, _ indices: [Int], generator: Generator) -> Tensor {
        let light = Tensor.rand([indices.count, 3], generator: generator) * 0.4 + 0.6
        let pictures = Augmentation.mirroredAtRandom(
            table.pictures(indices, backgrounds: light),
            generator: generator
        )
        let side = table.side
        let size = Int(Double(side) * (0.65 + 0.5 * generator.uniform()))
        let scaled = pictures.interpolated(height: size, width: size, mode: .bilinear, antialias: true)
        let margin = side - size
        // A negative margin cuts; the background goes on where there is one.
        return scaled.padded(
            [margin / 2, margin - margin / 2, margin / 2, margin - margin / 2],
            mode: margin > 0 ? .replicate : .constant
        )
    }
}
