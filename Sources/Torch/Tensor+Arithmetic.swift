import CTorch

extension Tensor {
    func unary(_ op: CTorchUnary) -> Tensor { withHandle { Tensor(ctorch_unary(op, $0)) } }

    static func binary(_ op: CTorchBinary, _ a: Tensor, _ b: Tensor) -> Tensor {
        a.withHandle { a in b.withHandle { b in Tensor(ctorch_binary(op, a, b)) } }
    }

    static func binary(_ op: CTorchBinary, _ a: Tensor, _ b: Double) -> Tensor {
        a.withHandle { Tensor(ctorch_binary_scalar(op, $0, b)) }
    }

    func reduce(_ op: CTorchReduction, _ dims: [Int], _ keep: Bool) -> Tensor {
        withHandle { Tensor(ctorch_reduce(op, $0, dims.map(Int64.init), Int32(dims.count), keep)) }
    }

    // MARK: Element-wise, with broadcasting

    package static func + (a: Tensor, b: Tensor) -> Tensor { binary(CTORCH_ADD, a, b) }
    package static func - (a: Tensor, b: Tensor) -> Tensor { binary(CTORCH_SUB, a, b) }
    package static func * (a: Tensor, b: Tensor) -> Tensor { binary(CTORCH_MUL, a, b) }
    package static func / (a: Tensor, b: Tensor) -> Tensor { binary(CTORCH_DIV, a, b) }
    package static func + (a: Tensor, b: Double) -> Tensor { binary(CTORCH_ADD, a, b) }
    package static func - (a: Tensor, b: Double) -> Tensor { binary(CTORCH_SUB, a, b) }
    package static func * (a: Tensor, b: Double) -> Tensor { binary(CTORCH_MUL, a, b) }
    package static func / (a: Tensor, b: Double) -> Tensor { binary(CTORCH_DIV, a, b) }
    package static func + (a: Double, b: Tensor) -> Tensor { b + a }
    package static func - (a: Double, b: Tensor) -> Tensor { -b + a }
    package static func * (a: Double, b: Tensor) -> Tensor { b * a }
    package static func / (a: Double, b: Tensor) -> Tensor { b.reciprocal() * a }
    package static prefix func - (a: Tensor) -> Tensor { a.unary(CTORCH_NEG) }

    package func pow(_ exponent: Double) -> Tensor { Self.binary(CTORCH_POW, self, exponent) }
    package func maximum(_ other: Tensor) -> Tensor { Self.binary(CTORCH_MAXIMUM, self, other) }
    package func minimum(_ other: Tensor) -> Tensor { Self.binary(CTORCH_MINIMUM, self, other) }
    package func clamp(_ low: Double = -.infinity, _ high: Double = .infinity) -> Tensor {
        withHandle { Tensor(ctorch_clamp($0, low, high)) }
    }

    package func abs() -> Tensor { unary(CTORCH_ABS) }
    package func exp() -> Tensor { unary(CTORCH_EXP) }
    package func expm1() -> Tensor { unary(CTORCH_EXPM1) }
    package func log() -> Tensor { unary(CTORCH_LOG) }
    package func log1p() -> Tensor { unary(CTORCH_LOG1P) }
    package func sqrt() -> Tensor { unary(CTORCH_SQRT) }
    package func rsqrt() -> Tensor { unary(CTORCH_RSQRT) }
    package func square() -> Tensor { unary(CTORCH_SQUARE) }
    package func reciprocal() -> Tensor { unary(CTORCH_RECIPROCAL) }
    package func sin() -> Tensor { unary(CTORCH_SIN) }
    package func cos() -> Tensor { unary(CTORCH_COS) }
    package func tanh() -> Tensor { unary(CTORCH_TANH) }
    package func sigmoid() -> Tensor { unary(CTORCH_SIGMOID) }
    package func relu() -> Tensor { unary(CTORCH_RELU) }
    package func relu6() -> Tensor { unary(CTORCH_RELU6) }
    package func silu() -> Tensor { unary(CTORCH_SILU) }
    /// The exact Gaussian error linear unit.
    package func gelu() -> Tensor { unary(CTORCH_GELU) }
    /// The tanh approximation of the Gaussian error linear unit.
    package func geluTanh() -> Tensor { unary(CTORCH_GELU_TANH) }
    package func softplus() -> Tensor { unary(CTORCH_SOFTPLUS) }
    package func floor() -> Tensor { unary(CTORCH_FLOOR) }
    /// Rounds halves to even.
    package func rounded() -> Tensor { unary(CTORCH_ROUND) }
    package func sign() -> Tensor { unary(CTORCH_SIGN) }

    // MARK: Comparisons: boolean tensors

    package func isEqual(to other: Tensor) -> Tensor { Self.binary(CTORCH_EQ, self, other) }
    package func isEqual(to other: Double) -> Tensor { Self.binary(CTORCH_EQ, self, other) }
    package func isNotEqual(to other: Double) -> Tensor { Self.binary(CTORCH_NE, self, other) }
    package func isLess(than other: Tensor) -> Tensor { Self.binary(CTORCH_LT, self, other) }
    package func isLess(than other: Double) -> Tensor { Self.binary(CTORCH_LT, self, other) }
    package func isGreater(than other: Tensor) -> Tensor { Self.binary(CTORCH_GT, self, other) }
    package func isGreater(than other: Double) -> Tensor { Self.binary(CTORCH_GT, self, other) }
    package func isFinite() -> Tensor { unary(CTORCH_ISFINITE) }
    package static func .&& (a: Tensor, b: Tensor) -> Tensor { binary(CTORCH_LOGICAL_AND, a, b) }
    package static func .|| (a: Tensor, b: Tensor) -> Tensor { binary(CTORCH_LOGICAL_OR, a, b) }
    package func logicalNot() -> Tensor { unary(CTORCH_LOGICAL_NOT) }

    // MARK: Reductions; no dimensions means all of them

    package func sum(dims: [Int] = [], keepDim: Bool = false) -> Tensor { reduce(CTORCH_SUM, dims, keepDim) }
    package func mean(dims: [Int] = [], keepDim: Bool = false) -> Tensor { reduce(CTORCH_MEAN, dims, keepDim) }
    package func max(dims: [Int] = [], keepDim: Bool = false) -> Tensor { reduce(CTORCH_AMAX, dims, keepDim) }
    package func min(dims: [Int] = [], keepDim: Bool = false) -> Tensor { reduce(CTORCH_AMIN, dims, keepDim) }
    /// The standard deviation with Bessel's correction.
    package func std(dims: [Int] = [], keepDim: Bool = false) -> Tensor { reduce(CTORCH_STD, dims, keepDim) }
    /// The variance with Bessel's correction.
    package func variance(dims: [Int] = [], keepDim: Bool = false) -> Tensor { reduce(CTORCH_VAR, dims, keepDim) }
    /// The Euclidean norm.
    package func norm(dims: [Int] = [], keepDim: Bool = false) -> Tensor { reduce(CTORCH_NORM, dims, keepDim) }
    package func logSumExp(dims: [Int] = [], keepDim: Bool = false) -> Tensor {
        reduce(CTORCH_LOGSUMEXP, dims, keepDim)
    }
    package func all() -> Tensor { reduce(CTORCH_ALL, [], false) }
    package func any() -> Tensor { reduce(CTORCH_ANY, [], false) }
    package func argmax(dim: Int, keepDim: Bool = false) -> Tensor {
        withHandle { Tensor(ctorch_argmax($0, Int64(dim), keepDim)) }
    }
    package func cumulativeProduct(dim: Int) -> Tensor { withHandle { Tensor(ctorch_cumprod($0, Int64(dim))) } }
    package func cumulativeSum(dim: Int) -> Tensor { withHandle { Tensor(ctorch_cumsum($0, Int64(dim))) } }

    /// The `k` largest elements along `dim` in descending order, and where they stand.
    package func topK(_ k: Int, dim: Int = -1) -> (values: Tensor, indices: Tensor) {
        var values: CTorchTensor?
        var indices: CTorchTensor?
        check(withHandle { ctorch_topk($0, Int64(k), Int64(dim), true, &values, &indices) })
        return (Tensor(values), Tensor(indices))
    }

    // MARK: Linear algebra

    /// Ones on the diagonal and zeros elsewhere, float32.
    package static func identity(_ rows: Int, _ columns: Int) -> Tensor {
        let (i, j) = (Tensor.arange(0, Double(rows)), Tensor.arange(0, Double(columns)))
        return i.unsqueeze(1).isEqual(to: j.unsqueeze(0)).to(.float32)
    }

    /// The matrix product over the last two dimensions; the others broadcast.
    package func matmul(_ other: Tensor) -> Tensor { Self.binary(CTORCH_MATMUL, self, other) }

    /// Eigenvalues in ascending order and eigenvectors as columns of a symmetric matrix.
    package func symmetricEigen() -> (values: Tensor, vectors: Tensor) {
        var values: CTorchTensor?
        var vectors: CTorchTensor?
        check(withHandle { ctorch_eigh($0, &values, &vectors) })
        return (Tensor(values), Tensor(vectors))
    }

    /// The solution x of self · x = b.
    package func solve(_ b: Tensor) -> Tensor {
        withHandle { a in b.withHandle { Tensor(ctorch_solve(a, $0)) } }
    }

    /// Divided by its Euclidean norm along the last dimension.
    package func normalized(epsilon: Double = 1e-12) -> Tensor {
        self / norm(dims: [-1], keepDim: true).clamp(epsilon)
    }
}

infix operator .&& : LogicalConjunctionPrecedence
infix operator .|| : LogicalDisjunctionPrecedence
