package import LienzoNN
package import LienzoTorch

/// A running average of the trainable parameters: what is evaluated and shipped.
///
/// The decay rises with the steps, (1 + n) / (10 + n) up to its limit, so that the random start is soon forgotten. With a
/// decay of 0 the average is the parameters themselves, and takes neither memory nor time.
///
/// Source: diffusers `EMAModel`; Ho et al. 2020, appendix B.
package final class ExponentialMovingAverage {
    private let entries: [ParameterStore.Entry]
    private let averages: [Tensor]
    private let decay: Double

    package init(_ entries: [ParameterStore.Entry], decay: Double) {
        self.entries = entries
        self.decay = decay
        averages = entries.map { decay > 0 ? $0.tensor.detached().copy() : $0.tensor.detached() }
    }

    /// Takes in the parameters after `step`, counted from 0.
    package func update(step: Int) {
        guard decay > 0 else { return }
        let weight = 1 - min(decay, Double(1 + step) / Double(10 + step))
        TensorList.lerp(averages, towards: entries.map { $0.tensor.detached() }, weight: weight)
    }

    /// The averages by parameter name.
    package var values: [(name: String, tensor: Tensor)] { zip(entries, averages).map { ($0.name, $1) } }

    /// What a later run needs to go on: the averages, where they are more than the parameters.
    package var state: [(name: String, tensor: Tensor)] { decay > 0 ? values : [] }

    /// Goes on from a ``state``.
    package func restore(from source: any ParameterSource) throws { try TrainingState.restore(state, from: source) }

    /// Runs `body` with the averages in the parameters' place.
    package func withAverages<Result>(_ body: () throws -> Result) rethrows -> Result {
        guard decay > 0 else { return try body() }
        let current = entries.map { $0.tensor.detached().copy() }
        for (entry, average) in zip(entries, averages) { entry.tensor.copy(from: average) }
        defer { for (entry, value) in zip(entries, current) { entry.tensor.copy(from: value) } }
        return try body()
    }
}
