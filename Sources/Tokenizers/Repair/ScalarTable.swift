/// A value for each Unicode scalar, most of which have the same one; looking it up takes two array accesses.
struct ScalarTable<Value: Sendable>: Sendable {
    /// For each block of 256 scalars where its values begin, in blocks.
    private var blocks: [UInt16]
    /// The values by block; block 0 is the one that all others share until they differ.
    private var values: [Value]

    /// A table in which every scalar has `value`.
    init(repeating value: Value) {
        blocks = Array(repeating: 0, count: 0x1100)
        values = Array(repeating: value, count: 256)
    }

    subscript(_ scalar: Unicode.Scalar) -> Value {
        get { values[Int(blocks[Int(scalar.value >> 8)]) << 8 | Int(scalar.value & 0xFF)] }
        set {
            let block = Int(scalar.value >> 8)
            if blocks[block] == 0 {
                blocks[block] = UInt16(values.count >> 8)
                values += values[..<256]
            }
            values[Int(blocks[block]) << 8 | Int(scalar.value & 0xFF)] = newValue
        }
    }
}

/// Reads the lists of hexadecimal numbers that `Tools/reference/tokenizers_tables.py` writes.
enum HexadecimalList {
    /// The scalars of a list of numbers and ranges, "A0 AD 2013-2015", in its order.
    static func scalars(_ list: String) -> [Unicode.Scalar] {
        list.split(separator: " ").flatMap { entry in
            let ends = entry.split(separator: "-").compactMap { UInt32($0, radix: 16) }
            guard let first = ends.first, let last = ends.last, first <= last else { return [Unicode.Scalar]() }
            return (first...last).compactMap(Unicode.Scalar.init)
        }
    }

    /// The entries of a list of names and scalars, "amp=26 nvlt=3C+20D2".
    static func pairs(_ list: String) -> [(name: Substring, scalars: [Unicode.Scalar])] {
        list.split(separator: " ").compactMap { entry in
            let parts = entry.split(separator: "=")
            guard parts.count == 2 else { return nil }
            let scalars = parts[1].split(separator: "+")
            return (parts[0], scalars.compactMap { UInt32($0, radix: 16).flatMap(Unicode.Scalar.init) })
        }
    }
}
