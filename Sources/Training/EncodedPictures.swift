import Foundation
import LienzoCheckpoints
package import LienzoData
package import LienzoModels
import LienzoNN
package import LienzoTorch

/// What frozen networks say of every picture of a data set, worked out once: latents and image embeddings, of the
/// picture as it is (variant 0) and mirrored (variant 1).
package struct EncodedPictures {
    /// How many ways each picture is encoded.
    package static let variants = 2

    package let records: [PictureRecord]
    /// `[variants, count, channels, height, width]` as diffusion sees them, or `nil` where no autoencoder was given.
    private let latents: Tensor?
    /// `[variants, count, embeddingDimension]`, not normalised.
    private let embeddings: Tensor

    package var count: Int { records.count }

    /// Encodes the pictures of shards, or reads what an earlier call wrote to `cache`.
    ///
    /// - Parameters:
    ///   - cache: a safetensors file; used where its `key` is this one's, else written.
    ///   - key: says which shards and networks made it, so that a change of any makes it anew.
    ///   - progress: called with what is being done and how many pictures are done.
    package init(
        shards: [String],
        clip: OpenCLIP,
        autoencoder: AutoencoderTiny?,
        pictureSide: Int,
        cache: String,
        key: String,
        progress: (String, Int) -> Void
    ) throws {
        let table = try PictureTable(shards: shards, side: 256) { progress("reading pictures", $0) }
        records = table.records
        if let file = try? SafetensorsFile(cache), file.metadata["key"] == key,
            file.shape(of: "embeddings")?[1] == table.count
        {
            embeddings = try file.tensor(named: "embeddings").copy()
            latents = autoencoder == nil ? nil : try file.tensor(named: "latents").copy()
            return
        }
        var latents: [Tensor] = []
        var embeddings: [Tensor] = []
        for variant in 0..<Self.variants {
            for start in stride(from: 0, to: table.count, by: 32) {
                let indices = Array(start..<min(start + 32, table.count))
                try withoutGradient {
                    try torchScope {
                        let plain = table.pictures(indices)
                        let pictures = variant == 0 ? plain : plain.flip(dims: [3])
                        embeddings.append(clip.encodeImages(Self.preprocessed(pictures, for: clip)))
                        if let autoencoder {
                            let small = pictures.interpolated(
                                height: pictureSide, width: pictureSide, mode: .bicubic, antialias: true
                            ).clamp(0, 1)
                            let raw = autoencoder.encode(small * 2 - 1)
                            latents.append(autoencoder.diffusionLatents(raw).to(.float16))
                        }
                    }
                }
                progress("encoding pictures", variant * table.count + start)
            }
        }
        let shape = [Self.variants, table.count]
        self.embeddings = Tensor.cat(embeddings).reshape(shape + [-1])
        self.latents = latents.isEmpty ? nil : Tensor.cat(latents).reshape(shape + Array(latents[0].shape.dropFirst()))
        var tensors = [("embeddings", self.embeddings)]
        if let latents = self.latents { tensors.append(("latents", latents)) }
        try writeSafetensors(tensors, metadata: ["key": key], to: cache)
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
        (latents ?? embeddings).flatten(pictures: 2).indexSelect(dim: 0, places(indices, variants)).to(.float32)
    }

    /// The image embeddings of some pictures, each in a variant, float32.
    package func embeddings(_ indices: [Int], variants: [Int]) -> Tensor {
        embeddings.flatten(pictures: 2).indexSelect(dim: 0, places(indices, variants)).to(.float32)
    }

    /// Mean and standard deviation of each number of the image embeddings, `[1, embeddingDimension]` each.
    package func statistics() -> (mean: Tensor, deviation: Tensor) {
        let all = embeddings.flatten(pictures: 2).to(.float32)
        return (all.mean(dims: [0], keepDim: true), all.std(dims: [0], keepDim: true))
    }

    private func places(_ indices: [Int], _ variants: [Int]) -> Tensor {
        Tensor(zip(indices, variants).map { Int64($1 * count + $0) })
    }
}

extension Tensor {
    /// Joins the first `leading` dimensions into one.
    fileprivate func flatten(pictures leading: Int) -> Tensor { reshape([-1] + Array(shape.dropFirst(leading))) }
}
