import CTorch
import Foundation

/// The process-wide state of libtorch: version, threads and the levers that make it fast on a CPU.
package enum Engine {
    /// The version of libtorch that is loaded, such as `2.13.0`.
    package static var version: String { String(cString: ctorch_version()) }

    /// The vector instructions that libtorch's kernels use, such as `AVX512`.
    package static var cpuCapability: String { String(cString: ctorch_cpu_capability()) }

    /// Whether the CPU multiplies bfloat16 numbers in hardware.
    package static var hasBFloat16: Bool { ctorch_cpu_has_bfloat16() }

    /// Whether a GPU can be used.
    package static var hasCUDA: Bool { ctorch_cuda_available() }

    /// The number of threads that one operator uses.
    package static var threads: Int {
        get { Int(ctorch_threads()) }
        set { ctorch_set_threads(Int32(clamping: newValue)) }
    }

    /// Whether freed memory stays in the process (``Lever/ma``); settled once, at first use.
    package static let keepsFreedMemory: Bool = Lever.ma.isOn && ctorch_keep_freed_memory(true)

    /// Gives memory back to the system as soon as it is freed, from now on: slower than to keep it, and the process is as
    /// large as what it holds.
    package static func returnFreedMemoryAtOnce() {
        prepare()
        _ = ctorch_keep_freed_memory(false)
    }

    /// Gives the freed memory that the process keeps back to the system: between works that share no sizes, which else
    /// each leave holes that the next does not fit into.
    package static func returnFreedMemory() { ctorch_return_freed_memory() }

    /// Settles everything that must be settled before the first operator.
    ///
    /// Safe to call again.
    package static func prepare() {
        _ = keepsFreedMemory
    }

    /// Whether threads that wait for work leave their processor to others at once; true from the first use on.
    ///
    /// For a process whose own threads compete with those of the networks, such as one that decodes a batch of pictures
    /// while it computes another: that goes a sixth faster. A single picture takes a few milliseconds more.
    package static let sharesProcessors: Bool = ctorch_share_processors()

    /// Makes threads that wait leave their processor at once (``sharesProcessors``) where other programs have used half of
    /// the processors in the last minute and one of them does now; to be called before there is work.
    ///
    /// Threads that wait in a loop for one that another program holds up make everything several times slower; without
    /// other programs, to wait like this is 2 % faster.
    package static func shareBusyProcessors() {
        // Such as "1.46 1.24 1.49 3/83 19955": the fourth says how many threads of all run now, with this one.
        let text = try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8)
        let words = text?.split { " /".contains($0) } ?? []
        guard words.count > 3, let load = Double(words[0]), let running = Int(words[3]), running > 1 else { return }
        if load >= Double(ProcessInfo.processInfo.activeProcessorCount) / 2 { _ = sharesProcessors }
    }

    /// The type to compute in on `device`: bfloat16 where the hardware has it, otherwise float32.
    ///
    /// Never float16 on a CPU, where libtorch emulates it at less than 1 GFLOP/s.
    package static func preferredComputeType(on device: Device) -> DType {
        switch device {
        case .cpu: hasBFloat16 ? .bfloat16 : .float32
        case .cuda: .bfloat16
        }
    }

    /// The measured rate of a square matrix product in this process, in GFLOP/s.
    ///
    /// - Parameters:
    ///   - dtype: the type of the matrices.
    ///   - size: rows and columns of both matrices.
    ///   - repetitions: the best of so many products, and two more, counts.
    /// - Returns: GFLOP/s.
    package static func matmulRate(_ dtype: DType, size: Int = 1024, repetitions: Int = 8) -> Double {
        let generator = Generator(seed: 0)
        let a = Tensor.randn([size, size], generator: generator).to(dtype)
        let b = Tensor.randn([size, size], generator: generator).to(dtype)
        var best = Double.infinity
        for _ in 0..<(repetitions + 2) {
            let start = DispatchTime.now().uptimeNanoseconds
            withExtendedLifetime(a.matmul(b)) {}
            best = min(best, Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9)
        }
        return 2 * Double(size) * Double(size) * Double(size) / best / 1e9
    }
}
