import Foundation
import LienzoData
import LienzoFiles
package import LienzoImages
package import LienzoTokenizers
import Synchronization

/// Where pairs of pictures and captions come from, and how they are shown.
///
/// The shards are dealt to streams, and a step takes as many samples of each. What a stream gives, down to the crop and
/// the caption of every showing, depends on the seed and the stream's number only; so it is the same whether one process
/// reads all streams or several processes some each, and a run that is resumed sees what it would have seen.
package struct PairSettings: Sendable {
    /// Paths of webdataset archives; at least one for each stream.
    package let shards: [String]
    /// How many streams there are in all processes together.
    package let streams: Int
    /// Samples that a stream gives to each step.
    package let perStream: Int
    /// Samples (still encoded) that a stream has in memory for shuffling.
    package let bufferSize: Int
    package let seed: UInt64
    package let crop: RandomResizedCrop
    package let tokenizer: any TextTokenizer
    /// Tokens to which captions are cut.
    package let contextLength: Int

    package init(
        shards: [String],
        streams: Int,
        perStream: Int,
        bufferSize: Int,
        seed: UInt64,
        crop: RandomResizedCrop,
        tokenizer: any TextTokenizer,
        contextLength: Int
    ) {
        self.shards = shards
        self.streams = streams
        self.perStream = perStream
        self.bufferSize = bufferSize
        self.seed = seed
        self.crop = crop
        self.tokenizer = tokenizer
        self.contextLength = contextLength
    }

    /// The shards of stream `index`.
    func shards(of index: Int) -> [String] {
        shards.indices.filter { $0 % streams == index }.map { shards[$0] }
    }

    /// Refuses shards with which a step would see a sample twice, which no loss can tell from itself.
    ///
    /// - Throws: ``TrainingError`` where a stream has fewer samples than it gives to a step; `DataError` for a shard
    ///   that cannot be read.
    func requireWholeSteps() throws {
        for index in 0..<streams {
            let count = try ShardReader.count(in: shards(of: index), limit: perStream)
            guard count < perStream else { continue }
            let place = streams == 1 ? "the shards" : "the shards of stream \(index + 1) of \(streams)"
            throw TrainingError(
                "\(place) have \(count.counted("sample")) and a step takes \(perStream) of them; give more shards, or "
                    + "a smaller --batch"
            )
        }
    }

    /// Where stream `index` begins.
    func start(of index: Int) -> StreamState {
        StreamState(seed: SeedSequence.seed(seed, stream: 3, index: index))
    }
}

/// What a process sees of a step: pictures as bytes and captions as tokens.
struct PairBatch: Sendable {
    let count: Int
    /// The side of the pictures.
    let side: Int
    /// `count × side × side × 3`.
    let pixels: [UInt8]
    /// Tokens in a row of `ids`: those of the longest caption.
    let tokens: Int
    /// `count × tokens`.
    let ids: [Int32]
    /// Where each of the process's streams stands behind this batch.
    let states: [StreamState]
}

/// Reads batches of pairs: takes samples of each stream, decodes and crops on all cores; never more than the shuffle
/// buffers and one batch is in memory.
final class PairReader: Sendable {
    /// One stream, by its number.
    private final class Lane {
        let index: Int
        var stream: ShardStream

        init(index: Int, stream: consuming ShardStream) {
            self.index = index
            self.stream = stream
        }
    }

    /// A sample, and what its showing is drawn from.
    private struct Draw: Sendable {
        let lane: Int
        let sample: ShardSample
        let choices: SplitMix64
    }

    private struct Showing: Sendable {
        let pixels: [UInt8]
        let text: TokenizedText
    }

    private let settings: PairSettings
    private let lanes: Mutex<[Lane]>
    private let note: @Sendable (String) -> Void

    /// So many unusable samples may come together before the reader gives up.
    private static let failureLimit = 1_000

    /// - Parameters:
    ///   - settings: what to read.
    ///   - states: where each of this process's streams begins, the first of which has the number `first`.
    ///   - first: the number of this process's first stream.
    ///   - note: told of each sample that cannot be used and is passed over.
    /// - Throws: `DataError` where a stream cannot begin.
    init(
        _ settings: PairSettings,
        states: [StreamState],
        first: Int,
        note: @escaping @Sendable (String) -> Void
    ) throws {
        self.settings = settings
        self.note = note
        var lanes: [Lane] = []
        for (offset, state) in states.enumerated() {
            let index = first + offset
            let stream = try ShardStream(
                shards: settings.shards(of: index),
                bufferSize: settings.bufferSize,
                state: state
            )
            lanes.append(Lane(index: index, stream: stream))
        }
        self.lanes = Mutex(lanes)
    }

    /// The next batch: the samples of the first stream, then those of the second, and so on.
    func next() throws -> PairBatch { try lanes.withLock { try batch($0) } }

    private func batch(_ lanes: [Lane]) throws -> PairBatch {
        var showings = [[Showing]](repeating: [], count: lanes.count)
        var failures = 0
        while true {
            var draws: [Draw] = []
            for (place, lane) in lanes.enumerated() {
                for _ in showings[place].count..<settings.perStream { draws.append(try draw(lane, place)) }
            }
            if draws.isEmpty { break }
            for (draw, result) in zip(draws, shown(draws)) {
                switch result {
                case .success(let showing): showings[draw.lane].append(showing)
                case .failure(let error):
                    failures += 1
                    guard failures < Self.failureLimit else { throw error }
                    note("A sample is passed over: \(error)")
                }
            }
        }
        return batch(showings.flatMap(\.self), states: lanes.map { $0.stream.state })
    }

    private func shown(_ draws: [Draw]) -> [Result<Showing, any Error>] {
        let settings = settings
        return concurrently(draws.count) { try Self.show(draws[$0], settings) }
    }

    private func draw(_ lane: Lane, _ place: Int) throws -> Draw {
        let sample = try lane.stream.next()
        let state = lane.stream.state
        let choices = SplitMix64(seed: settings.seed, 4, lane.index, state.epoch, state.position)
        return Draw(lane: place, sample: sample, choices: choices)
    }

    private static func show(_ draw: Draw, _ settings: PairSettings) throws -> Showing {
        let picture = try CaptionedPicture(draw.sample)
        var choices = draw.choices
        let caption = picture.caption(CaptionSampler(), using: &choices)
        let crop = try settings.crop(picture.image, using: &choices)
        return Showing(
            pixels: crop.pixels,
            text: settings.tokenizer.encode(caption, length: settings.contextLength)
        )
    }

    private func batch(_ showings: [Showing], states: [StreamState]) -> PairBatch {
        let tokens = showings.map(\.text.count).max() ?? settings.contextLength
        return PairBatch(
            count: showings.count,
            side: settings.crop.side,
            pixels: showings.flatMap(\.pixels),
            tokens: tokens,
            ids: showings.flatMap { $0.text.ids.prefix(tokens) },
            states: states
        )
    }
}
