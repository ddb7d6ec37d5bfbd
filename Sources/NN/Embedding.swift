package import LienzoTorch

/// A table of vectors by whole number.
package struct Embedding {
    private let weight: Parameter

    /// - Parameters:
    ///   - scope: holds `weight` `[count, width]`.
    ///   - count: how many vectors the table has.
    ///   - width: the length of each vector.
    ///   - initial: how the table starts.
    /// - Throws: ``ParameterError`` where a tensor is missing or has another shape; else what the source throws.
    package init(_ scope: ParameterScope, count: Int, width: Int, initial: Initializer = .normal(deviation: 1)) throws {
        weight = try scope.parameter("weight", [count, width], initial: initial)
    }

    /// - Parameter indices: whole numbers `[…]`, each below the table's count.
    /// - Returns: `[…, width]` in the compute type.
    package func callAsFunction(_ indices: Tensor) -> Tensor {
        // Looked up before it is converted, because the table is large and the rows are few.
        weight.value.embedding(indices).cast(to: weight.type)
    }
}
