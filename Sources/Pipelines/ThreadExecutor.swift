import Foundation
import Synchronization

/// A thread of its own for one actor.
///
/// A network runs for seconds, which would starve the threads that all other tasks share; and libtorch keeps a team of
/// worker threads for every thread that calls it, so that hopping between threads would multiply them.
///
/// The thread ends with the executor. What an actor enqueues keeps the actor, and so the executor, alive.
package final class ThreadExecutor: SerialExecutor {
    private let queue: Queue

    /// - Parameter name: what debuggers call the thread.
    package init(name: String) {
        let queue = Queue()
        self.queue = queue
        let thread = Thread { queue.run() }
        thread.name = name
        // Deep networks of Swift calls fit; the default of a secondary thread is half a megabyte on some systems.
        thread.stackSize = 8 << 20
        thread.start()
    }

    deinit {
        queue.close()
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let executor = asUnownedSerialExecutor()
        queue.append { job.runSynchronously(on: executor) }
    }

    /// The work to do, in order.
    ///
    /// The thread holds it and not the executor, so that the executor can go away.
    private final class Queue: Sendable {
        private struct State {
            var jobs: [@Sendable () -> Void] = []
            var isClosed = false
        }

        private let state = Mutex(State())
        private let signal = DispatchSemaphore(value: 0)

        func append(_ job: @escaping @Sendable () -> Void) {
            state.withLock { $0.jobs.append(job) }
            signal.signal()
        }

        func close() {
            state.withLock { $0.isClosed = true }
            signal.signal()
        }

        func run() {
            while true {
                signal.wait()
                let (jobs, isClosed) = state.withLock { state in
                    defer { state.jobs.removeAll() }
                    return (state.jobs, state.isClosed)
                }
                for job in jobs { job() }
                if isClosed { return }
            }
        }
    }
}
