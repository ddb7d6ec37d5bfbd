import Foundation
import LienzoNN
import LienzoTorch
import Synchronization
import TestSupport
import Testing

@testable import LienzoTraining

/// Several processes as threads of this one, each with a group of its own that meets the others over the network.
@Suite struct ProcessGroupTests {
    @Test("Sums, means, largest values, all rows and the first one's numbers are the same everywhere")
    func collectives() throws {
        let results = try together(3) { group in
            try torchScope {
                let rank = Double(group.rank)
                let (a, b) = (Tensor.full([2, 2], rank + 1), Tensor.full([3], rank))
                group.sum([a, b])
                let mean = Tensor.full([70_000], rank)
                group.average([mean])
                let largest = Tensor([Float(-rank), Float(rank)])
                group.maximum([largest])
                let rows = group.gather(Tensor.full([1, 2], rank * 10))
                let first = Tensor([Int64(group.rank + 7)])
                group.broadcast([first])
                return a.floats() + b.floats() + [Float(mean.min().item), Float(mean.max().item)] + largest.floats()
                    + rows.floats() + [Float(first.item)]
            }
        }
        let expected: [Float] = [6, 6, 6, 6, 3, 3, 3, 1, 1, 0, 2, 0, 0, 10, 10, 20, 20, 7]
        for result in results { #expect(result == expected) }
    }

    @Test("A batch in two processes has the reference's gradient and step", .tags(.parity), arguments: [1, 3])
    func contrastiveLoss(parts: Int) throws {
        _ = try together(2) { group in
            try torchScope {
                let tiny = try TinyCLIP("vit")
                let pairs = try tiny.pairs.split(2)[group.rank]
                let loss = tiny.objective(parts: parts, group: group).backward(pairs)
                #expect(difference(loss, try tiny.expected["loss"]) < ContrastiveLossTests.tolerance)
                group.average(tiny.store.trainable.compactMap(\.tensor.gradient))
                try tiny.expectGradients(within: ContrastiveLossTests.tolerance)
            }
        }
    }

    @Test("Without the others' embeddings the gradient is another one")
    func negativeControl() throws {
        try torchScope {
            let tiny = try TinyCLIP("vit")
            _ = tiny.objective().backward(try tiny.pairs.split(2)[0])
            let gradient = try #require(tiny.gradient(of: "visual.proj"))
            #expect(difference(gradient, try tiny.expected["gradient.visual.proj"]) > 0.01)
        }
    }

    @Test("Processes that do not meet are told in a sentence")
    func absent() throws {
        let error = try #require(
            #expect(throws: TorchError.self) {
                try ProcessGroup(address: "127.0.0.1", port: freePort(), rank: 1, size: 2, timeout: 1)
            }
        )
        #expect(error.description.contains("Process 1 of 2 did not meet the others"))
    }
}

/// Runs `body` in so many threads, each as a process of one group, and returns what each gave, by rank.
func together<Value: Sendable>(
    _ count: Int,
    _ body: @escaping @Sendable (ProcessGroup) throws -> Value
) throws -> [Value] {
    let port = try freePort()
    let results = Results<Value>(count)
    let done = DispatchGroup()
    for rank in 0..<count {
        done.enter()
        Thread.detachNewThread {
            results.set(rank) {
                try body(ProcessGroup(address: "127.0.0.1", port: port, rank: rank, size: count, timeout: 60))
            }
            done.leave()
        }
    }
    done.wait()
    return try results.all()
}

private final class Results<Value: Sendable>: Sendable {
    private let values: Mutex<[Result<Value, any Error>?]>

    init(_ count: Int) { values = Mutex(Array(repeating: nil, count: count)) }

    func set(_ index: Int, _ body: () throws -> Value) {
        let result = Result { try body() }
        values.withLock { $0[index] = result }
    }

    func all() throws -> [Value] { try values.withLock { $0 }.compactMap { try $0?.get() } }
}
