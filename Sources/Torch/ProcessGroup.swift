import CTorch

/// Several processes that train one model together, each with its own samples; one process alone is a group, too.
///
/// All processes make the same calls in the same order, and each call waits for the others. The collectives are
/// libtorch's own: Gloo, on the CPU.
///
/// Source: torch.distributed; Li et al. 2020, PyTorch Distributed, section 3.2 (buckets).
package final class ProcessGroup {
    /// The number of this process, from 0.
    package let rank: Int
    /// How many processes there are.
    package let size: Int
    private let handle: CTorchProcessGroup?

    /// How processes talk to each other.
    package enum Backend: String, Sendable, CaseIterable {
        case gloo, nccl
    }

    /// A group of this process only.
    package init() {
        (rank, size, handle) = (0, 1, nil)
    }

    /// Meets the other processes.
    ///
    /// - Parameters:
    ///   - address: the name or number of the machine of process 0, which listens there.
    ///   - port: where it listens.
    ///   - rank: this process's number, below `size`.
    ///   - size: how many there are; each must come.
    ///   - timeout: seconds that meeting and each later call may take.
    /// - Throws: ``TorchError`` where the processes do not meet.
    package init(address: String, port: Int, rank: Int, size: Int, timeout: Int = 1800) throws {
        (self.rank, self.size) = (rank, size)
        ctorch_scope_enter()
        let handle = ctorch_process_group_new(address, Int32(clamping: port), Int32(rank), Int32(size), Int32(timeout))
        let failure = ctorch_scope_leave()
        defer { ctorch_string_free(failure) }
        guard let handle else {
            let reason = failure.map { String(cString: $0) } ?? "unknown"
            throw TorchError("Process \(rank) of \(size) did not meet the others at \(address):\(port): \(reason)")
        }
        self.handle = handle
    }

    deinit {
        if let handle { ctorch_process_group_free(handle) }
    }

    /// Whether this process is the only one.
    package var isAlone: Bool { handle == nil }

    /// Whether this process is the one that writes files and speaks to people.
    package var isFirst: Bool { rank == 0 }

    /// Messages of about this size are under way at a time, as in the reference.
    private static let bucketBytes: Int64 = 25 << 20

    /// Replaces each tensor by its sum over all processes, in place.
    package func sum(_ tensors: [Tensor]) { reduce(CTORCH_COLLECTIVE_SUM, tensors, factor: 1) }

    /// Replaces each tensor by its mean over all processes, in place.
    package func average(_ tensors: [Tensor]) { reduce(CTORCH_COLLECTIVE_SUM, tensors, factor: 1 / Double(size)) }

    /// Replaces each tensor by its largest value over all processes, element by element, in place.
    package func maximum(_ tensors: [Tensor]) { reduce(CTORCH_COLLECTIVE_MAXIMUM, tensors, factor: 1) }

    private func reduce(_ operation: CTorchCollective, _ tensors: [Tensor], factor: Double) {
        guard let handle, !tensors.isEmpty else { return }
        withExtendedLifetime(self) {
            Tensor.withHandles(tensors) {
                check(
                    ctorch_process_group_reduce(
                        handle,
                        operation,
                        $0,
                        Int32(tensors.count),
                        factor,
                        Self.bucketBytes
                    )
                )
            }
        }
    }

    /// The tensors of all processes by rank, end to end along the first dimension; they have one shape.
    package func gather(_ tensor: Tensor) -> Tensor {
        guard let handle else { return tensor }
        return withExtendedLifetime(self) { tensor.withHandle { Tensor(ctorch_process_group_gather(handle, $0)) } }
    }

    /// Overwrites each tensor with that of process 0.
    package func broadcast(_ tensors: [Tensor]) {
        guard let handle, !tensors.isEmpty else { return }
        withExtendedLifetime(self) {
            Tensor.withHandles(tensors) { check(ctorch_process_group_broadcast(handle, $0, Int32(tensors.count))) }
        }
    }
}
