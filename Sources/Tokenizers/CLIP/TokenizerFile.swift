import Foundation
import LienzoFiles

/// Reads the small files of a tokenizer; sizes are looked at before anything is read.
enum TokenizerFile {
    /// The text of a UTF-8 file.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limit: the most bytes it may have.
    ///   - expected: what it should be, for the sentence that says it is not.
    /// - Returns: the whole text.
    /// - Throws: when the file cannot be read, is too long, or is not UTF-8.
    static func text(of path: String, limit: Int, expected: String) throws(TokenizerError) -> String {
        let file = try mapped(path, limit: limit, expected: expected)
        guard let text = file.withBytes({ String(validating: $0, as: UTF8.self) }) else {
            throw TokenizerError("\(path) is not UTF-8 text; expected \(expected).")
        }
        return text
    }

    /// The value of a JSON file.
    ///
    /// - Parameters:
    ///   - type: what to decode.
    ///   - path: the file.
    ///   - limit: the most bytes it may have.
    ///   - expected: what it should be, for the sentence that says it is not.
    /// - Returns: the decoded value.
    /// - Throws: when the file cannot be read, is too long, or is not such JSON.
    static func decoded<Value: Decodable>(
        _ type: Value.Type,
        from path: String,
        limit: Int,
        expected: String
    ) throws(TokenizerError) -> Value {
        let file = try mapped(path, limit: limit, expected: expected)
        do {
            return try JSONDecoder().decode(type, from: file.withBytes { Data($0) })
        } catch {
            throw TokenizerError("\(path) cannot be read as JSON or lacks a part; expected \(expected).")
        }
    }

    private static func mapped(_ path: String, limit: Int, expected: String) throws(TokenizerError) -> MappedFile {
        let file: MappedFile
        do { file = try MappedFile(path) } catch { throw TokenizerError(error.description) }
        guard file.count <= limit else {
            throw TokenizerError(
                "\(path) has \(file.count) bytes, and may have at most \(limit); expected \(expected)."
            )
        }
        return file
    }
}
