import CTorch

extension Tensor {
    /// `part(self)`; what the part computes on the way is not kept for the gradient but computed again when that is taken.
    ///
    /// Memory for time: of a part only its input stays. Where no gradient is recorded this is the part alone. The part
    /// must give the same again, and its only input that changes is `self`.
    ///
    /// - Parameter part: a piece of a network; `again` is true where it is asked for the sake of the gradient.
    /// - Returns: what the part makes of `self`.
    ///
    /// Source: Chen et al. 2016, https://arxiv.org/abs/1604.06174, section 4; torch.utils.checkpoint.
    package func recomputed(_ part: @escaping (_ x: Tensor, _ again: Bool) -> Tensor) -> Tensor {
        let context = Unmanaged.passRetained(Part(part)).toOpaque()
        return withHandle { x in
            Tensor(
                ctorch_recomputed(
                    x,
                    { context, x, again in
                        guard let context else { return nil }
                        let part = Unmanaged<Part>.fromOpaque(context).takeUnretainedValue()
                        return part.body(Tensor(borrowing: x), again).newHandle()
                    },
                    context,
                    { context in
                        if let context { Unmanaged<Part>.fromOpaque(context).release() }
                    }
                )
            )
        }
    }

    /// A closure as C can carry it.
    private final class Part {
        let body: (Tensor, Bool) -> Tensor

        init(_ body: @escaping (Tensor, Bool) -> Tensor) { self.body = body }
    }

    /// The same tensor under a handle of its own.
    private init(borrowing handle: CTorchTensor) { self.init(ctorch_alias(handle)) }

    /// A handle that the caller owns; NULL for an invalid tensor.
    private func newHandle() -> CTorchTensor? { withHandle { $0.flatMap { ctorch_alias($0) } } }
}
