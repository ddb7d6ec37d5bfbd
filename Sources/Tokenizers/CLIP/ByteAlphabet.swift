/// The 256 characters by which vocabularies of byte-level BPE write the 256 bytes.
///
/// Printable bytes of Latin-1 are written as themselves, the others as U+0100 and on.
///
/// Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", `bytes_to_unicode` of its code.
enum ByteAlphabet {
    /// The bytes in the order in which vocabularies list them: first those that are written as themselves.
    static let order: [UInt8] = {
        let printable = Array(UInt8(ascii: "!")...UInt8(ascii: "~")) + Array(0xA1...0xAC) + Array(0xAE...0xFF)
        return printable + (0...UInt8.max).filter { !printable.contains($0) }
    }()

    /// The character of each byte.
    static let characters: [Unicode.Scalar] = {
        var characters = (0...UInt8.max).map { Unicode.Scalar($0) }
        // The first 188 of the order keep their own.
        for (offset, byte) in order.dropFirst(188).enumerated() {
            characters[Int(byte)] = Unicode.Scalar(UInt16(0x100 + offset)) ?? characters[Int(byte)]
        }
        return characters
    }()
}
