import LienzoTorch
import Testing

/// Our own loops for channels-last pictures against libtorch's kernel, which row-major ones take.
@Suite("Group normalisation of channels-last pictures")
struct GroupNormTests {
    @Test(
        "values and gradients are those of libtorch's kernel",
        arguments: [
            [2, 96, 16, 16, 32], [3, 10, 5, 7, 5], [1, 8, 40, 40, 4], [4, 224, 4, 4, 32], [1, 6, 1, 1, 2],
        ],
        [(DType.float32, 1e-5), (.bfloat16, 1e-2)]
    )
    func sameAsLibtorch(shape: [Int], type: (DType, tolerance: Double)) throws {
        try torchScope {
            let generator = Generator(seed: 5)
            let (channels, groups) = (shape[1], shape[4])
            let picture = Tensor.randn(Array(shape.prefix(4)), generator: generator) * 2 + 1
            let upstream = Tensor.randn(Array(shape.prefix(4)), generator: generator)
            let weight = Tensor.randn([channels], generator: generator)
            let bias = Tensor.randn([channels], generator: generator)

            func run(channelsLast: Bool) -> [Tensor] {
                let leaf = picture.to(type.0).copy()
                let (weight, bias) = (weight.copy(), bias.copy())
                for parameter in [leaf, weight, bias] { parameter.setRequiresGradient(true) }
                let x = channelsLast ? leaf.channelsLast() : leaf.contiguous()
                let y = x.groupNorm(groups: groups, weight: weight, bias: bias, epsilon: 1e-5)
                (y.to(.float32) * upstream).sum().backward()
                return [y.detached(), leaf.gradient, weight.gradient, bias.gradient].compactMap { $0?.to(.float32) }
            }

            let (ours, libtorch) = (run(channelsLast: true), run(channelsLast: false))
            #expect(ours.count == 4 && libtorch.count == 4)
            for (a, b) in zip(ours, libtorch) {
                let difference = (a - b).abs().max().item / b.abs().max().item
                #expect(difference <= type.tolerance)
            }
        }
    }

    @Test("a number that is not finite spoils its own group only")
    func notFinite() throws {
        try torchScope {
            var elements = (0..<64).map { Float($0 % 7) }
            elements[0] = .nan
            let x = Tensor(elements, shape: [1, 4, 4, 4]).channelsLast()
            let y = x.groupNorm(groups: 2, weight: .ones([4]), bias: .zeros([4]), epsilon: 1e-5).floats()
            let finite = y.map(\.isFinite)
            #expect(finite == [Bool](repeating: false, count: 32) + [Bool](repeating: true, count: 32))
        }
    }
}
