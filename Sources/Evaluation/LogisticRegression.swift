package import LienzoTorch

/// A linear classifier with a softmax, fitted to the optimum of its convex loss by L-BFGS.
///
/// The loss is the mean cross entropy plus `penalty / (2 · samples)` times the square of the weights; the bias goes free.
/// With `penalty = 1 / C` that is scikit-learn's `LogisticRegression`.
///
/// Source: Liu & Nocedal 1989, algorithm 2.1; Nocedal & Wright 2006, algorithms 3.1 and 7.4.
package struct LogisticRegression {
    /// `[classes, features + 1]`; the last column is the bias.
    private let parameters: Tensor

    /// Steps whose curvature is remembered.
    private static let memory = 10
    /// Rows whose logits are in memory at once.
    private static let block = 16_384

    /// Fits a classifier.
    ///
    /// - Parameters:
    ///   - features: `[samples, features]`, float32.
    ///   - labels: `[samples]`, int64, from 0 to `classes - 1`.
    ///   - classes: how many there are.
    ///   - penalty: of the square of the weights, not negative.
    ///   - start: where to begin; from zero where `nil`.
    ///   - iterations: steps at most.
    ///   - tolerance: the fit ends where no number of the gradient is larger.
    /// - Throws: `TorchError` where there is not enough memory; `CancellationError`.
    package init(
        features: Tensor,
        labels: Tensor,
        classes: Int,
        penalty: Double,
        start: LogisticRegression? = nil,
        iterations: Int = 1000,
        tolerance: Double = 1e-5
    ) throws {
        precondition(classes > 0 && penalty >= 0 && features.rank == 2 && labels.shape == [features.size(0)])
        let objective = Objective(features: features, labels: labels, classes: classes, penalty: penalty)
        var point = try torchScope { start?.parameters ?? Tensor.zeros([classes, features.size(1) + 1]) }
        var (loss, gradient) = try torchScope { objective(point) }
        var steps: [(s: Tensor, y: Tensor, rho: Double)] = []
        for _ in 0..<iterations {
            try Task.checkCancellation()
            let moved = try torchScope { () -> (Tensor, Double, Tensor)? in
                guard gradient.abs().max().item > tolerance else { return nil }
                let direction = Self.direction(gradient, steps)
                let slope = Self.product(direction, gradient)
                // The first step has no curvature to take its length from.
                var length = steps.isEmpty ? min(1, 1 / gradient.abs().sum().item) : 1
                // Armijo's condition; the curvature condition is checked where the step is remembered.
                while length > 1e-10 {
                    let next = point + direction * length
                    let (nextLoss, nextGradient) = objective(next)
                    if nextLoss <= loss + 1e-4 * length * slope { return (next, nextLoss, nextGradient) }
                    length *= 0.5
                }
                return nil
            }
            guard let (next, nextLoss, nextGradient) = moved else { break }
            try torchScope {
                let (s, y) = (next - point, nextGradient - gradient)
                let curvature = Self.product(s, y)
                if curvature > 1e-10 * Self.product(y, y) { steps.append((s, y, 1 / curvature)) }
            }
            if steps.count > Self.memory { steps.removeFirst() }
            (point, loss, gradient) = (next, nextLoss, nextGradient)
        }
        parameters = point
    }

    /// The logits of samples, `[samples, features]` → `[samples, classes]`.
    package func callAsFunction(_ features: Tensor) -> Tensor { Self.logits(features, parameters) }

    /// The share of samples whose largest logit is their label's.
    package func accuracy(features: Tensor, labels: Tensor) throws -> Double {
        var right = 0.0
        for start in stride(from: 0, to: features.size(0), by: Self.block) {
            let length = min(Self.block, features.size(0) - start)
            right += try torchScope {
                self(features.narrow(dim: 0, start: start, length: length)).argmax(dim: 1)
                    .isEqual(to: labels.narrow(dim: 0, start: start, length: length)).to(.float32).sum().item
            }
        }
        return right / Double(max(features.size(0), 1))
    }

    /// The weights `[classes, features]` and the bias `[classes]`.
    package var weights: (weight: Tensor, bias: Tensor) {
        let columns = parameters.size(1)
        return (
            parameters.narrow(dim: 1, start: 0, length: columns - 1),
            parameters.select(dim: 1, index: columns - 1)
        )
    }

    private static func logits(_ features: Tensor, _ parameters: Tensor) -> Tensor {
        let columns = parameters.size(1)
        return features.linear(
            weight: parameters.narrow(dim: 1, start: 0, length: columns - 1),
            bias: parameters.select(dim: 1, index: columns - 1).contiguous()
        )
    }

    private static func product(_ a: Tensor, _ b: Tensor) -> Double { (a * b).sum().item }

    /// The two loops of L-BFGS: the inverse Hessian, as the last steps show it, times the gradient, downhill.
    private static func direction(_ gradient: Tensor, _ steps: [(s: Tensor, y: Tensor, rho: Double)]) -> Tensor {
        var q = gradient
        var weights: [Double] = []
        for (s, y, rho) in steps.reversed() {
            let weight = rho * product(s, q)
            weights.append(weight)
            q = q - y * weight
        }
        if let (_, y, rho) = steps.last { q = q * (1 / (rho * product(y, y))) }
        for ((s, y, rho), weight) in zip(steps, weights.reversed()) {
            q = q + s * (weight - rho * product(y, q))
        }
        return -q
    }

    /// The loss and its gradient.
    private struct Objective {
        let features: Tensor
        let labels: Tensor
        let classes: Int
        let penalty: Double

        func callAsFunction(_ parameters: Tensor) -> (loss: Double, gradient: Tensor) {
            let (samples, columns) = (features.size(0), parameters.size(1))
            var loss = 0.0
            var gradient = Tensor.zeros(parameters.shape)
            for start in stride(from: 0, to: samples, by: LogisticRegression.block) {
                let length = min(LogisticRegression.block, samples - start)
                let x = features.narrow(dim: 0, start: start, length: length)
                let label = labels.narrow(dim: 0, start: start, length: length).unsqueeze(1)
                let logProbability = LogisticRegression.logits(x, parameters).logSoftmax(dim: 1)
                loss -= logProbability.gather(dim: 1, label).sum().item
                let truth = Tensor.arange(0, Double(classes), dtype: .int64).unsqueeze(0).isEqual(to: label).to(
                    .float32
                )
                let error = (logProbability.exp() - truth).transpose(0, 1)
                gradient = gradient + Tensor.cat([error.matmul(x), error.sum(dims: [1], keepDim: true)], dim: 1)
            }
            let weight = parameters.narrow(dim: 1, start: 0, length: columns - 1)
            let scale = 1 / Double(samples)
            let pull = Tensor.cat([weight * penalty, Tensor.zeros([classes, 1])], dim: 1)
            return (
                (loss + 0.5 * penalty * LogisticRegression.product(weight, weight)) * scale, (gradient + pull) * scale
            )
        }
    }
}
