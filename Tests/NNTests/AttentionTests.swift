import LienzoNN
import LienzoTorch
import Testing

@Suite("Attention")
struct AttentionTests {
    /// Sizes about the borders of the kernel's blocks: 48 queries, 256 keys in tiles of 64 and 32, vectors of 16 columns.
    struct Sizes: CustomTestStringConvertible {
        var batch = 1
        var heads = 2
        let queries: Int
        let keys: Int
        let width: Int

        var testDescription: String { "\(batch) × \(heads), \(queries) of \(keys), width \(width)" }
    }

    private static let sizes = [
        Sizes(queries: 1, keys: 1, width: 2), Sizes(batch: 3, queries: 50, keys: 50, width: 64),
        Sizes(queries: 49, keys: 77, width: 40), Sizes(queries: 97, keys: 257, width: 34),
        Sizes(queries: 200, keys: 513, width: 80), Sizes(heads: 1, queries: 7, keys: 33, width: 160),
        Sizes(heads: 1, queries: 64, keys: 300, width: 512), Sizes(heads: 5, queries: 48, keys: 256, width: 112),
        // Of an odd width, which the kernel leaves to libtorch.
        Sizes(queries: 9, keys: 12, width: 5),
    ]

    @Test("in bfloat16 is that of float32 but for the rounding", arguments: sizes, [false, true])
    func rounded(sizes: Sizes, causal: Bool) throws {
        try torchScope {
            let generator = Generator(seed: 3)
            // As a layer has them: heads beside each other in each token. Large scores, so that the largest one changes.
            func tokens(_ count: Int, scale: Double) -> Tensor {
                let x = Tensor.randn([sizes.batch, count, sizes.heads * sizes.width], generator: generator) * scale
                return x.to(.bfloat16).splitHeads(sizes.heads)
            }
            let query = tokens(sizes.queries, scale: 3)
            let (key, value) = (tokens(sizes.keys, scale: 3), tokens(sizes.keys, scale: 1))
            func attended(_ type: DType) -> Tensor {
                attention(query: query.to(type), key: key.to(type), value: value.to(type), causal: causal)
                    .mergeHeads().to(.float32)
            }
            let (found, expected) = (attended(.bfloat16), attended(.float32))
            #expect(found.shape == [sizes.batch, sizes.queries, sizes.heads * sizes.width])
            #expect(((found - expected).norm() / expected.norm()).item < 5e-3)
        }
    }

    @Test("of one key is its value") func oneKey() throws {
        try torchScope {
            let generator = Generator(seed: 4)
            let query = (Tensor.randn([1, 1, 3, 16], generator: generator) * 1000).to(.bfloat16)
            let one = Tensor.randn([1, 1, 1, 16], generator: generator).to(.bfloat16)
            let found = attention(query: query, key: query.narrow(dim: 2, start: 0, length: 1), value: one)
            #expect((found.to(.float32) - one.to(.float32)).abs().max().item == 0)
        }
    }

    @Test("with a number that is not finite is not finite in its row only") func notFinite() throws {
        try torchScope {
            let generator = Generator(seed: 5)
            let key = Tensor.randn([1, 1, 40, 16], generator: generator).to(.bfloat16)
            var elements = Tensor.randn([3, 16], generator: generator).floats()
            elements[20] = .nan
            let query = Tensor(elements, shape: [1, 1, 3, 16]).to(.bfloat16)
            let finite = attention(query: query, key: key, value: key).to(.float32).floats().map(\.isFinite)
            #expect((0..<3).map { row in finite[row * 16..<(row + 1) * 16].allSatisfy { $0 } } == [true, false, true])
        }
    }

    @Test("records gradients in bfloat16") func gradients() throws {
        try torchScope {
            let x = Tensor.randn([1, 2, 6, 8], generator: Generator(seed: 6)).to(.bfloat16).copy()
            x.setRequiresGradient(true)
            attention(query: x, key: x, value: x).to(.float32).sum().backward()
            #expect(x.gradient != nil)
        }
    }
}
