/// Reads the JSON of a safetensors header, which is one object of fixed depth.
///
/// A parser of its own, because the general one accepts what the format forbids (a name twice) and recurses as deep as
/// a hostile file asks.
struct SafetensorsHeaderParser {
    /// A tensor as the header states it, with nothing checked but that the offsets are numbers.
    struct Entry {
        let name: String
        let type: StoredType
        let shape: [Int]
        let start: Int
        let end: Int
    }

    private let bytes: [UInt8]
    private let path: String
    private var position = 0

    init(bytes: [UInt8], path: String) {
        self.bytes = bytes
        self.path = path
    }

    mutating func parse() throws(CheckpointError) -> (entries: [Entry], metadata: [String: String]) {
        guard bytes.first == UInt8(ascii: "{") else {
            throw CheckpointError(path, "a safetensors header begins with '{', but this file does not")
        }
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw CheckpointError(path, "the header is not UTF-8 text")
        }
        var entries: [Entry] = []
        var metadata: [String: String]?
        var names: Set<String> = []
        try object { (parser, name) throws(CheckpointError) in
            guard names.insert(name).inserted else {
                throw CheckpointError(parser.path, "the header names \(quoted(name)) twice")
            }
            if name == "__metadata__" {
                metadata = try parser.metadata()
            } else {
                guard entries.count < SafetensorsHeader.tensorLimit else {
                    throw CheckpointError(
                        parser.path,
                        "the header lists more than \(SafetensorsHeader.tensorLimit) tensors, which no model here has"
                    )
                }
                entries.append(try parser.entry(name))
            }
        }
        skipSpace()
        guard position == bytes.count else {
            throw unexpected("nothing but spaces after the closing '}'")
        }
        return (entries, metadata ?? [:])
    }

    private mutating func metadata() throws(CheckpointError) -> [String: String] {
        var result: [String: String] = [:]
        try object { (parser, key) throws(CheckpointError) in
            guard try result.updateValue(parser.string(), forKey: key) == nil else {
                throw CheckpointError(parser.path, "the header's __metadata__ names \(quoted(key)) twice")
            }
        }
        return result
    }

    private mutating func entry(_ name: String) throws(CheckpointError) -> Entry {
        var type: StoredType?
        var shape: [Int]?
        var offsets: [Int]?
        try object { (parser, key) throws(CheckpointError) in
            let isNew: Bool
            switch key {
            case "dtype":
                isNew = type == nil
                let typeName = try parser.string()
                guard let known = StoredType(rawValue: typeName) else {
                    throw CheckpointError(
                        parser.path,
                        "the tensor \(quoted(name)) has the unknown type \(quoted(typeName)); expected one like F32"
                    )
                }
                type = known
            case "shape":
                isNew = shape == nil
                shape = try parser.integers(of: name, limit: SafetensorsHeader.rankLimit)
            case "data_offsets":
                isNew = offsets == nil
                offsets = try parser.integers(of: name, limit: 2)
            default:
                throw CheckpointError(
                    parser.path,
                    "the tensor \(quoted(name)) has the key \(quoted(key)); expected only dtype, shape and data_offsets"
                )
            }
            guard isNew else {
                throw CheckpointError(parser.path, "the tensor \(quoted(name)) has the key \(quoted(key)) twice")
            }
        }
        guard let type, let shape, let offsets, offsets.count == 2 else {
            throw CheckpointError(
                path,
                "the tensor \(quoted(name)) lacks one of dtype, shape and data_offsets with two numbers"
            )
        }
        return Entry(name: name, type: type, shape: shape, start: offsets[0], end: offsets[1])
    }

    // MARK: JSON

    /// Reads `{"key": …, …}` and has `member` read each value.
    private mutating func object(
        _ member: (inout Self, String) throws(CheckpointError) -> Void
    ) throws(CheckpointError) {
        try expect("{")
        if skip("}") { return }
        repeat {
            let key = try string()
            try expect(":")
            try member(&self, key)
        } while skip(",")
        try expect("}")
    }

    private mutating func integers(of name: String, limit: Int) throws(CheckpointError) -> [Int] {
        try expect("[")
        var result: [Int] = []
        if skip("]") { return result }
        repeat {
            guard result.count < limit else {
                throw CheckpointError(path, "the tensor \(quoted(name)) has a list of more than \(limit) numbers")
            }
            result.append(try integer())
        } while skip(",")
        try expect("]")
        return result
    }

    /// A number without sign, fraction, exponent or leading zeros that fits an `Int`.
    private mutating func integer() throws(CheckpointError) -> Int {
        skipSpace()
        let start = position
        while position < bytes.count, UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[position] { position += 1 }
        let digits = bytes[start..<position]
        guard digits.count == 1 || digits.first != UInt8(ascii: "0"),
            let value = Int(String(decoding: digits, as: UTF8.self))
        else {
            position = start
            throw unexpected("a whole number below 2^63")
        }
        return value
    }

    private mutating func string() throws(CheckpointError) -> String {
        try expect("\"")
        var text: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                text.append(contentsOf: String(try escape()).utf8)
            case 0..<0x20:
                position -= 1
                throw unexpected("no control character in a string")
            default:
                text.append(byte)
            }
        }
        throw unexpected("the end of a string")
    }

    /// What follows a backslash.
    private mutating func escape() throws(CheckpointError) -> Unicode.Scalar {
        guard position < bytes.count else { throw unexpected("an escape") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let first = try hexadecimal()
            if let scalar = Unicode.Scalar(first) { return scalar }
            // Half of a pair: the other half must follow.
            if first < 0xDC00, skipExactly("\\u") {
                let second = try hexadecimal()
                if 0xDC00...0xDFFF ~= second,
                    let scalar = Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
                {
                    return scalar
                }
            }
            throw unexpected("both halves of a surrogate pair")
        default:
            position -= 1
            throw unexpected("one of \"\\/bfnrtu after a backslash")
        }
    }

    private mutating func hexadecimal() throws(CheckpointError) -> UInt32 {
        let digits = bytes[position...].prefix(4)
        guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else {
            throw unexpected("four hexadecimal digits")
        }
        position += 4
        return value
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }

    /// Skips spaces and then `character`, if it is next.
    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard position < bytes.count, UInt32(bytes[position]) == character.value else { return false }
        position += 1
        return true
    }

    private mutating func skipExactly(_ text: String) -> Bool {
        guard bytes[position...].starts(with: text.utf8) else { return false }
        position += text.utf8.count
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(CheckpointError) {
        guard skip(character) else { throw unexpected("'\(character)'") }
    }

    private func unexpected(_ expected: String) -> CheckpointError {
        let found =
            position < bytes.count
            ? String(decoding: bytes[position...].prefix(12), as: UTF8.self).debugDescription : "its end"
        return CheckpointError(path, "the header has \(found) at byte \(position); expected \(expected)")
    }
}
