import Foundation
import LienzoData
import LienzoImages
import LienzoModels
import LienzoPipelines
import LienzoTokenizers
import LienzoTorch

/// Pairs that training does not see, read anew for each evaluation, so that they take no memory in between.
package struct HeldOutPairs: Sendable {
    /// Paths of webdataset archives; none where there is nothing to evaluate on.
    package let shards: [String]
    /// How many pairs are read at most.
    package let limit: Int

    package init(shards: [String], limit: Int) {
        self.shards = shards
        self.limit = limit
    }

    /// Pairs that go through the towers at once.
    private static let block = 32

    /// Reads pairs whose captions differ, in the order of the shards, a block at a time; what cannot be read is left out.
    ///
    /// - Parameters:
    ///   - configuration: what the towers take.
    ///   - tokenizer: turns captions into tokens.
    ///   - body: called with each block.
    /// - Throws: `DataError` for a shard that cannot be read; what `body` throws.
    func forEachBlock(
        _ configuration: CLIPConfiguration,
        _ tokenizer: any TextTokenizer,
        _ body: (Pairs) throws -> Void
    ) throws {
        var (seen, count): (Set<String>, Int) = ([], 0)
        for shard in shards where count < limit {
            var reader = try ShardReader(path: shard)
            while count < limit {
                var samples: [ShardSample] = []
                while samples.count < min(Self.block, limit - count), let sample = try reader.next() {
                    samples.append(sample)
                }
                if samples.isEmpty { break }
                let block = samples
                let preprocess = configuration.preprocessing
                let read = concurrently(block.count) { index in
                    let picture = try CaptionedPicture(block[index])
                    return (title: picture.title, pixels: try preprocess(picture.image))
                }
                let new = read.compactMap { try? $0.get() }.filter { seen.insert($0.title).inserted }
                guard !new.isEmpty else { continue }
                count += new.count
                let size = configuration.preprocessing.size
                let batcher = TextBatcher(tokenizer: tokenizer, length: configuration.contextLength, device: .cpu)
                try body(
                    Pairs(
                        pixels: Tensor(rows: new.map(\.pixels), shape: [new.count, 3, size, size]),
                        ids: batcher(new.map(\.title), cutsPadding: true).ids
                    )
                )
            }
        }
    }
}
