import Foundation
import Synchronization

/// Makes values on a thread of its own, one ahead of the one that is used.
final class Lookahead<Value: Sendable>: Sendable {
    private let make: @Sendable () throws -> Value
    private let queue = DispatchQueue(label: "lienzo.lookahead", qos: .userInitiated)
    private let made = DispatchGroup()
    private let value = Mutex<Result<Value, any Error>?>(nil)

    /// Begins with the first value at once.
    init(_ make: @escaping @Sendable () throws -> Value) {
        self.make = make
        begin()
    }

    private func begin() {
        queue.async(group: made) {
            let result = Result { try self.make() }
            self.value.withLock { $0 = result }
        }
    }

    /// The next value, and begins with the one after it.
    func next() throws -> Value {
        while true {
            made.wait()
            let result = value.withLock { value in
                defer { value = nil }
                return value
            }
            begin()
            if let result { return try result.get() }
        }
    }
}
