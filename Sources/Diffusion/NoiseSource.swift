package import LienzoTorch

/// Where the noise of a run comes from: one generator for the whole batch, or several for equal shares of it.
///
/// With one generator each, a sample of a batch is the same as when it is made alone.
///
/// Source: diffusers' `randn_tensor`.
package struct NoiseSource {
    private let generators: [Generator]

    /// One generator draws for the whole batch.
    package init(_ generator: Generator) {
        generators = [generator]
    }

    /// Each sample of the batch has a generator of its own; in a batch of more samples, each of equal shares.
    package init(each generators: [Generator]) {
        self.generators = generators
    }

    /// Standard normal float32 noise of a shape `[batch, …]`; the batch is a multiple of the generators'
    /// number.
    package func draw(_ shape: [Int], device: Device = .cpu) -> Tensor {
        if generators.count == 1 {
            return Tensor.randn(shape, generator: generators[0]).to(device)
        }
        let batch = shape.first ?? 0
        precondition(batch.isMultiple(of: generators.count), "an equal share of the batch for each generator")
        let share = [batch / generators.count] + shape.dropFirst()
        return Tensor.cat(generators.map { Tensor.randn(share, generator: $0) }, dim: 0).to(device)
    }

    /// A seed from each generator, 0 to 2^63 - 2, drawn as the reference draws that of a Brownian tree.
    func seeds() -> [UInt64] {
        generators.map { UInt64(Tensor.randint(0..<Int.max, [], generator: $0).int64s().first ?? 0) }
    }
}
