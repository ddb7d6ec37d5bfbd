/// The pieces of a CLIP tokenizer and the merges that make them.
///
/// Pieces are written with `ByteAlphabet`; what ends a word ends in `</w>`. The published vocabularies have 49,408
/// pieces: 256 bytes, the same bytes at the end of a word, 48,894 merges, start and end.
package struct CLIPVocabulary: Sendable {
    /// What the last piece of a word ends in.
    static let wordEnd = "</w>"
    /// The start and the end of a text, as vocabularies call them.
    package static let startToken = "<|startoftext|>"
    package static let endToken = "<|endoftext|>"

    /// The pieces in the order of their ids.
    package let pieces: [String]
    private let ids: [String: Int32]
    private let merges: BytePairMerges
    /// For each byte the id of its piece within a word and at the end of one; -1 where there is none.
    private let byteIDs: (inside: [Int32], last: [Int32])

    /// A vocabulary of pieces and the merges among them, the most urgent first.
    ///
    /// - Throws: when a piece or a merge is listed twice, or when a merge joins or makes what is no piece.
    package init(pieces: [String], merges: [(left: String, right: String)]) throws(TokenizerError) {
        var ids: [String: Int32] = Dictionary(minimumCapacity: pieces.count)
        for (id, piece) in pieces.enumerated() {
            guard ids.updateValue(Int32(truncatingIfNeeded: id), forKey: piece) == nil else {
                throw TokenizerError("The piece \(piece.debugDescription) is listed twice; expected each once.")
            }
        }
        var table = BytePairMerges(minimumCapacity: merges.count)
        for (index, merge) in merges.enumerated() {
            guard let left = ids[merge.left], let right = ids[merge.right], let product = ids[merge.left + merge.right]
            else {
                throw TokenizerError(
                    "Merge \(index + 1) joins \(merge.left.debugDescription) and \(merge.right.debugDescription), but one "
                        + "of them or what they make is no piece of the vocabulary of \(pieces.count) pieces."
                )
            }
            guard table.append(left, right, product: product) else {
                throw TokenizerError(
                    "Merge \(index + 1) joins \(merge.left.debugDescription) and \(merge.right.debugDescription), as one "
                        + "before it does; expected each pair once."
                )
            }
        }
        self.pieces = pieces
        self.ids = ids
        self.merges = table
        let units = ByteAlphabet.characters.map(String.init)
        byteIDs = (units.map { ids[$0] ?? -1 }, units.map { ids[$0 + Self.wordEnd] ?? -1 })
    }

    /// The id of `piece`, or `nil` where the vocabulary lacks it.
    package func id(of piece: String) -> Int32? { ids[piece] }

    /// The pieces of one word and where each begins.
    ///
    /// - Parameters:
    ///   - word: the UTF-8 bytes of the word.
    ///   - unknown: the id for a byte that has no piece.
    /// - Returns: ids, and for each the index of its first byte in `word`.
    func pieces(of word: [UInt8], unknown: Int32) -> (ids: [Int32], starts: [Int]) {
        var units = word.map { byteIDs.inside[Int($0)] }
        if let last = word.last { units[units.count - 1] = byteIDs.last[Int(last)] }
        let (ids, starts) = merges.joined(units)
        return (ids.map { $0 < 0 ? unknown : $0 }, starts)
    }
}

extension CLIPVocabulary {
    /// The number of merges that the original list is read for; it has more.
    package static let originalMergeCount = 49_152 - 256 - 2

    /// The vocabulary of the original list of merges: the bytes, the bytes that end a word, what the merges make, start
    /// and end.
    ///
    /// - Throws: when a merge joins what no byte or merge before it is, or makes what another has made.
    ///
    /// Source: `SimpleTokenizer.__init__` in OpenAI's CLIP, `simple_tokenizer.py`, and open_clip 3.3.0, `tokenizer.py`.
    package init(merges: [(left: String, right: String)]) throws(TokenizerError) {
        let bytes = ByteAlphabet.order.map { String(ByteAlphabet.characters[Int($0)]) }
        var pieces = bytes + bytes.map { $0 + Self.wordEnd }
        var known = Set(pieces)
        for (index, merge) in merges.enumerated() {
            guard known.contains(merge.left), known.contains(merge.right) else {
                throw TokenizerError(
                    "Merge \(index + 1) joins \(merge.left.debugDescription) and \(merge.right.debugDescription); expected "
                        + "bytes or what merges before it made."
                )
            }
            let product = merge.left + merge.right
            guard known.insert(product).inserted else {
                throw TokenizerError(
                    "Merge \(index + 1) makes \(product.debugDescription), as one before it does; expected each once."
                )
            }
            pieces.append(product)
        }
        try self.init(pieces: pieces + [Self.startToken, Self.endToken], merges: merges)
    }
}
