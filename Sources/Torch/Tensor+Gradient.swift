import CTorch

extension Tensor {
    /// Whether operators on this tensor are recorded for ``backward()``.
    package var requiresGradient: Bool { withHandle { $0.map(ctorch_requires_gradient) ?? false } }

    /// Makes a leaf record what is done with it, or stop doing so.
    package func setRequiresGradient(_ required: Bool) {
        check(withHandle { $0.map { ctorch_set_requires_gradient($0, required) } ?? false })
    }

    /// Adds d self / d leaf to the gradient of every leaf that requires one.
    ///
    /// `self` has one element.
    package func backward() { check(withHandle { ctorch_backward($0) }) }

    /// What ``backward()`` has added up, or `nil`.
    package var gradient: Tensor? {
        withHandle { handle in
            guard let handle, let gradient = ctorch_gradient(handle) else { return nil }
            return Tensor(gradient)
        }
    }

    package func clearGradient() { withHandle { $0.map(ctorch_clear_gradient) } }

    /// The same elements, cut off from the record.
    package func detached() -> Tensor { unary(CTORCH_DETACH) }

    // MARK: In place

    /// Overwrites the elements with those of `source`, which has the same shape.
    package func copy(from source: Tensor) {
        check(withHandle { target in source.withHandle { s in target.map { ctorch_copy_into($0, s) } ?? false } })
    }

    /// Adds `scale` · `source` to the elements.
    package func add(_ source: Tensor, scale: Double = 1) {
        check(
            withHandle { target in
                source.withHandle { s in target.map { ctorch_add_into($0, s, scale) } ?? false }
            }
        )
    }
}

/// Runs `body` without recording operators: less memory and time where no gradient is wanted.
package func withoutGradient<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = ctorch_gradient_enabled()
    ctorch_set_gradient_enabled(false)
    defer { ctorch_set_gradient_enabled(before) }
    return try body()
}

/// Updates over whole lists of tensors at once, in place, as optimisers need them.
package enum TensorList {
    /// One AdamW step with decoupled weight decay.
    ///
    /// Source: Loshchilov & Hutter 2019, algorithm 2; torch.optim.AdamW (fused).
    ///
    /// - Parameters:
    ///   - parameters: what is changed.
    ///   - gradients: one for each parameter, of its shape.
    ///   - means: the running means of the gradients, updated too.
    ///   - variances: the running means of the squared gradients, updated too.
    ///   - steps: one float32 scalar for each parameter, the number of steps done; goes up by one.
    ///   - learningRate: the size of the step.
    ///   - beta1: the decay of `means`.
    ///   - beta2: the decay of `variances`.
    ///   - weightDecay: times the learning rate, the part of each parameter that is taken away.
    ///   - epsilon: added to the denominator.
    package static func adamW(
        parameters: [Tensor],
        gradients: [Tensor],
        means: [Tensor],
        variances: [Tensor],
        steps: [Tensor],
        learningRate: Double,
        beta1: Double,
        beta2: Double,
        weightDecay: Double,
        epsilon: Double
    ) {
        Tensor.withHandles(parameters) { p in
            Tensor.withHandles(gradients) { g in
                Tensor.withHandles(means) { m in
                    Tensor.withHandles(variances) { v in
                        Tensor.withHandles(steps) { s in
                            check(
                                ctorch_adamw(
                                    p,
                                    g,
                                    m,
                                    v,
                                    s,
                                    Int32(parameters.count),
                                    learningRate,
                                    beta1,
                                    beta2,
                                    weightDecay,
                                    epsilon
                                )
                            )
                        }
                    }
                }
            }
        }
    }

    /// Moves each target by `weight` of the way to its source.
    package static func lerp(_ targets: [Tensor], towards sources: [Tensor], weight: Double) {
        Tensor.withHandles(targets) { t in
            Tensor.withHandles(sources) { check(ctorch_lerp_all(t, $0, Int32(targets.count), weight)) }
        }
    }

    /// The Euclidean norm of all elements of all tensors together.
    package static func norm(_ tensors: [Tensor]) -> Double {
        var norm = 0.0
        Tensor.withHandles(tensors) { check(ctorch_total_norm($0, Int32(tensors.count), &norm)) }
        return norm
    }

    package static func scale(_ tensors: [Tensor], by factor: Double) {
        Tensor.withHandles(tensors) { check(ctorch_scale_all($0, Int32(tensors.count), factor)) }
    }
}
