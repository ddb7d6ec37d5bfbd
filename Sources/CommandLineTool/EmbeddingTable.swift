import LienzoCheckpoints
import LienzoFiles
import LienzoPipelines
import LienzoTorch

/// Image embeddings in a safetensors file: what `lienzo prior` writes and `generate --image-embedding` reads.
///
/// The tensors have the names of the reference's pipelines, so that its scripts read them, too.
struct EmbeddingTable {
    private enum Name {
        static let embeddings = "image_embeds"
        static let negative = "negative_image_embeds"
        static let similarity = "similarity"
    }

    let rows: [ImageEmbedding]

    init(_ rows: [ImageEmbedding]) {
        self.rows = rows
    }

    /// Reads a file.
    ///
    /// - Throws: `CommandError` where it has no table of embeddings; `CheckpointError`.
    init(_ path: String) throws {
        let file = try SafetensorsFile(path)
        func table(_ name: String) throws -> [[Float]]? {
            guard let shape = file.shape(of: name) else { return nil }
            guard shape.count == 2, (1...65_536).contains(shape[1]), (1...65_536).contains(shape[0]) else {
                throw CommandError("In \(path), \(name) has the shape \(shape); expected rows of numbers.")
            }
            let numbers = try torchScope { try file.tensor(named: name).to(.float32).floats() }
            return stride(from: 0, to: numbers.count, by: shape[1]).map { Array(numbers[$0..<$0 + shape[1]]) }
        }
        guard let values = try table(Name.embeddings) else {
            throw CommandError("\(path) has no tensor \(Name.embeddings); expected a file that 'lienzo prior' wrote.")
        }
        let negative = try table(Name.negative)
        guard negative.map({ $0.count == values.count }) ?? true else {
            throw CommandError("In \(path), \(Name.negative) and \(Name.embeddings) differ in their number of rows.")
        }
        rows = values.indices.map { ImageEmbedding(values[$0], negative: negative?[$0]) }
    }

    /// One row, counted from 0.
    func embedding(row: Int) throws(CommandError) -> ImageEmbedding {
        guard rows.indices.contains(row) else {
            throw CommandError("There is no row \(row); the file has \(rows.count.counted("embedding")), from row 0.")
        }
        return rows[row]
    }

    /// Writes the file.
    ///
    /// - Parameters:
    ///   - path: where.
    ///   - metadata: what the file says of itself.
    /// - Throws: where it cannot be written.
    func write(to path: String, metadata: [String: String]) throws {
        guard let width = rows.first?.values.count else { return }
        func tensor(_ numbers: [[Float]]) -> Tensor { Tensor(rows: numbers, shape: [numbers.count, width]) }
        var tensors = [(Name.embeddings, tensor(rows.map(\.values)))]
        let negative = rows.compactMap(\.negative)
        if negative.count == rows.count { tensors.append((Name.negative, tensor(negative))) }
        let similarities = rows.compactMap(\.similarity)
        if similarities.count == rows.count { tensors.append((Name.similarity, Tensor(similarities))) }
        try writeSafetensors(tensors, metadata: metadata.merging(["format": "pt"]) { own, _ in own }, to: path)
    }
}
