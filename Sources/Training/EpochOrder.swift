import LienzoTorch

/// Which samples a step sees: every epoch all of them once, in an order that depends on the seed and the epoch only.
///
/// The last samples of an epoch that do not fill a batch are followed by the first of the next one.
package struct EpochOrder {
    private let count: Int
    private let batch: Int
    private let seed: UInt64
    private var epoch = -1
    private var order: [Int] = []

    /// - Parameters:
    ///   - count: how many samples there are; at least 1.
    ///   - batch: how many a step takes; may be more than there are.
    ///   - seed: what the order of each epoch is drawn from.
    package init(count: Int, batch: Int, seed: UInt64) {
        precondition(count > 0 && batch > 0, "an order needs samples and a batch")
        self.count = count
        self.batch = batch
        self.seed = seed
    }

    /// The samples of a step, counted from 0.
    package mutating func indices(step: Int) -> [Int] {
        (step * batch..<(step + 1) * batch).map { position in
            if position / count != epoch {
                epoch = position / count
                let generator = Generator(seed: SeedSequence.seed(seed, stream: 0, index: epoch))
                order = Tensor.randomPermutation(count, generator: generator).int64s().map(Int.init)
            }
            return order[position % count]
        }
    }
}

extension Generator {
    /// A seed for choices that are not tensors.
    func nextSeed() -> UInt64 { UInt64(integer(in: 0..<Int(Int32.max))) }
}
