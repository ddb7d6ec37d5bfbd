import Foundation
package import LienzoTorch

/// The memory without which an autoencoder cannot make pictures: its two last maps, in whole.
///
/// A bound from below, so that nothing is refused that could be made; beyond it the system would end the process.
package struct PictureMemory {
    private let bytes: Int

    /// - Parameters:
    ///   - pictures: how many are decoded at once.
    ///   - width: their columns.
    ///   - height: their rows.
    ///   - channels: of the map that becomes the pictures.
    ///   - type: of its numbers.
    package init(pictures: Int, width: Int, height: Int, channels: Int, type: DType) {
        bytes = 2 * pictures * width * height * channels * type.byteCount
    }

    /// Checks that a machine has it.
    ///
    /// - Parameter available: the machine's memory in bytes.
    /// - Throws: ``PipelineError/invalidRequest(reason:)`` where that is less.
    package func require(within available: UInt64 = ProcessInfo.processInfo.physicalMemory) throws(PipelineError) {
        guard UInt64(clamping: bytes) > available else { return }
        func gigabytes(_ bytes: Double) -> Int { Int((bytes / 1e9).rounded(.up)) }
        throw .invalidRequest(
            reason: "Decoding takes at least \(gigabytes(Double(bytes))) GB of memory, and this machine has "
                + "\(gigabytes(Double(available))); ask for a smaller picture or fewer candidates."
        )
    }
}
