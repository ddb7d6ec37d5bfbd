import LienzoFiles

/// A SentencePiece model of the unigram kind: normalisation, pieces and how likely each piece is.
///
/// The library of that name is not linked: it defines `FLAGS_minloglevel` as libtorch does, in another size, so that each
/// of them writes into the other's memory.
///
/// Source: Kudo 2018, https://arxiv.org/abs/1804.10959, section 3.2; Kudo and Richardson 2018,
/// https://arxiv.org/abs/1808.06226; sentencepiece's `sentencepiece_model.proto`, `normalizer.cc`, `unigram_model.cc`.
package struct SentencePieceModel: Sendable {
    /// What a piece is for; the numbers are the file's.
    private enum Kind: UInt64 {
        case normal = 1
        case unknown, control, userDefined, unused, byte
    }

    private struct Piece: Sendable {
        var text: [UInt8] = []
        var score: Float = 0
        var kind = Kind.normal
    }

    private let pieces: [Piece]
    /// Pieces that a text may be split into, by their bytes.
    private let sorted: [Int32]
    private let normalizer: SentencePieceNormalizer
    private let unknownPiece: Int32
    /// What a character costs that no piece has.
    private let unknownScore: Float

    /// The most bytes that a model may have; XLM-RoBERTa's has 5 million.
    private static let sizeLimit = 64 << 20

    /// Reads a model from its file.
    ///
    /// - Throws: when the file cannot be read, is too long or holds no model of this kind.
    package init(_ path: String) throws(TokenizerError) {
        let file: MappedFile
        do { file = try MappedFile(path) } catch { throw TokenizerError(error.description) }
        guard file.count <= Self.sizeLimit else {
            throw TokenizerError("\(path) has \(file.count) bytes, and may have at most \(Self.sizeLimit).")
        }
        let bytes = file.withBytes { Array($0) }
        guard let fields = ProtobufField.fields(of: bytes[...]) else {
            throw TokenizerError("\(path) holds no SentencePiece model; fetch it again.")
        }
        let pieces = fields.filter { $0.number == 1 }.compactMap { Self.piece($0.bytes) }
        let training = fields.last { $0.number == 2 }.flatMap { ProtobufField.fields(of: $0.bytes) } ?? []
        guard training.last(where: { $0.number == 3 })?.value ?? 1 == 1 else {
            throw TokenizerError("\(path) is a SentencePiece model of another kind; expected unigram.")
        }
        guard let unknownPiece = pieces.firstIndex(where: { $0.kind == .unknown }) else {
            throw TokenizerError("\(path) has no piece for what is unknown; expected a SentencePiece model.")
        }
        guard let normalizer = SentencePieceNormalizer(fields.last { $0.number == 3 }?.bytes ?? []) else {
            throw TokenizerError("\(path) has a damaged table of characters; fetch it again.")
        }
        self.normalizer = normalizer
        self.unknownPiece = Int32(unknownPiece)
        let scores = pieces.filter { $0.kind == .normal }.map(\.score)
        unknownScore = (scores.min() ?? 0) - 10
        let highest = scores.max() ?? 0
        // What the user has defined is worth more than anything that it could be split into.
        self.pieces = pieces.map { piece in
            var piece = piece
            if piece.kind == .userDefined { piece.score = Float(piece.text.count) * highest - 0.1 }
            return piece
        }
        sorted = pieces.indices.filter {
            [.normal, .userDefined].contains(pieces[$0].kind) && !pieces[$0].text.isEmpty
        }
        .sorted { pieces[$0].text.lexicographicallyPrecedes(pieces[$1].text) }
        .map(Int32.init)
    }

    private static func piece(_ bytes: ArraySlice<UInt8>) -> Piece? {
        guard let fields = ProtobufField.fields(of: bytes) else { return nil }
        var piece = Piece()
        for field in fields {
            switch field.number {
            case 1: piece.text = Array(field.bytes)
            case 2: piece.score = Float(bitPattern: UInt32(truncatingIfNeeded: field.value))
            case 3: piece.kind = Kind(rawValue: field.value) ?? .unused
            default: break
            }
        }
        return piece
    }

    /// The number of pieces.
    package var count: Int { pieces.count }

    /// The text of a piece, empty for a number out of range.
    func piece(_ id: Int32) -> String {
        pieces.indices.contains(Int(id)) ? String(decoding: pieces[Int(id)].text, as: UTF8.self) : ""
    }

    /// The pieces of a text, by number: the likeliest way to split it.
    ///
    /// Unknown characters in a row are one piece.
    func encode(_ text: String) -> [Int32] {
        let bytes = normalizer(text)
        var best = [(score: Float, start: Int, piece: Int32)?](repeating: nil, count: bytes.count + 1)
        best[0] = (0, 0, unknownPiece)
        var start = 0
        while start < bytes.count {
            let before = best[start]?.score ?? 0
            let character = start + bytes[start].lengthInUTF8
            func offer(_ piece: Int32, _ score: Float, upTo end: Int) {
                if let known = best[end], before + score <= known.score { return }
                best[end] = (before + score, start, piece)
            }
            var isCovered = false
            forEachPiece(in: bytes, from: start) { piece, end in
                offer(piece, pieces[Int(piece)].score, upTo: end)
                isCovered = isCovered || end == character
            }
            if !isCovered { offer(unknownPiece, unknownScore, upTo: min(character, bytes.count)) }
            start = min(character, bytes.count)
        }
        var ids: [Int32] = []
        var end = bytes.count
        while end > 0, let step = best[end] {
            if step.piece != unknownPiece || ids.last != unknownPiece { ids.append(step.piece) }
            end = step.start
        }
        return ids.reversed()
    }

    /// Calls `body` for each piece that begins at a place, the shortest first, with the place behind it.
    private func forEachPiece(in bytes: [UInt8], from start: Int, _ body: (Int32, Int) -> Void) {
        var range = sorted.startIndex..<sorted.endIndex
        for place in start..<bytes.count {
            let depth = place - start
            range = narrowed(range, at: depth, to: bytes[place])
            // The piece that ends here is the first of those that begin alike.
            guard let first = range.first.map({ sorted[$0] }) else { return }
            if pieces[Int(first)].text.count == depth + 1 { body(first, place + 1) }
        }
    }

    /// The pieces of a range, alike up to `depth`, that have this byte there.
    private func narrowed(_ range: Range<Int>, at depth: Int, to byte: UInt8) -> Range<Int> {
        func bound(_ isBefore: (UInt8) -> Bool) -> Int {
            var (low, high) = (range.lowerBound, range.upperBound)
            while low < high {
                let middle = (low + high) / 2
                let text = pieces[Int(sorted[middle])].text
                if text.count <= depth || isBefore(text[depth]) { low = middle + 1 } else { high = middle }
            }
            return low
        }
        let lower = bound { $0 < byte }
        return lower..<max(lower, bound { $0 <= byte })
    }
}
