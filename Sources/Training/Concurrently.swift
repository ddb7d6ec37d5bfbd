import Foundation
import Synchronization

/// Runs `body` for each of `count` numbers on all cores, and keeps what each gave or threw, in order.
func concurrently<Value: Sendable>(
    _ count: Int,
    _ body: @Sendable (Int) throws -> Value
) -> [Result<Value, any Error>] {
    let results = Mutex([Result<Value, any Error>?](repeating: nil, count: count))
    DispatchQueue.concurrentPerform(iterations: count) { index in
        let result = Result { try body(index) }
        results.withLock { $0[index] = result }
    }
    return results.withLock { $0.compactMap(\.self) }
}
