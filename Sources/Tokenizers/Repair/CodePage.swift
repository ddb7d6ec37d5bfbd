/// A single-byte encoding by which UTF-8 is often misread.
///
/// Bytes that the encoding leaves open are the control characters of the same number, as browsers have it. In those
/// pages byte 0x1A is U+FFFD: what a stricter program wrote for a byte that it could not decode.
///
/// Source: ftfy 6.3.1, `bad_codecs/sloppy.py`; the code pages of Python 3.11.
struct CodePage: Sendable {
    /// What each of the 256 bytes means.
    let decoded: [Unicode.Scalar]
    /// Whether the page has open bytes and U+FFFD.
    let isSloppy: Bool
    /// Whether a space may stand for byte 0xA0; in MacRoman that would be seen wherever a dash precedes a space.
    let losesNoBreakSpaces: Bool
    private let bytes: [Unicode.Scalar: UInt8]

    /// The code pages in the order in which they are tried: Latin-1, windows-1252, 1251, 1250, 1253, 1254, 1257,
    /// ISO 8859-2, MacRoman, IBM 437.
    static let all = MojibakeTables.codePages.indices.map(CodePage.init)

    static let windows1252 = CodePage(1)

    private init(_ index: Int) {
        let high = HexadecimalList.scalars(MojibakeTables.codePages[index])
        var decoded = (0..<UInt8(0x80)).map { Unicode.Scalar($0) } + high
        isSloppy = 1...6 ~= index
        losesNoBreakSpaces = index != 8
        if isSloppy { decoded[0x1A] = "\u{FFFD}" }
        self.decoded = decoded
        bytes = Dictionary(zip(decoded, 0...UInt8.max), uniquingKeysWith: { first, _ in first })
    }

    /// The bytes of `text`; what the page does not have is left out.
    func encoded(_ text: [Unicode.Scalar]) -> [UInt8] {
        text.compactMap { 0x20...0x7F ~= $0.value ? UInt8($0.value) : bytes[$0] }
    }
}
