import CTorch

/// A stream of random numbers: torch's CPU generator, so a seed gives the numbers the reference draws.
///
/// Drawing moves the stream on, which is why this is a class. Not `Sendable`.
package final class Generator {
    private let handle: CTorchGenerator

    package init(seed: UInt64) {
        handle = ctorch_generator_new(seed)
    }

    deinit {
        ctorch_generator_free(handle)
    }

    /// The position in the stream, as torch writes it: bytes that ``restore(_:)`` takes.
    package var state: [UInt8] { Tensor(ctorch_generator_state(handle)).elements() }

    /// Goes to a position that ``state`` gave.
    package func restore(_ state: [UInt8]) {
        let tensor = Tensor(state)
        check(tensor.withHandle { $0.map { ctorch_generator_set_state(handle, $0) } ?? false })
    }

    /// A uniform number in [0, 1).
    package func uniform() -> Double { Double(Tensor.rand([1], generator: self).floats().first ?? 0) }

    /// A uniform whole number in `range`.
    package func integer(in range: Range<Int>) -> Int {
        let drawn = ctorch_randint(Int64(range.lowerBound), Int64(range.upperBound), [1], 1, handle)
        return Int(Tensor(drawn).int64s().first ?? Int64(range.lowerBound))
    }

    func draw(_ body: (CTorchGenerator) -> CTorchTensor?) -> Tensor {
        withExtendedLifetime(self) { Tensor(body(handle)) }
    }
}

extension Tensor {
    /// Standard normal numbers, drawn on the CPU in `dtype` and then moved to `device`.
    package static func randn(
        _ shape: [Int],
        generator: Generator,
        dtype: DType = .float32,
        device: Device = .cpu
    ) -> Tensor {
        generator.draw { ctorch_randn(shape.map(Int64.init), Int32(shape.count), $0, dtype.code) }.to(device)
    }

    /// Uniform numbers in [0, 1).
    package static func rand(
        _ shape: [Int],
        generator: Generator,
        dtype: DType = .float32,
        device: Device = .cpu
    ) -> Tensor {
        generator.draw { ctorch_rand(shape.map(Int64.init), Int32(shape.count), $0, dtype.code) }.to(device)
    }

    /// Uniform whole numbers in `range`, as int64.
    package static func randint(
        _ range: Range<Int>,
        _ shape: [Int],
        generator: Generator,
        device: Device = .cpu
    ) -> Tensor {
        generator.draw {
            ctorch_randint(
                Int64(range.lowerBound),
                Int64(range.upperBound),
                shape.map(Int64.init),
                Int32(shape.count),
                $0
            )
        }
        .to(device)
    }

    /// The numbers 0 ..< `count` in random order, as int64.
    package static func randomPermutation(_ count: Int, generator: Generator) -> Tensor {
        generator.draw { ctorch_randperm(Int64(count), $0) }
    }

    /// 1 with `probability`, else 0.
    package static func bernoulli(
        _ shape: [Int],
        probability: Double,
        generator: Generator,
        dtype: DType = .float32,
        device: Device = .cpu
    ) -> Tensor {
        generator.draw { ctorch_bernoulli(shape.map(Int64.init), Int32(shape.count), probability, $0, dtype.code) }
            .to(device)
    }
}
