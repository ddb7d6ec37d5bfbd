import Foundation

extension CLIPVocabulary {
    /// The most bytes a file of a vocabulary may have; the largest published one (`tokenizer.json`) has 4 MB.
    static let byteLimit = 64 << 20

    /// The most pieces a vocabulary may have.
    private static let pieceLimit = 1 << 20

    /// Reads the original list of merges, `bpe_simple_vocab_16e6.txt`, unpacked: the first line says what it is, and of
    /// the others, one merge each, the first 48,894 count.
    ///
    /// - Throws: when the file cannot be read, is too long, is not UTF-8, has too few merges, or when a line is no merge.
    package init(mergesFile path: String) throws(TokenizerError) {
        let lines = try Self.lines(of: path)
        guard lines.count > Self.originalMergeCount else {
            throw TokenizerError(
                "\(path) has \(lines.count) lines; expected one that says what it is and \(Self.originalMergeCount) merges."
            )
        }
        var merges: [(left: String, right: String)] = []
        merges.reserveCapacity(Self.originalMergeCount)
        for index in 1...Self.originalMergeCount { merges.append(try Self.merge(lines[index], at: index, of: path)) }
        do { try self.init(merges: merges) } catch { throw TokenizerError("\(path): \(error)") }
    }

    /// Reads the vocabulary of a folder in the Hugging Face layout: `tokenizer.json` where it is there, else `vocab.json`
    /// and `merges.txt`.
    ///
    /// - Throws: when a file cannot be read, is too long or malformed, or when the ids are not the numbers from 0 on.
    package init(directory: String) throws(TokenizerError) {
        let tokenizerPath = directory + "/tokenizer.json"
        if FileManager.default.fileExists(atPath: tokenizerPath) {
            try self.init(tokenizerFile: tokenizerPath)
        } else {
            try self.init(vocabularyFile: directory + "/vocab.json", mergesFile: directory + "/merges.txt")
        }
    }

    /// Reads `vocab.json`, pieces with their ids, and `merges.txt`, one merge a line after the line of its version.
    ///
    /// - Throws: as `init(directory:)`.
    package init(vocabularyFile: String, mergesFile: String) throws(TokenizerError) {
        let ids = try TokenizerFile.decoded(
            [String: Int].self,
            from: vocabularyFile,
            limit: Self.byteLimit,
            expected: "a vocabulary: a JSON object of pieces and their ids"
        )
        var merges: [(left: String, right: String)] = []
        for (index, line) in try Self.lines(of: mergesFile).enumerated() where !line.hasPrefix("#version") {
            merges.append(try Self.merge(line, at: index, of: mergesFile))
        }
        let pieces = try Self.ordered(ids, of: vocabularyFile)
        do { try self.init(pieces: pieces, merges: merges) } catch {
            throw TokenizerError("\(mergesFile): \(error)")
        }
    }

    /// Reads the vocabulary and the merges of a `tokenizer.json`.
    ///
    /// - Throws: as `init(directory:)`, and when the file is for another kind of tokenizer.
    package init(tokenizerFile path: String) throws(TokenizerError) {
        let model = try TokenizerFile.decoded(
            File.self,
            from: path,
            limit: Self.byteLimit,
            expected: "a tokenizer: a JSON object with a model that has vocab and merges"
        ).model
        guard model.type ?? "BPE" == "BPE", model.endOfWordSuffix == Self.wordEnd else {
            throw TokenizerError(
                "\(path) has a model of type \(model.type ?? "BPE") whose words end in "
                    + "\((model.endOfWordSuffix ?? "").debugDescription); expected CLIP's, BPE with \(Self.wordEnd)."
            )
        }
        var merges: [(left: String, right: String)] = []
        merges.reserveCapacity(model.merges.count)
        for (index, merge) in model.merges.enumerated() {
            guard merge.parts.count == 2 else {
                throw TokenizerError(
                    "\(path): merge \(index + 1) has \(merge.parts.count) parts; expected two pieces."
                )
            }
            merges.append((merge.parts[0], merge.parts[1]))
        }
        let pieces = try Self.ordered(model.vocab, of: path)
        do { try self.init(pieces: pieces, merges: merges) } catch { throw TokenizerError("\(path): \(error)") }
    }

    /// The pieces by id.
    private static func ordered(_ ids: [String: Int], of path: String) throws(TokenizerError) -> [String] {
        guard 1...pieceLimit ~= ids.count else {
            throw TokenizerError("\(path) has \(ids.count) pieces; expected 1 to \(pieceLimit), CLIP has 49408.")
        }
        var pieces = [String?](repeating: nil, count: ids.count)
        for (piece, id) in ids {
            guard pieces.indices.contains(id), pieces[id] == nil else {
                throw TokenizerError(
                    "\(path): the id \(id) of \(piece.debugDescription) is another's too or beyond the \(ids.count) pieces; "
                        + "expected each of 0 to \(ids.count - 1) once."
                )
            }
            pieces[id] = piece
        }
        return pieces.compactMap(\.self)
    }

    /// The lines of a UTF-8 file.
    private static func lines(of path: String) throws(TokenizerError) -> [Substring] {
        let text = try TokenizerFile.text(of: path, limit: byteLimit, expected: "merges, one a line")
        var lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines.map { Substring($0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0) }
    }

    private static func merge(
        _ line: Substring,
        at index: Int,
        of path: String
    ) throws(TokenizerError) -> (left: String, right: String) {
        let parts = line.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
            let start = String(String.UnicodeScalarView(line.unicodeScalars.prefix(80)))
            throw TokenizerError(
                "\(path): line \(index + 1) is \(start.debugDescription); expected a merge: two pieces and a space between."
            )
        }
        return (String(Substring(parts[0])), String(Substring(parts[1])))
    }
}

extension CLIPVocabulary {
    /// The parts of a `tokenizer.json` that make the vocabulary.
    private struct File: Decodable {
        let model: Model
    }

    private struct Model: Decodable {
        let type: String?
        let endOfWordSuffix: String?
        let vocab: [String: Int]
        let merges: [Merge]

        enum CodingKeys: String, CodingKey {
            case type, vocab, merges
            case endOfWordSuffix = "end_of_word_suffix"
        }
    }

    /// A merge, which older files write as one string and newer ones as a list of two.
    private struct Merge: Decodable {
        let parts: [String]

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let line = try? container.decode(String.self) {
                parts = line.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
                    .map { String(Substring($0)) }
            } else {
                parts = try container.decode([String].self)
            }
        }
    }
}
