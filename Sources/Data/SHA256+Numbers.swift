import Crypto

extension SHA256 {
    /// The first eight bytes of the digest of a text: a number that depends on nothing but the text.
    static func number(_ text: String) -> UInt64 {
        hash(data: Array(text.utf8)).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}

extension Digest {
    /// Lower-case hexadecimal digits, two a byte.
    var hex: String {
        map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }
}
