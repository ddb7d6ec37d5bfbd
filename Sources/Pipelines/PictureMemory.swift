import Foundation
package import LienzoTorch

/// The memory without which an autoencoder cannot make pictures: its two last maps, of whole pictures or of a tile, or in
/// tiles the pictures and what they are put together of.
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
    ///   - tile: the side of the tiles that they are made in; nil where they are made whole.
    package init(pictures: Int, width: Int, height: Int, channels: Int, type: DType, tile: Int? = nil) {
        func maps(_ width: Int, _ height: Int, _ channels: Int, _ type: DType) -> Int {
            2 * pictures * width * height * channels * type.byteCount
        }
        guard let tile, max(width, height) > tile else {
            bytes = maps(width, height, channels, type)
            return
        }
        bytes = max(maps(min(width, tile), min(height, tile), channels, type), maps(width, height, 3, .float32))
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
