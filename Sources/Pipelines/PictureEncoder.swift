package import LienzoImages
import LienzoTorch

/// What turns pictures into rows of numbers: a dual encoder into embeddings, a classifier into logits.
package protocol PictureEncoder: Sendable {
    /// Resizes, crops and normalises a picture as the network wants it; may be called on many threads at once.
    func prepare(_ image: Image) throws -> PreparedPicture

    /// A row for each picture.
    ///
    /// - Parameters:
    ///   - pictures: what ``prepare(_:)`` gave.
    ///   - isNormalized: whether each row is scaled to length 1.
    ///   - batch: how many go through the network at once.
    /// - Returns: as many rows as pictures, in their order.
    /// - Throws: one sentence where the weights cannot be read; `CancellationError` between batches.
    func embed(_ pictures: [PreparedPicture], normalized isNormalized: Bool, batch: Int) async throws -> [[Float]]
}

/// A picture as an image network sees it, ready to be computed on any thread's behalf.
public struct PreparedPicture: Sendable {
    /// `[3, size, size]`, normalised.
    let pixels: [Float]
}

extension CLIPPipeline: PictureEncoder {}

/// Puts inputs through a network in bounded batches, each of which may fail with a sentence.
///
/// - Parameters:
///   - inputs: any number of them.
///   - size: how many go through at once.
///   - encode: makes `[batch, width]` of a batch.
/// - Returns: a row for each input.
/// - Throws: `TorchError` where an operator failed; `CancellationError` between batches.
func encodedInBatches<Input>(
    _ inputs: [Input],
    of size: Int,
    encode: ([Input]) -> Tensor
) throws -> [[Float]] {
    var rows: [[Float]] = []
    for start in stride(from: 0, to: inputs.count, by: size) {
        try Task.checkCancellation()
        let batch = Array(inputs[start..<min(start + size, inputs.count)])
        let numbers = try torchScope { encode(batch).floats() }
        let width = numbers.count / batch.count
        rows += stride(from: 0, to: numbers.count, by: width).map { Array(numbers[$0..<$0 + width]) }
    }
    return rows
}
