import LienzoNN
import LienzoTorch
import Testing

@Suite struct LayerTests {
    private let source = TensorDictionary([
        "block.fc.weight": Tensor.randn([16, 24], generator: Generator(seed: 1)),
        "block.fc.bias": Tensor.randn([16], generator: Generator(seed: 2)),
    ])

    @Test func `building a layer loads it`() throws {
        let store = ParameterStore(loading: source, computeType: .float32)
        let layer = try Linear(store.root["block"]["fc"], from: 24, to: 16)
        try store.finish()
        let x = Tensor.randn([3, 24], generator: Generator(seed: 3))
        let expected = x.linear(
            weight: try source.tensor(named: "block.fc.weight"),
            bias: try source.tensor(named: "block.fc.bias")
        )
        #expect((layer(x) - expected).abs().max().item < 1e-5)
    }

    @Test func `a missing tensor is named, with the file that lacks it`() {
        let store = ParameterStore(loading: source)
        let error = #expect(throws: ParameterError.self) { try Linear(store.root["other"], from: 24, to: 16) }
        #expect(error?.description.contains("other.weight") == true)
    }

    @Test func `a wrong shape says what was expected and what was found`() {
        let store = ParameterStore(loading: source)
        let error = #expect(throws: ParameterError.self) { try Linear(store.root["block"]["fc"], from: 24, to: 17) }
        #expect(error?.problem == .shape(expected: [17, 24], found: [16, 24]))
    }

    @Test func `tensors that nobody read are an error`() throws {
        let store = ParameterStore(loading: source)
        _ = try Linear(store.root["block"]["fc"], from: 24, to: 16, bias: false)
        let error = #expect(throws: ParameterError.self) { try store.finish() }
        #expect(error?.problem == .unread(count: 1, first: ["block.fc.bias"]))
        try store.finish(ignoring: { $0.hasSuffix("bias") })
    }

    @Test(arguments: [DType.float32, .bfloat16])
    func `a training store gives float32 leaves with gradients whatever it computes in`(type: DType) throws {
        try torchScope {
            let generator = Generator(seed: 5)
            let store = ParameterStore(training: nil, generator: generator, computeType: type)
            let convolution = try Conv2d(store.root["conv"], from: 3, to: 8, kernel: 3, padding: 1)
            let norm = try GroupNorm(store.root["norm"], groups: 2, channels: 8)
            let batch = try BatchNorm2d(store.root["batch"], channels: 8)
            let layer = try LayerNorm(store.root["layer"], width: 8)
            let x = Tensor.randn([2, 3, 8, 8], generator: generator)
            let y = batch(norm(convolution(x, activation: .silu)), momentum: 0.1)
            layer(y.permute(0, 2, 3, 1)).square().mean().to(.float32).backward()
            #expect(store.trainable.count == 8)
            for entry in store.trainable {
                #expect(entry.tensor.dtype == .float32)
                let gradient = try #require(entry.tensor.gradient, "\(entry.name) has no gradient")
                #expect(gradient.dtype == .float32 && gradient.shape == entry.tensor.shape)
            }
        }
    }

    @Test func `frozen parameters record no gradient`() throws {
        let store = ParameterStore(training: source, generator: nil, isTrainable: { $0.hasSuffix("bias") })
        _ = try Linear(store.root["block"]["fc"], from: 24, to: 16)
        #expect(store.trainable.map(\.name) == ["block.fc.bias"])
        #expect(store.entries.count == 2)
    }

    @Test(arguments: [DType.float32, .bfloat16])
    func `weights of 8 bits are close to the exact ones, and not equal`(type: DType) throws {
        try torchScope {
            let generator = Generator(seed: 6)
            let source = TensorDictionary([
                "fc.weight": Tensor.randn([16, 24], generator: generator), "fc.bias": Tensor.zeros([16]),
                "conv.weight": Tensor.randn([8, 4, 3, 3], generator: generator), "conv.bias": Tensor.zeros([8]),
            ])
            func outputs(_ storesInt8: Bool) throws -> [Tensor] {
                let store = ParameterStore(loading: source, computeType: type, storesInt8: storesInt8)
                let linear = try Linear(store.root["fc"], from: 24, to: 16)
                let convolution = try Conv2d(store.root["conv"], from: 4, to: 8, kernel: 3, padding: 1)
                let inputs = Generator(seed: 7)
                return [
                    linear(.randn([5, 24], generator: inputs), activation: .silu),
                    convolution(.randn([1, 4, 8, 8], generator: inputs), activation: .silu),
                ]
            }
            for (small, exact) in zip(try outputs(true), try outputs(false)) {
                let (small, exact) = (small.to(.float32), exact.to(.float32))
                let deviation = ((small - exact).norm() / exact.norm()).item
                #expect(deviation > 1e-4 && deviation < 0.02)
            }
        }
    }

    @Test func `a row of zeros stays a row of zeros in 8 bits`() throws {
        try torchScope {
            let source = TensorDictionary(["fc.weight": Tensor.zeros([3, 4]), "fc.bias": Tensor.zeros([3])])
            let store = ParameterStore(loading: source, computeType: .float32, storesInt8: true)
            let layer = try Linear(store.root["fc"], from: 4, to: 3)
            #expect(layer(.full([2, 4], 1)).abs().max().item == 0)
        }
    }

    @Test(arguments: [(DType.float32, 1e-5), (.bfloat16, 2e-2)], [(10, 14), (9, 13), (10, 13), (9, 14)])
    func `a convolution of a doubled map equals that of the map itself`(
        type: (DType, tolerance: Double),
        size: (height: Int, width: Int)
    ) throws {
        try torchScope {
            let generator = Generator(seed: 8)
            let source = TensorDictionary([
                "conv.weight": Tensor.randn([6, 4, 3, 3], generator: generator),
                "conv.bias": Tensor.randn([6], generator: generator),
            ])
            let scope = ParameterStore(loading: source, computeType: type.0).root["conv"]
            let x = Tensor.randn([2, 4, 5, 7], generator: generator)
            let doubled = x.interpolated(height: size.height, width: size.width, mode: .nearest)
            let expected = try Conv2d(scope, from: 4, to: 6, kernel: 3, padding: 1)(doubled).to(.float32)
            let found = try DoublingConv2d(scope, from: 4, to: 6)(x, size: size).to(.float32)
            #expect(found.shape == expected.shape)
            #expect((found - expected).abs().max().item < type.tolerance * expected.abs().max().item)
        }
    }

    @Test func `attention equals its definition`() throws {
        try torchScope {
            let generator = Generator(seed: 4)
            let (q, k, v) = (
                Tensor.randn([2, 3, 5, 8], generator: generator), Tensor.randn([2, 3, 7, 8], generator: generator),
                Tensor.randn([2, 3, 7, 8], generator: generator)
            )
            let mask = Tensor.randn([2, 1, 5, 7], generator: generator)
            let scores = q.matmul(k.transpose(-1, -2)) / 8.0.squareRoot() + mask
            let expected = scores.softmax(dim: -1).matmul(v)
            #expect((attention(query: q, key: k, value: v, mask: mask) - expected).abs().max().item < 1e-5)
        }
    }

    @Test func `sines and cosines of a timestep`() {
        // diffusers get_timestep_embedding(torch.tensor([3.]), 4, flip_sin_to_cos=True, downscale_freq_shift=0)
        let values = sinusoidalEmbedding(Tensor([Float(3)]), width: 4, flipSinToCos: true, frequencyShift: 0).floats()
        let expected: [Float] = [-0.989_992_5, 0.999_550_0, 0.141_120_0, 0.029_995_5]
        for (a, b) in zip(values, expected) { #expect(abs(a - b) < 1e-6) }
    }
}
