import Foundation
package import LienzoTorch

/// How a parameter starts when no checkpoint has it.
package enum Initializer: Sendable {
    case zeros
    case ones
    case constant(Double)
    /// Uniform in ±1/√fanIn: what torch gives the weights and biases of linear layers and convolutions.
    case uniform(fanIn: Int)
    case normal(deviation: Double)
    /// Uniform in ±√(6 / (fanIn + fanOut)): what torch gives the joined projections of its attention.
    ///
    /// Source: Glorot & Bengio 2010, equation 16.
    case glorot(fanIn: Int, fanOut: Int)

    package func tensor(_ shape: [Int], generator: Generator) -> Tensor {
        switch self {
        case .zeros: .zeros(shape)
        case .ones: .ones(shape)
        case .constant(let value): .full(shape, value)
        case .uniform(let fanIn):
            (Tensor.rand(shape, generator: generator) * 2 - 1) * (1 / Double(max(1, fanIn)).squareRoot())
        case .normal(let deviation): .randn(shape, generator: generator) * deviation
        case .glorot(let fanIn, let fanOut):
            (Tensor.rand(shape, generator: generator) * 2 - 1) * (6 / Double(max(1, fanIn + fanOut))).squareRoot()
        }
    }
}
