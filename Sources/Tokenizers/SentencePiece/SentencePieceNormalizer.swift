/// What SentencePiece does to a text before it is split: characters are replaced by a table, spaces are made one and
/// visible.
///
/// Source: sentencepiece's `normalizer.cc`; the table is a double-array trie of darts-clone.
struct SentencePieceNormalizer: Sendable {
    /// The units of the trie, and the texts that its values point to, each ending in 0.
    private var trie: [UInt32] = []
    private var replacements: [UInt8] = []
    private var addsPrefix = true
    private var removesSpaces = true
    private var showsSpaces = true

    private static let space = UInt8(ascii: " ")
    /// The visible space, "▁".
    private static let visibleSpace: [UInt8] = [0xE2, 0x96, 0x81]

    /// Reads the bytes of a `NormalizerSpec`; nil where they are damaged.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard let fields = ProtobufField.fields(of: bytes) else { return nil }
        for field in fields {
            switch field.number {
            case 2:
                guard field.bytes.isEmpty || readTable(Array(field.bytes)) else { return nil }
            case 3: addsPrefix = field.value != 0
            case 4: removesSpaces = field.value != 0
            case 5: showsSpaces = field.value != 0
            default: break
            }
        }
    }

    /// The length of the trie in bytes, the trie, the replacements.
    private mutating func readTable(_ table: [UInt8]) -> Bool {
        func number(at place: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(table[place + $1]) << (8 * UInt32($1)) }
        }
        guard table.count >= 4 else { return false }
        let size = Int(number(at: 0))
        guard size.isMultiple(of: 4), size <= table.count - 4 else { return false }
        trie = stride(from: 4, to: 4 + size, by: 4).map(number)
        replacements = Array(table[(4 + size)...])
        return true
    }

    /// The normalised text in UTF-8.
    func callAsFunction(_ text: String) -> [UInt8] {
        let input = Array(text.utf8)
        var output: [UInt8] = []
        var isAfterSpace = removesSpaces
        var hasBegun = false
        var place = 0
        while place < input.count {
            let (part, count) = replacement(in: input, at: place)
            place += count
            let shown = isAfterSpace ? part.drop { $0 == Self.space } : part
            guard !shown.isEmpty else { continue }
            if !hasBegun, addsPrefix { append(Self.space, to: &output) }
            hasBegun = true
            for byte in shown { append(byte, to: &output) }
            isAfterSpace = removesSpaces && shown.last == Self.space
        }
        guard removesSpaces else { return output }
        let end = showsSpaces ? Self.visibleSpace : [Self.space]
        while output.count >= end.count, output.suffix(end.count).elementsEqual(end) { output.removeLast(end.count) }
        return output
    }

    private func append(_ byte: UInt8, to output: inout [UInt8]) {
        if byte == Self.space, showsSpaces { output += Self.visibleSpace } else { output.append(byte) }
    }

    /// What stands for the longest known beginning of the rest, or the next character itself; and how many bytes it is.
    private func replacement(in input: [UInt8], at start: Int) -> (text: ArraySlice<UInt8>, count: Int) {
        var found: (value: Int, count: Int)?
        var node = 0
        func unit(_ place: Int) -> UInt32? { trie.indices.contains(place) ? trie[place] : nil }
        func offset(_ unit: UInt32) -> Int { Int((unit >> 10) << ((unit & (1 << 9)) >> 6)) }
        if let root = unit(0) {
            node ^= offset(root)
            for place in start..<input.count {
                node ^= Int(input[place])
                guard let next = unit(node), next & (1 << 31 | 0xFF) == UInt32(input[place]) else { break }
                node ^= offset(next)
                if next >> 8 & 1 == 1, let leaf = unit(node) {
                    found = (Int(leaf & 0x7FFF_FFFF), place + 1 - start)
                }
            }
        }
        guard let found, found.value < replacements.count else {
            let end = min(start + input[start].lengthInUTF8, input.count)
            return (input[start..<end], end - start)
        }
        let end = replacements[found.value...].firstIndex(of: 0) ?? replacements.endIndex
        return (replacements[found.value..<end], found.count)
    }
}

extension UInt8 {
    /// How many bytes a character of UTF-8 has that begins with this one.
    var lengthInUTF8: Int {
        switch self {
        case 0xF0...: 4
        case 0xE0...: 3
        case 0xC0...: 2
        default: 1
        }
    }
}
