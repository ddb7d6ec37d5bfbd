import Dispatch
import Foundation
import Synchronization

/// Listens for Ctrl-C (and for SIGTERM) while a task runs: the first asks the task to stop, the second ends the process.
struct Interrupt {
    private let first: FirstSignal
    private let sources: [any DispatchSourceSignal]

    /// - Parameter stop: called once, on the first signal, on a queue of its own.
    init(stop: @escaping @Sendable () -> Void) {
        let first = FirstSignal()
        let queue = DispatchQueue(label: "lienzo.interrupt")
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                guard first.isFirst(number) else { _exit(128 + number) }
                Console.note("\nlienzo: stopping (Ctrl-C again stops at once) …")
                stop()
            }
            source.resume()
            return source
        }
        self.first = first
    }

    /// The first signal that came, or nil.
    var firstSignal: Int32? { first.number }

    /// Listens no longer.
    func end() {
        for source in sources { source.cancel() }
    }
}

private final class FirstSignal: Sendable {
    private let value = Mutex<Int32?>(nil)

    var number: Int32? { value.withLock { $0 } }

    func isFirst(_ number: Int32) -> Bool {
        value.withLock { value in
            guard value == nil else { return false }
            value = number
            return true
        }
    }
}
