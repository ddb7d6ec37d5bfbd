import CTorch

extension Tensor {
    /// The same elements in another shape; one length may be −1 and is then worked out.
    package func reshape(_ shape: [Int]) -> Tensor {
        withHandle { Tensor(ctorch_reshape($0, shape.map(Int64.init), Int32(shape.count))) }
    }

    package func reshape(_ shape: Int...) -> Tensor { reshape(shape) }

    /// Joins the dimensions from `start` on into one.
    package func flatten(from start: Int = 0) -> Tensor { reshape(Array(shape.prefix(start)) + [-1]) }

    package func permute(_ dims: [Int]) -> Tensor {
        withHandle { Tensor(ctorch_permute($0, dims.map(Int64.init), Int32(dims.count))) }
    }

    package func permute(_ dims: Int...) -> Tensor { permute(dims) }

    package func transpose(_ a: Int, _ b: Int) -> Tensor {
        let rank = rank
        var order = Array(0..<rank)
        let (a, b) = (a < 0 ? a + rank : a, b < 0 ? b + rank : b)
        guard order.indices.contains(a), order.indices.contains(b) else { return permute([a, b]) }
        order.swapAt(a, b)
        return permute(order)
    }

    package func expand(_ shape: [Int]) -> Tensor {
        withHandle { Tensor(ctorch_expand($0, shape.map(Int64.init), Int32(shape.count))) }
    }

    package func expand(_ shape: Int...) -> Tensor { expand(shape) }

    /// `length` entries of one dimension from `start` on; a view.
    package func narrow(dim: Int, start: Int, length: Int) -> Tensor {
        slice(dim: dim, start, start + length)
    }

    /// The entries `start ..< end` of one dimension, each `step`-th; a view.
    ///
    /// Negative bounds count from the end.
    package func slice(dim: Int, _ start: Int, _ end: Int, step: Int = 1) -> Tensor {
        withHandle { Tensor(ctorch_slice($0, Int64(dim), Int64(start), Int64(end), Int64(step))) }
    }

    /// One entry of a dimension, which goes away.
    package func select(dim: Int, index: Int) -> Tensor {
        withHandle { Tensor(ctorch_select($0, Int64(dim), Int64(index))) }
    }

    /// One entry of the first dimension.
    package subscript(_ index: Int) -> Tensor { select(dim: 0, index: index) }

    /// The entries of a range of the first dimension; a view.
    package subscript(_ range: Range<Int>) -> Tensor { slice(dim: 0, range.lowerBound, range.upperBound) }

    package func unsqueeze(_ dim: Int) -> Tensor { withHandle { Tensor(ctorch_unsqueeze($0, Int64(dim))) } }

    package func squeeze(_ dim: Int) -> Tensor { withHandle { Tensor(ctorch_squeeze($0, Int64(dim))) } }

    package func flip(dims: [Int]) -> Tensor {
        withHandle { Tensor(ctorch_flip($0, dims.map(Int64.init), Int32(dims.count))) }
    }

    /// The tensor so many times along each dimension.
    package func repeated(_ counts: [Int]) -> Tensor {
        withHandle { Tensor(ctorch_repeat($0, counts.map(Int64.init), Int32(counts.count))) }
    }

    /// `count` pieces of equal length along `dim`; the last is shorter where it does not divide.
    package func chunk(_ count: Int, dim: Int) -> [Tensor] {
        let total = size(dim)
        let length = Swift.max(1, (total + count - 1) / Swift.max(1, count))
        guard isValid else { return Array(repeating: self, count: count) }
        return Swift.stride(from: 0, to: total, by: length).map {
            narrow(dim: dim, start: $0, length: Swift.min(length, total - $0))
        }
    }

    package static func cat(_ tensors: [Tensor], dim: Int = 0) -> Tensor {
        withHandles(tensors) { Tensor(ctorch_cat($0, Int32(tensors.count), Int64(dim))) }
    }

    package static func stack(_ tensors: [Tensor], dim: Int = 0) -> Tensor {
        withHandles(tensors) { Tensor(ctorch_stack($0, Int32(tensors.count), Int64(dim))) }
    }

    /// Calls `body` with the handles of several tensors, which live until it returns.
    static func withHandles<Result>(_ tensors: [Tensor], _ body: (UnsafePointer<CTorchTensor?>) -> Result) -> Result {
        withExtendedLifetime(tensors) {
            // One more, so that an empty list has an address too.
            let handles = tensors.map { $0.storage?.handle } + [nil]
            return handles.withUnsafeBufferPointer { buffer in
                guard let base = buffer.baseAddress else { preconditionFailure("an array of one has an address") }
                return body(base)
            }
        }
    }

    /// The entries of a dimension that `index` (whole numbers, rank 1) names.
    package func indexSelect(dim: Int, _ index: Tensor) -> Tensor {
        withHandle { x in index.withHandle { Tensor(ctorch_index_select(x, Int64(dim), $0)) } }
    }

    package func gather(dim: Int, _ index: Tensor) -> Tensor {
        withHandle { x in index.withHandle { Tensor(ctorch_gather(x, Int64(dim), $0)) } }
    }

    /// From `a` where the condition holds, else from `b`.
    package static func `where`(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
        condition.withHandle { c in a.withHandle { a in b.withHandle { Tensor(ctorch_where(c, a, $0)) } } }
    }

    /// `value` wherever the boolean `mask` holds.
    package func maskedFill(_ mask: Tensor, _ value: Double) -> Tensor {
        withHandle { x in mask.withHandle { Tensor(ctorch_masked_fill(x, $0, value)) } }
    }

    package func upperTriangle(diagonal: Int = 0) -> Tensor {
        withHandle { Tensor(ctorch_triangle($0, true, Int64(diagonal))) }
    }

    package func lowerTriangle(diagonal: Int = 0) -> Tensor {
        withHandle { Tensor(ctorch_triangle($0, false, Int64(diagonal))) }
    }

    /// Adds entries around the last dimensions: pairs (before, after), the last dimension first, as torch has it.
    package func padded(_ pads: [Int], mode: PaddingMode = .constant, value: Double = 0) -> Tensor {
        withHandle { Tensor(ctorch_pad($0, pads.map(Int64.init), Int32(pads.count), mode.rawValue, value)) }
    }
}

/// What padding is filled with.
package enum PaddingMode: String, Sendable {
    case constant, reflect, replicate
}
