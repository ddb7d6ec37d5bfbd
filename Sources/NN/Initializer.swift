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

    package func tensor(_ shape: [Int], generator: Generator) -> Tensor {
        switch self {
        case .zeros: .zeros(shape)
        case .ones: .ones(shape)
        case .constant(let value): .full(shape, value)
        case .uniform(let fanIn):
            (Tensor.rand(shape, generator: generator) * 2 - 1) * (1 / Double(max(1, fanIn)).squareRoot())
        case .normal(let deviation): .randn(shape, generator: generator) * deviation
        }
    }
}
