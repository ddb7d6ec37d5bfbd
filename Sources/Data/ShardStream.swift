/// Where a run through a data set stands; with the same shards it determines every later sample.
package struct StreamState: Codable, Sendable, Equatable {
    /// The seed of the order.
    package var seed: UInt64
    /// How many times all shards have been read through.
    package var epoch: Int
    /// How many samples of this epoch have been handed out.
    package var position: Int

    /// The beginning of a run.
    package init(seed: UInt64) {
        self.seed = seed
        (epoch, position) = (0, 0)
    }
}

/// Shuffles a sequence of any length in bounded memory: consecutive blocks, each in an order of its own.
///
/// The order of block `b` of epoch `e` is a function of (seed, e, b) alone. That is what lets a run resume exactly: the
/// blocks before the current one need only be counted, not read.
package struct ShuffleBuffer: Sendable, Equatable {
    /// The seed of the order.
    package let seed: UInt64
    /// How many elements are in memory at a time, at least 1.
    package let capacity: Int

    /// Makes a buffer of `capacity` elements; values below 1 count as 1.
    package init(seed: UInt64, capacity: Int) {
        self.seed = seed
        self.capacity = max(1, capacity)
    }

    /// The order in which the `count` elements of a block are handed out: a permutation of `0..<count`.
    package func order(epoch: Int, block: Int, count: Int) -> [Int] {
        var generator = SplitMix64(seed: seed, 1, epoch, block)
        return Array(0..<count).shuffled(using: &generator)
    }
}

/// Endless shuffled samples from any number of tar shards, in memory bounded by the shuffle buffer.
///
/// In each epoch the shards stand in a new order and their samples pass through a `ShuffleBuffer`. The order is a pure
/// function of (seed, epoch, position): a stream made from a saved `state` goes on exactly where the other stopped.
/// Shards that fit in memory are better read once with `ShardReader` and kept.
package struct ShardStream: ~Copyable {
    private let shards: [String]
    private let buffer: ShuffleBuffer
    private var order: [Int]
    private var nextShard = 0
    private var reader: ShardReader?
    private var isOpen = false
    private var block: [ShardSample] = []
    private var blockOrder: [Int] = []
    private var blockIndex = -1

    /// What to save in a checkpoint, and to begin from again.
    package private(set) var state: StreamState

    /// Begins or continues a run.
    ///
    /// - Parameters:
    ///   - shards: Paths of tar archives; the same list in the same order gives the same run.
    ///   - bufferSize: Samples (still encoded) in memory at a time.
    ///   - state: Where to begin.
    /// - Throws: `DataError.invalid` where no shard is given or the state lies outside a run.
    package init(shards: [String], bufferSize: Int = 4_096, state: StreamState) throws(DataError) {
        guard !shards.isEmpty, bufferSize > 0, state.epoch >= 0, state.position >= 0 else {
            throw .invalid(
                "A stream needs at least one shard, a buffer of at least one sample and a state that is not negative."
            )
        }
        self.shards = shards
        self.state = state
        buffer = ShuffleBuffer(seed: state.seed, capacity: bufferSize)
        order = Self.order(of: shards.count, state)
    }

    /// The next sample; after the last of an epoch comes the first of the next.
    ///
    /// - Throws: `DataError`, also where the shards hold no sample at all.
    package mutating func next() throws(DataError) -> ShardSample {
        let wanted = state.position / buffer.capacity
        while blockIndex < wanted {
            let skips = blockIndex + 1 < wanted
            let count = try skips ? skipBlock() : fillBlock()
            if count == 0 || skips && count < buffer.capacity { return try nextEpoch() }
            blockIndex += 1
            if !skips { blockOrder = buffer.order(epoch: state.epoch, block: wanted, count: count) }
        }
        let within = state.position % buffer.capacity
        guard within < block.count else { return try nextEpoch() }
        state.position += 1
        return block[blockOrder[within]]
    }

    /// The next `size` samples.
    package mutating func batch(_ size: Int) throws(DataError) -> [ShardSample] {
        var samples: [ShardSample] = []
        for _ in 0..<size { samples.append(try next()) }
        return samples
    }

    private mutating func nextEpoch() throws(DataError) -> ShardSample {
        guard state.position > 0 else {
            throw .malformed(path: shards[0], what: "expected samples in the shards, found none")
        }
        state.epoch += 1
        state.position = 0
        order = Self.order(of: shards.count, state)
        isOpen = false
        (nextShard, blockIndex, block) = (0, -1, [])
        return try next()
    }

    private mutating func fillBlock() throws(DataError) -> Int {
        block = []
        while block.count < buffer.capacity, let sample = try read() { block.append(sample) }
        return block.count
    }

    private mutating func skipBlock() throws(DataError) -> Int {
        var count = 0
        while count < buffer.capacity, try pass() { count += 1 }
        return count
    }

    private mutating func read() throws(DataError) -> ShardSample? {
        while try openShard() {
            if let sample = try reader?.next() { return sample }
            isOpen = false
        }
        return nil
    }

    private mutating func pass() throws(DataError) -> Bool {
        while try openShard() {
            if try reader?.skip() == true { return true }
            isOpen = false
        }
        return false
    }

    /// Whether a shard is open, after opening the next one where none was.
    private mutating func openShard() throws(DataError) -> Bool {
        if isOpen { return true }
        guard nextShard < order.count else { return false }
        reader = try ShardReader(path: shards[order[nextShard]])
        nextShard += 1
        isOpen = true
        return true
    }

    private static func order(of count: Int, _ state: StreamState) -> [Int] {
        var generator = SplitMix64(seed: state.seed, 0, state.epoch)
        return Array(0..<count).shuffled(using: &generator)
    }
}
