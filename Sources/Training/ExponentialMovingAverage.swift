package import LienzoNN
package import LienzoTorch

/// A running average of the trainable parameters: what is evaluated and shipped.
///
/// The decay rises with the steps, (1 + n) / (10 + n) up to its limit, so that the random start is soon forgotten.
///
/// Source: diffusers `EMAModel`; Ho et al. 2020, appendix B.
package final class ExponentialMovingAverage {
    private let entries: [ParameterStore.Entry]
    private let averages: [Tensor]
    private let decay: Double

    package init(_ entries: [ParameterStore.Entry], decay: Double) {
        self.entries = entries
        self.decay = decay
        averages = entries.map { $0.tensor.detached().copy() }
    }

    /// Takes in the parameters after `step`, counted from 0.
    package func update(step: Int) {
        let weight = 1 - min(decay, Double(1 + step) / Double(10 + step))
        TensorList.lerp(averages, towards: entries.map { $0.tensor.detached() }, weight: weight)
    }

    /// The averages by parameter name.
    package var state: [(name: String, tensor: Tensor)] { zip(entries, averages).map { ($0.name, $1) } }

    /// Goes on from a ``state``.
    package func restore(from source: any ParameterSource) throws { try TrainingState.restore(state, from: source) }

    /// Runs `body` with the averages in the parameters' place.
    package func withAverages<Result>(_ body: () throws -> Result) rethrows -> Result {
        let current = entries.map { $0.tensor.detached().copy() }
        for (entry, average) in zip(entries, averages) { entry.tensor.copy(from: average) }
        defer { for (entry, value) in zip(entries, current) { entry.tensor.copy(from: value) } }
        return try body()
    }
}
