import LienzoTorch
import Testing

@Suite struct RowsTests {
    @Test func `rows of numbers become one tensor that keeps its memory`() {
        var tensor = Tensor.zeros([1])
        do {
            let rows: [[Float]] = [[1, 2, 3], [4, 5, 6]]
            tensor = Tensor(rows: rows, shape: [2, 3])
        }
        #expect(tensor.shape == [2, 3] && tensor.floats() == [1, 2, 3, 4, 5, 6])
        #expect((tensor * 2).floats() == [2, 4, 6, 8, 10, 12])
        #expect(Tensor(rows: [], shape: [0, 3]).shape == [0, 3])
    }
}
