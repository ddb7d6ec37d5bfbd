import Foundation

/// The settings that make libtorch fast on a CPU; all are on.
///
/// The environment variable `LIENZO_WITHOUT`, such as `fk,pack`, leaves some out, so that a benchmark can show what each
/// brings on this machine (`make bench`).
package enum Lever: String, Sendable, CaseIterable {
    /// oneMKL's fast path on processors that are not Intel's: `MKLPath.c` in CTorch, which reads the same variable.
    case fk
    /// Freed memory stays in the process: ``Engine/keepsFreedMemory``.
    case ma
    /// Weights in oneDNN's own layout for inference: `ParameterStore.weightForm` in NN.
    case pack

    /// Whether the lever is pulled, settled at the first use of any.
    package var isOn: Bool { !Self.leftOut.contains(rawValue) }

    private static let leftOut = Set(
        (ProcessInfo.processInfo.environment["LIENZO_WITHOUT"] ?? "").split(separator: ",").map(String.init)
    )
}
