import LienzoFiles

/// The pieces a WordPiece tokenizer may use; a piece's id is its line in `vocab.txt`, counted from 0.
///
/// Pieces that continue a word begin with `##`. Matching walks a tree of the pieces' Unicode scalars, so the longest
/// piece at a position is found in one pass over the word.
package struct WordPieceVocabulary: Sendable {
    /// The pieces in the order of their ids.
    package let pieces: [String]
    /// The child of a tree node, keyed by node and scalar; node 0 is the root.
    private let children: [UInt64: Int32]
    /// For each tree node the id of the piece that ends there, or -1.
    private let ids: [Int32]
    /// The node of `##`, from where continuations are matched; `nil` where no piece begins with it.
    private let continuationRoot: Int32?

    /// A vocabulary of these pieces; where one is listed twice, the later id counts, as in the reference.
    package init(_ pieces: [String]) {
        var children = [UInt64: Int32](minimumCapacity: pieces.count * 3)
        var ids: [Int32] = [-1]
        for (id, piece) in pieces.enumerated() {
            var node: Int32 = 0
            for scalar in piece.unicodeScalars {
                let next = Int32(ids.count)
                let key = Self.key(node, scalar)
                if let child = children[key] {
                    node = child
                } else {
                    children[key] = next
                    ids.append(-1)
                    node = next
                }
            }
            ids[Int(node)] = Int32(id)
        }
        self.pieces = pieces
        self.children = children
        self.ids = ids
        continuationRoot = children[Self.key(0, "#")].flatMap { children[Self.key($0, "#")] }
    }

    /// The id of `piece`, or `nil` where the vocabulary lacks it.
    package func id(of piece: String) -> Int32? {
        let match = longestMatch(in: Array(piece.unicodeScalars), from: 0, root: 0)
        return match?.end == piece.unicodeScalars.count ? match?.id : nil
    }

    /// Appends the ids of `word`, longest piece first, or `unknown` where the pieces do not cover it.
    ///
    /// Source: Wu et al. 2016 (arXiv:1609.08144), section 4.1; the `WordPiece` model of Hugging Face tokenizers.
    func appendPieces(of word: [Unicode.Scalar], unknown: Int32, to result: inout [Int32]) {
        let start = result.count
        var position = 0
        while position < word.count {
            let root = position == 0 ? 0 : continuationRoot
            guard let match = root.flatMap({ longestMatch(in: word, from: position, root: $0) }) else {
                result.removeSubrange(start...)
                result.append(unknown)
                return
            }
            result.append(match.id)
            position = match.end
        }
    }

    private func longestMatch(in word: [Unicode.Scalar], from start: Int, root: Int32) -> (id: Int32, end: Int)? {
        var node = root
        var match: (id: Int32, end: Int)?
        for position in start..<word.count {
            guard let child = children[Self.key(node, word[position])] else { break }
            node = child
            if ids[Int(node)] >= 0 { match = (ids[Int(node)], position + 1) }
        }
        return match
    }

    private static func key(_ node: Int32, _ scalar: Unicode.Scalar) -> UInt64 {
        UInt64(UInt32(bitPattern: node)) << 32 | UInt64(scalar.value)
    }
}

extension WordPieceVocabulary {
    /// The most bytes a `vocab.txt` may have; the largest published one (multilingual BERT) has 1 MB.
    private static let byteLimit = 64 << 20

    /// Reads `vocab.txt`: UTF-8, one piece a line.
    package init(contentsOf path: String) throws(TokenizerError) {
        let file: MappedFile
        do { file = try MappedFile(path) } catch { throw TokenizerError(error.description) }
        guard file.count <= Self.byteLimit else {
            throw TokenizerError(
                "\(path) has \(file.count) bytes, but a vocabulary may have at most \(Self.byteLimit); is it the right file?"
            )
        }
        guard let text = file.withBytes({ String(validating: $0, as: UTF8.self) }) else {
            throw TokenizerError("\(path) is not UTF-8 text; expected a vocabulary with one piece a line.")
        }
        var lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        guard !lines.isEmpty else {
            throw TokenizerError("\(path) is empty; expected a vocabulary with one piece a line.")
        }
        self.init(lines.map { String(Substring($0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0)) })
    }

    /// The vocabulary without its `[unusedN]` entries, and for each remaining piece its id in this one.
    ///
    /// BERT vocabularies reserve about a thousand such entries that no text can produce. `keptRows` selects the rows
    /// of the token embedding that belong to the smaller vocabulary.
    package func removingUnused() -> (vocabulary: WordPieceVocabulary, keptRows: [Int]) {
        let keptRows = pieces.indices.filter { index in
            let piece = pieces[index]
            guard piece.hasPrefix("[unused"), piece.hasSuffix("]") else { return true }
            let number = piece.utf8.dropFirst("[unused".utf8.count).dropLast()
            return number.isEmpty || !number.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        }
        return (WordPieceVocabulary(keptRows.map { pieces[$0] }), keptRows)
    }

    /// The text of `vocab.txt`.
    package var fileContents: String {
        pieces.map { $0 + "\n" }.joined()
    }
}
