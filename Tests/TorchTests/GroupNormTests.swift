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

    @Test("with SiLU it is the SiLU of it", arguments: [(DType.float32, 1e-6), (.bfloat16, 1e-2)], [false, true])
    func activated(type: (DType, tolerance: Double), isRecorded: Bool) throws {
        try torchScope {
            let generator = Generator(seed: 6)
            // Up to where SiLU is its argument, and down to where it is 0.
            let x = (Tensor.randn([2, 24, 9, 7], generator: generator) * 3).to(type.0).channelsLast().copy()
            x.setRequiresGradient(isRecorded)
            let (weight, bias) = (
                Tensor.randn([24], generator: generator) * 40, Tensor.randn([24], generator: generator)
            )
            func normalised(silu: Bool) -> Tensor {
                x.groupNorm(groups: 6, weight: weight, bias: bias, epsilon: 1e-5, silu: silu).to(.float32)
            }
            let (found, expected) = (normalised(silu: true), normalised(silu: false).silu())
            #expect(found.requiresGradient == isRecorded)
            #expect((found - expected).abs().max().item <= type.tolerance * expected.abs().max().item)
        }
    }

    @Test(
        "with another factor and offset at each place it is that of maps as large",
        arguments: [(DType.float32, 1e-5), (.bfloat16, 2e-2)],
        [(9, 14), (3, 7), (3, 14), (1, 1)]
    )
    func placed(type: (DType, tolerance: Double), size: (height: Int, width: Int)) throws {
        try torchScope {
            let generator = Generator(seed: 7)
            func map(_ height: Int, _ width: Int) -> Tensor {
                Tensor.randn([2, 12, height, width], generator: generator).to(type.0).channelsLast()
            }
            let x = map(9, 14)
            let (factor, offset) = (map(size.height, size.width), map(size.height, size.width))
            let (weight, bias) = (Tensor.randn([12], generator: generator), Tensor.randn([12], generator: generator))
            let found = x.spatialNormSiLU(
                groups: 4,
                weight: weight,
                bias: bias,
                epsilon: 1e-5,
                factor: factor,
                offset: offset
            )
            func enlarged(_ map: Tensor) -> Tensor {
                map.interpolated(height: 9, width: 14, mode: .nearest).to(.float32)
            }
            let norm = x.groupNorm(groups: 4, weight: weight, bias: bias, epsilon: 1e-5).to(.float32)
            let expected = (norm * enlarged(factor) + enlarged(offset)).silu()
            #expect((found.to(.float32) - expected).abs().max().item <= type.tolerance * expected.abs().max().item)
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
