import CSentencePiece
import Foundation
import LienzoFiles

/// A SentencePiece model: normalisation, vocabulary and how likely each piece is.
///
/// Source: Kudo and Richardson 2018, https://arxiv.org/abs/1808.06226; the library of the system does the work.
package final class SentencePieceModel: Sendable {
    /// The library reads it on any thread and never writes.
    private nonisolated(unsafe) let model: OpaquePointer

    /// The most bytes that a model may have; XLM-RoBERTa's has 5 million.
    private static let sizeLimit = 64 << 20

    /// Reads a model from its file.
    ///
    /// - Throws: when the file cannot be read, is too long or holds no model.
    package init(_ path: String) throws(TokenizerError) {
        let file: MappedFile
        do { file = try MappedFile(path) } catch { throw TokenizerError(error.description) }
        guard file.count <= Self.sizeLimit else {
            throw TokenizerError("\(path) has \(file.count) bytes, and may have at most \(Self.sizeLimit).")
        }
        guard let model = file.withBytes({ csentencepiece_new($0.baseAddress, $0.count) }) else {
            throw TokenizerError("\(path) holds no SentencePiece model; fetch it again.")
        }
        self.model = model
    }

    deinit { csentencepiece_free(model) }

    /// The number of pieces.
    package var count: Int { Int(csentencepiece_count(model)) }

    /// The text of a piece, empty for a number out of range.
    func piece(_ id: Int32) -> String { String(cString: csentencepiece_piece(model, id)) }

    /// The pieces of a text, by number.
    func encode(_ text: String) -> [Int32] {
        var text = text
        return text.withUTF8 { bytes in
            var ids: UnsafeMutablePointer<Int32>?
            let count = bytes.withMemoryRebound(to: CChar.self) { characters in
                csentencepiece_encode(model, characters.baseAddress, characters.count, &ids)
            }
            defer { free(ids) }
            return Array(UnsafeBufferPointer(start: ids, count: max(0, Int(count))))
        }
    }
}
