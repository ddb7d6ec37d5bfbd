package import LienzoNN
package import LienzoTorch

/// Adam with decoupled weight decay over all trainable parameters of a store.
///
/// Decay acts on matrices and convolutions only; biases, normalisations and scales go without, as is usual.
///
/// Source: Loshchilov & Hutter 2019, algorithm 2; torch.optim.AdamW.
package final class AdamW {
    /// Parameters that share a weight decay and a learning rate.
    private struct Group {
        let entries: [ParameterStore.Entry]
        let means: [Tensor]
        let variances: [Tensor]
        let steps: [Tensor]
        let weightDecay: Double
        let scale: Double

        init(_ entries: [ParameterStore.Entry], weightDecay: Double, scale: Double) {
            self.entries = entries
            self.weightDecay = weightDecay
            self.scale = scale
            means = entries.map { .zeros($0.tensor.shape, device: $0.tensor.device) }
            variances = entries.map { .zeros($0.tensor.shape, device: $0.tensor.device) }
            steps = entries.map { .zeros([], device: $0.tensor.device) }
        }
    }

    private let groups: [Group]
    private let beta1: Double
    private let beta2: Double
    private let epsilon: Double

    package init(
        _ entries: [ParameterStore.Entry],
        weightDecay: Double = 0.01,
        beta1: Double = 0.9,
        beta2: Double = 0.99,
        epsilon: Double = 1e-8,
        learningRateScale: (String) -> Double = { _ in 1 }
    ) {
        let scales = Dictionary(grouping: entries) { learningRateScale($0.name) }
        groups = scales.sorted { $0.key < $1.key }.flatMap { scale, entries in
            [
                Group(entries.filter { $0.tensor.rank >= 2 }, weightDecay: weightDecay, scale: scale),
                Group(entries.filter { $0.tensor.rank < 2 }, weightDecay: 0, scale: scale),
            ].filter { !$0.entries.isEmpty }
        }
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
    }

    /// The gradients that there are.
    package var gradients: [Tensor] { groups.flatMap(\.entries).compactMap(\.tensor.gradient) }

    /// Scales the gradients down together where their norm is above `limit`, unless that is 0.
    ///
    /// - Returns: the norm before; not finite where a gradient is not.
    package func clipGradients(to limit: Double) -> Double {
        let gradients = gradients
        let norm = TensorList.norm(gradients)
        if limit > 0, norm.isFinite, norm > limit { TensorList.scale(gradients, by: limit / norm) }
        return norm
    }

    /// Moves the parameters that have a gradient, then clears the gradients.
    package func step(learningRate: Double) {
        for group in groups {
            let moved = group.entries.indices.compactMap { index in
                group.entries[index].tensor.gradient.map { (index, $0) }
            }
            guard !moved.isEmpty else { continue }
            TensorList.adamW(
                parameters: moved.map { group.entries[$0.0].tensor.detached() },
                gradients: moved.map(\.1),
                means: moved.map { group.means[$0.0] },
                variances: moved.map { group.variances[$0.0] },
                steps: moved.map { group.steps[$0.0] },
                learningRate: learningRate * group.scale,
                beta1: beta1,
                beta2: beta2,
                weightDecay: group.weightDecay,
                epsilon: epsilon
            )
        }
        clearGradients()
    }

    package func clearGradients() {
        for group in groups { group.entries.forEach { $0.tensor.clearGradient() } }
    }

    /// Everything that a later run needs to go on exactly, by name.
    package var state: [(name: String, tensor: Tensor)] {
        groups.flatMap { group in
            group.entries.indices.flatMap { index -> [(name: String, tensor: Tensor)] in
                let name = group.entries[index].name
                return [
                    ("\(name).mean", group.means[index]), ("\(name).variance", group.variances[index]),
                    ("\(name).step", group.steps[index]),
                ]
            }
        }
    }

    /// Goes on from a ``state``.
    package func restore(from source: any ParameterSource) throws { try TrainingState.restore(state, from: source) }
}

/// Tensors that a checkpoint keeps by name.
enum TrainingState {
    /// Overwrites each tensor with the one of its name.
    static func restore(_ entries: [(name: String, tensor: Tensor)], from source: any ParameterSource) throws {
        for (name, tensor) in entries {
            let saved = try source.tensor(named: name)
            guard saved.shape == tensor.shape else {
                throw ParameterError(
                    name: name,
                    source: source.description,
                    problem: .shape(expected: tensor.shape, found: saved.shape)
                )
            }
            tensor.copy(from: saved)
        }
    }
}
