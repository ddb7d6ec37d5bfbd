package import LienzoData
import LienzoModels
import LienzoNN
package import LienzoTorch

/// What frozen networks say of every picture of a data set, worked out once: latents and image embeddings, of the
/// picture as it is (variant 0) and mirrored (variant 1).
package struct EncodedPictures {
    /// How many ways each picture is encoded.
    package static let variants = 2

    package let records: [PictureRecord]
    /// `[variants · count, channels, height, width]` as diffusion sees them, or `nil` where no autoencoder was given.
    private let latents: Tensor?
    /// `[variants · count, embeddingDimension]`, not normalised.
    private let embeddings: Tensor

    package var count: Int { records.count }

    /// Encodes the pictures of shards.
    ///
    /// - Parameters:
    ///   - shards: paths of tar archives.
    ///   - clip: makes the embeddings.
    ///   - autoencoder: makes the latents; none are made where it is `nil`.
    ///   - pictureSide: the side of the pictures that the autoencoder sees.
    ///   - cache: keeps what is made for the next run.
    ///   - progress: called with what is being done and how many pictures are done.
    /// - Throws: ``TrainingError`` where the shards hold no picture or too many, or the cache lacks a part; errors of
    ///   files and pictures.
    init(
        shards: [String],
        clip: OpenCLIP,
        autoencoder: AutoencoderTiny?,
        pictureSide: Int,
        cache: FeatureCache,
        progress: (String, Int) -> Void
    ) throws {
        let table = try PictureTable(shards: shards, side: 256) { progress("reading pictures", $0) }
        records = table.records
        let tensors = try cache.tensors {
            try inBlocks(of: Self.variants * table.count) { places in
                progress("encoding pictures", places[0])
                let indices = places.map { $0 % table.count }
                let mirrored = Tensor(places.map { $0 >= table.count }, shape: [places.count, 1, 1, 1])
                let plain = table.pictures(indices)
                let pictures = Tensor.where(mirrored, plain.flip(dims: [3]), plain)
                var made = ["embeddings": clip.encodeImages(Self.preprocessed(pictures, for: clip))]
                if let autoencoder {
                    let small = pictures.interpolated(
                        height: pictureSide,
                        width: pictureSide,
                        mode: .bicubic,
                        antialias: true
                    ).clamp(0, 1)
                    made["latents"] = autoencoder.diffusionLatents(autoencoder.encode(small * 2 - 1)).to(.float16)
                }
                return made
            }
        }
        guard let embeddings = tensors["embeddings"], autoencoder == nil || tensors["latents"] != nil else {
            throw TrainingError("the cache of encoded pictures lacks a part; remove it and try again")
        }
        self.embeddings = embeddings
        latents = tensors["latents"]
    }

    /// Square pictures in 0…1 as the image tower takes them.
    static func preprocessed(_ pictures: Tensor, for clip: OpenCLIP) -> Tensor {
        let settings = clip.configuration.preprocessing
        let side = settings.size
        let scaled = pictures.interpolated(height: side, width: side, mode: .bicubic, antialias: true).clamp(0, 1)
        let mean = Tensor(settings.mean.map(Float.init), shape: [1, 3, 1, 1])
        let deviation = Tensor(settings.standardDeviation.map(Float.init), shape: [1, 3, 1, 1])
        return (scaled - mean) / deviation
    }

    /// The latents of some pictures, each in a variant, float32.
    func latents(_ indices: [Int], variants: [Int]) -> Tensor {
        (latents ?? embeddings).indexSelect(dim: 0, places(indices, variants)).to(.float32)
    }

    /// The image embeddings of some pictures, each in a variant, float32.
    package func embeddings(_ indices: [Int], variants: [Int]) -> Tensor {
        embeddings.indexSelect(dim: 0, places(indices, variants)).to(.float32)
    }

    /// Mean and standard deviation of each number of the image embeddings, `[1, embeddingDimension]` each.
    package func statistics() -> (mean: Tensor, deviation: Tensor) {
        let all = embeddings.to(.float32)
        return (all.mean(dims: [0], keepDim: true), all.std(dims: [0], keepDim: true))
    }

    private func places(_ indices: [Int], _ variants: [Int]) -> Tensor {
        Tensor(zip(indices, variants).map { Int64($1 * count + $0) })
    }
}
