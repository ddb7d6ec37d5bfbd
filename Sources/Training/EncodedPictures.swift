package import LienzoData
import LienzoModels
import LienzoNN
package import LienzoTorch

/// What the prior and the decoder learn from: pictures and captions as the frozen networks see them.
package struct ConditioningData {
    let pictures: EncodedPictures
    /// Pictures that are not trained on.
    let heldOut: EncodedPictures
    let captions: CaptionEncoder
}

/// What frozen networks say of every picture of a data set, worked out once: latents and image embeddings, of the
/// picture as it is, mirrored, and at the left of another picture.
package struct EncodedPictures {
    /// How a picture is shown.
    package enum Variant: Int, CaseIterable, Sendable {
        case plain, mirrored
        /// At half its size at the left of the picture that ``partner(of:)`` names, so that prompts that combine two
        /// things have something to learn from.
        case paired
    }

    /// How often a picture is shown beside another.
    private static let pairedShare = 0.12

    package let records: [PictureRecord]
    /// `[variants · count, channels, height, width]` as diffusion sees them, or `nil` where no autoencoder was given.
    private let latents: Tensor?
    /// `[variants · count, embeddingDimension]`, not normalised.
    private let embeddings: Tensor

    package var count: Int { records.count }

    /// How often an epoch shows each picture.
    var showings: [Int] { Showings.ofEach(records) }

    /// Encodes the pictures of shards.
    ///
    /// - Parameters:
    ///   - shards: paths of tar archives.
    ///   - limit: how many pictures are read at most.
    ///   - clip: makes the embeddings.
    ///   - embeddingCache: keeps the embeddings for later stages and runs.
    ///   - encoder: what makes the latents and keeps them; none are made where it is `nil`.
    ///   - device: where `clip` is, and where the encoded pictures are kept.
    ///   - progress: called with what is being done and how many pictures are done; what it throws ends the work.
    /// - Throws: ``TrainingError`` where the shards hold no picture or too many, or a cache lacks its part; errors of
    ///   files and pictures.
    init(
        shards: [String],
        limit: Int,
        clip: OpenCLIP,
        embeddingCache: FeatureCache,
        latents encoder: LatentEncoder?,
        device: Device = .cpu,
        progress: (String, Int) throws -> Void
    ) throws {
        records = try PictureRecord.all(in: shards, limit: limit)
        // The pictures are read once, and only where a cache is empty.
        var pictures: PictureTable?
        func table() throws -> PictureTable {
            if let pictures { return pictures }
            let table = try PictureTable(shards: shards, side: 256, limit: limit) {
                try progress("reading pictures", $0)
            }
            pictures = table
            return table
        }
        func encoded(_ part: String, _ cache: FeatureCache, _ encode: (Tensor) -> Tensor) throws -> Tensor {
            let tensors = try cache.tensors {
                let table = try table()
                return try inBlocks(of: Variant.allCases.count * table.count) { places in
                    try progress("making the \(part) of pictures", places[0])
                    return [part: encode(Tensor.cat(places.map { Self.shown(table, at: $0) }).to(device))]
                }
            }
            guard let tensor = tensors[part] else {
                throw TrainingError("\(cache.path) has no \(part); remove it and try again")
            }
            return tensor.to(device)
        }
        embeddings = try encoded("embeddings", embeddingCache) { clip.encodeImages(Self.preprocessed($0, for: clip)) }
        latents = try encoder.map { encoder in try encoded("latents", encoder.cache, encoder.latents) }
    }

    /// What turns pictures into latents, and where those are kept.
    struct LatentEncoder {
        let autoencoder: AutoencoderTiny
        /// The side of the pictures that the autoencoder sees.
        let pictureSide: Int
        let cache: FeatureCache

        /// The latents of `[N, 3, side, side]` in 0…1 as diffusion sees them, float16.
        func latents(_ pictures: Tensor) -> Tensor {
            let small = pictures.interpolated(height: pictureSide, width: pictureSide, mode: .bicubic, antialias: true)
            return autoencoder.diffusionLatents(autoencoder.encode(small.clamp(0, 1) * 2 - 1)).to(.float16)
        }
    }

    /// Picture `place % count` in variant `place / count`, `[1, 3, side, side]` in 0…1.
    private static func shown(_ table: PictureTable, at place: Int) -> Tensor {
        let index = place % table.count
        let plain = table.pictures([index])
        switch Variant.allCases[place / table.count] {
        case .plain: return plain
        case .mirrored: return plain.flip(dims: [3])
        case .paired: return beside(plain, table.pictures([partner(of: index, count: table.count)]))
        }
    }

    /// Square pictures in 0…1 as the image tower takes them.
    static func preprocessed(_ pictures: Tensor, for clip: OpenCLIP) -> Tensor {
        let settings = clip.configuration.preprocessing
        let side = settings.size
        let scaled = pictures.interpolated(height: side, width: side, mode: .bicubic, antialias: true).clamp(0, 1)
        func planes(_ numbers: [Double]) -> Tensor {
            Tensor(numbers.map(Float.init), shape: [1, 3, 1, 1], device: pictures.device)
        }
        return (scaled - planes(settings.mean)) / planes(settings.standardDeviation)
    }

    /// Two pictures of `[1, 3, side, side]`, each half as large, on white.
    private static func beside(_ left: Tensor, _ right: Tensor) -> Tensor {
        let side = left.size(-1)
        let halves = [left, right].map {
            $0.interpolated(height: side / 2, width: side / 2, mode: .bilinear, antialias: true)
        }
        let margin = Tensor.ones([1, 3, side / 4, side])
        return Tensor.cat([margin, Tensor.cat(halves, dim: 3), margin], dim: 2)
    }

    /// The picture that stands beside picture `index` of `count` when it is paired: any, but always the same.
    private static func partner(of index: Int, count: Int) -> Int {
        Int(SeedSequence.seed(0, stream: 3, index: index) % UInt64(count))
    }

    /// Draws how each of some pictures is shown, and what is said of it.
    func showing(
        _ indices: [Int],
        using choices: inout some RandomNumberGenerator
    ) -> (variants: [Variant], captions: [String]) {
        let sampler = CaptionSampler()
        var (variants, captions): ([Variant], [String]) = ([], [])
        for index in indices {
            let isPaired = Double.random(in: 0..<1, using: &choices) < Self.pairedShare
            let variant = isPaired ? Variant.paired : [.plain, .mirrored].randomElement(using: &choices) ?? .plain
            let partner = records[Self.partner(of: index, count: count)]
            variants.append(variant)
            captions.append(
                isPaired
                    ? sampler.caption(for: records[index], beside: partner, using: &choices)
                    : sampler.caption(for: records[index], using: &choices)
            )
        }
        return (variants, captions)
    }

    /// The latents of some pictures, each in a variant, float32; only where the pictures were given a latent encoder.
    func latents(_ indices: [Int], variants: [Variant]) -> Tensor {
        guard let latents else { preconditionFailure("no latents were made of these pictures") }
        return latents.indexSelect(dim: 0, places(indices, variants)).to(.float32)
    }

    /// The image embeddings of some pictures, each in a variant, float32.
    package func embeddings(_ indices: [Int], variants: [Variant]) -> Tensor {
        embeddings.indexSelect(dim: 0, places(indices, variants)).to(.float32)
    }

    /// Mean and standard deviation of each number of the image embeddings, `[1, embeddingDimension]` each.
    package func statistics() -> (mean: Tensor, deviation: Tensor) { Self.statistics(of: embeddings.to(.float32)) }

    /// Mean and standard deviation of each column, `[1, columns]` each.
    ///
    /// A number that is the same for all pictures, as a hardly trained image tower has it, would make standardising
    /// divide by zero: no deviation is below a thousandth of the mean one.
    static func statistics(of rows: Tensor) -> (mean: Tensor, deviation: Tensor) {
        let deviation = rows.std(dims: [0], keepDim: true)
        let floor = max(deviation.mean().item / 1000, Double(Float.leastNormalMagnitude))
        return (rows.mean(dims: [0], keepDim: true), deviation.clamp(floor))
    }

    private func places(_ indices: [Int], _ variants: [Variant]) -> Tensor {
        Tensor(zip(indices, variants).map { Int64($1.rawValue * count + $0) }, device: embeddings.device)
    }
}
