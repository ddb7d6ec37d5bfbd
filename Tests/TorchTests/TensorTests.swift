import LienzoTorch
import Testing

@Suite struct TensorTests {
    @Test func `a failing operator names itself and the shapes it saw`() {
        let a = Tensor.ones([2, 3])
        let b = Tensor.ones([4, 5])
        let error = #expect(throws: TorchError.self) {
            try torchScope { a.matmul(b) + 1 }
        }
        #expect(error?.message.contains("matmul([2, 3] Float, [4, 5] Float)") == true)
    }

    @Test func `the first error of a scope is thrown, and scopes nest`() throws {
        let a = Tensor.ones([2, 3])
        let outer = try torchScope {
            #expect(throws: TorchError.self) { try torchScope { a.reshape(7).sum() } }
            return a.sum().item
        }
        #expect(outer == 6)
    }

    @Test func `a picture that does not fit in memory is an error, not a crash`() {
        #expect(throws: TorchError.self) { try torchScope { Tensor.zeros([1 << 20, 1 << 20, 64]) } }
    }

    @Test func `seeds give the numbers that torch's CPU generator gives`() {
        // torch.randn(4, generator=torch.Generator().manual_seed(42))
        let expected: [Float] = [0.336_690_4, 0.128_809_4, 0.234_462_4, 0.230_333_1]
        let drawn = Tensor.randn([4], generator: Generator(seed: 42)).floats()
        for (a, b) in zip(drawn, expected) { #expect(abs(a - b) < 1e-6) }
        // torch.randn(20, generator=…) takes the vectorised path from 16 numbers on.
        let expectedLong: [Float] = [1.926_915_3, 1.487_284, 0.900_717_2, -2.105_521]
        let long = Tensor.randn([20], generator: Generator(seed: 42)).floats()
        for (a, b) in zip(long, expectedLong) { #expect(abs(a - b) < 1e-5) }
        #expect(Tensor.randomPermutation(8, generator: Generator(seed: 7)).int64s().sorted() == Array(0..<8))
    }

    @Test func `a generator goes on from a saved state`() {
        let generator = Generator(seed: 3)
        _ = generator.uniform()
        let state = generator.state
        let next = Tensor.randn([5], generator: generator).floats()
        let other = Generator(seed: 99)
        other.restore(state)
        #expect(Tensor.randn([5], generator: other).floats() == next)
    }

    @Test func `gradients are those of the chain rule`() {
        let x = Tensor([Float(2), 3])
        x.setRequiresGradient(true)
        (x.square() * 3).sum().backward()
        #expect(x.gradient?.floats() == [12, 18])
        x.clearGradient()
        #expect(x.gradient == nil)
    }

    @Test(arguments: [Activation.none, .relu, .relu6, .silu, .gelu, .tanh])
    func `prepared layers give what plain ones give`(activation: Activation) throws {
        let generator = Generator(seed: 1)
        try torchScope {
            let x = Tensor.randn([5, 24], generator: generator)
            let weight = Tensor.randn([16, 24], generator: generator) * 0.3
            let bias = Tensor.randn([16], generator: generator)
            let plain = activation(x.linear(weight: weight, bias: bias))
            let prepared = PreparedLinear(weight: weight, bias: bias)(x, activation: activation, residual: nil)
            #expect((plain - prepared).abs().max().item < 1e-5)

            let picture = Tensor.randn([2, 8, 9, 9], generator: generator)
            let kernel = Tensor.randn([8, 1, 3, 3], generator: generator)
            let depthwise = activation(picture.conv2d(weight: kernel, stride: 2, padding: 1, groups: 8))
            let fast = PreparedConv2d(weight: kernel, bias: nil, stride: 2, padding: 1, dilation: 1, groups: 8)(
                picture,
                activation: activation,
                residual: nil
            )
            #expect((depthwise - fast).abs().max().item < 1e-5)
        }
    }

    @Test func `prepared layers add a residual`() throws {
        let generator = Generator(seed: 1)
        try torchScope {
            let x = Tensor.randn([5, 24], generator: generator)
            let weight = Tensor.randn([24, 24], generator: generator)
            let plain = x.linear(weight: weight) + x
            let prepared = PreparedLinear(weight: weight, bias: nil)(x, activation: .none, residual: x)
            #expect((plain - prepared).abs().max().item < 1e-5)
            let picture = Tensor.randn([2, 8, 9, 9], generator: generator)
            let kernel = Tensor.randn([8, 8, 3, 3], generator: generator)
            let plainConvolution = picture.conv2d(weight: kernel, padding: 1) + picture
            let fast = PreparedConv2d(weight: kernel, bias: nil, stride: 1, padding: 1, dilation: 1, groups: 1)(
                picture,
                activation: .none,
                residual: picture
            )
            #expect((plainConvolution - fast).abs().max().item < 1e-4)
        }
    }

    @Test func `empty tensors have no elements and do no harm`() throws {
        try torchScope {
            #expect(Tensor([Float](), shape: [0, 3]).floats().isEmpty)
            #expect(Tensor.zeros([0]).bytes().isEmpty)
        }
    }
}
