/// A field of a message in the wire format of protocol buffers.
///
/// Source: https://protobuf.dev/programming-guides/encoding.
struct ProtobufField {
    /// The field's number in its message.
    let number: UInt64
    /// The bytes of a text or of a message within this one; empty for numbers.
    let bytes: ArraySlice<UInt8>
    /// A number, or its bits; 0 for bytes.
    let value: UInt64

    /// All fields of a message in their order; nil where the bytes are none.
    static func fields(of message: ArraySlice<UInt8>) -> [ProtobufField]? {
        var rest = message
        var fields: [ProtobufField] = []
        while !rest.isEmpty {
            guard let key = number(&rest), key >> 3 > 0 else { return nil }
            var (bytes, value): (ArraySlice<UInt8>, UInt64) = ([], 0)
            switch key & 7 {
            case 0:
                guard let number = number(&rest) else { return nil }
                value = number
            case 1, 5:
                let count = key & 7 == 1 ? 8 : 4
                guard rest.count >= count else { return nil }
                value = rest.prefix(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
                rest = rest.dropFirst(count)
            case 2:
                guard let count = number(&rest), count <= UInt64(rest.count) else { return nil }
                bytes = rest.prefix(Int(count))
                rest = rest.dropFirst(Int(count))
            default: return nil
            }
            fields.append(ProtobufField(number: key >> 3, bytes: bytes, value: value))
        }
        return fields
    }

    /// A number of seven bits a byte, the lowest first.
    private static func number(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }
}
