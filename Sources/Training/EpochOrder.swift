import LienzoTorch

/// Which samples a step sees: every epoch all of them, some more than once where that is asked for, in an order that
/// depends on the seed and the epoch only.
///
/// The last samples of an epoch that do not fill a batch are followed by the first of the next one.
package struct EpochOrder {
    /// The samples of an epoch.
    private let samples: [Int]
    private let batch: Int
    private let seed: UInt64
    private var epoch = -1
    private var order: [Int] = []

    /// - Parameters:
    ///   - count: how many samples there are; at least 1.
    ///   - batch: how many a step takes; may be more than there are.
    ///   - seed: what the order of each epoch is drawn from.
    package init(count: Int, batch: Int, seed: UInt64) {
        self.init(showings: Array(repeating: 1, count: count), batch: batch, seed: seed)
    }

    /// - Parameters:
    ///   - showings: how often an epoch shows each sample; at least one of them at least once.
    ///   - batch: how many a step takes.
    ///   - seed: what the order of each epoch is drawn from.
    package init(showings: [Int], batch: Int, seed: UInt64) {
        samples = showings.indices.flatMap { Array(repeating: $0, count: showings[$0]) }
        precondition(!samples.isEmpty && batch > 0, "an order needs samples and a batch")
        self.batch = batch
        self.seed = seed
    }

    /// The samples of a step, counted from 0.
    package mutating func indices(step: Int) -> [Int] {
        (step * batch..<(step + 1) * batch).map { position in
            if position / samples.count != epoch {
                epoch = position / samples.count
                let generator = Generator(seed: SeedSequence.seed(seed, stream: 0, index: epoch))
                order = Tensor.randomPermutation(samples.count, generator: generator).int64s().map { samples[Int($0)] }
            }
            return order[position % samples.count]
        }
    }
}

extension Generator {
    /// A seed for choices that are not tensors.
    func nextSeed() -> UInt64 { UInt64(integer(in: 0..<Int(Int32.max))) }
}
