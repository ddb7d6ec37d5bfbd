/// Canonical composition (NFC) as a given version of Unicode has it.
///
/// The standard library is not asked, because in Swift 6.3 it composes letters of old Hangul that do not compose and
/// leaves some marks of Tibetan out of order.
///
/// Source: The Unicode Standard, sections 3.11 and 3.12; Unicode Standard Annex 15.
struct Composition {
    /// `text` with accents and letters composed, as an implementation with the tables of Unicode `version` does it.
    ///
    /// A character that is younger than that composes with nothing and orders nothing; the older ones are composed the
    /// same by every version up to 14.
    static func composed(_ text: [Unicode.Scalar], unicode version: Int) -> [Unicode.Scalar] {
        // Nothing below U+0300 combines or is changed.
        guard text.contains(where: { $0.value >= 0x300 }) else { return text }
        var composition = Composition(capacity: text.count)
        for scalar in text {
            if scalar.value < 0x300 || scalar.isAssigned(inUnicode: version) {
                composition.append(scalar)
            } else {
                composition.appendUnknown(scalar)
            }
        }
        composition.composeMarks()
        return composition.result
    }

    private let data = CanonicalData.shared
    private var result: [Unicode.Scalar] = []
    /// Where the last character stands in `result` with which another may compose.
    private var starter: Int?
    /// The marks after it, in the order of the text.
    private var marks: [(scalar: Unicode.Scalar, order: UInt8)] = []

    private init(capacity: Int) {
        result.reserveCapacity(capacity)
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
        for part in data.decomposed(scalar) {
            let order = data.combiningClasses[part]
            if order != 0 {
                marks.append((part, order))
                continue
            }
            composeMarks()
            if let starter, starter == result.count - 1, let composite = data.composite(result[starter], part) {
                result[starter] = composite
            } else {
                starter = result.count
                result.append(part)
            }
        }
    }

    private mutating func appendUnknown(_ scalar: Unicode.Scalar) {
        composeMarks()
        result.append(scalar)
        starter = nil
    }

    /// Orders the marks and composes each with the starter before them, unless one of the same class that did not
    /// compose stands between.
    private mutating func composeMarks() {
        if zip(marks, marks.dropFirst()).contains(where: { $0.order > $1.order }) {
            // Marks of one class keep their order.
            let ordered = marks.enumerated().sorted { ($0.element.order, $0.offset) < ($1.element.order, $1.offset) }
            marks = ordered.map(\.element)
        }
        var lastOrder: UInt8 = 0
        for mark in marks {
            if let starter, lastOrder < mark.order, let composite = data.composite(result[starter], mark.scalar) {
                result[starter] = composite
            } else {
                result.append(mark.scalar)
                lastOrder = mark.order
            }
        }
        marks.removeAll(keepingCapacity: true)
    }
}

/// Decompositions, compositions and combining classes in a form to look them up.
private struct CanonicalData: Sendable {
    static let shared = CanonicalData()

    /// The class of each mark; 0 for what is none.
    let combiningClasses: ScalarTable<UInt8>
    private let decompositions: [Unicode.Scalar: [Unicode.Scalar]]
    private let composites: [UInt64: Unicode.Scalar]

    private init() {
        var classes = ScalarTable<UInt8>(repeating: 0)
        var order: UInt8 = 0
        for entry in CanonicalTables.combiningClasses.split(separator: " ") {
            if entry.hasSuffix(":") {
                order = UInt8(entry.dropLast(), radix: 16) ?? 0
            } else {
                for scalar in HexadecimalList.scalars(String(entry)) { classes[scalar] = order }
            }
        }
        var steps: [Unicode.Scalar: [Unicode.Scalar]] = [:]
        for (name, parts) in HexadecimalList.pairs(CanonicalTables.decompositions) {
            if let scalar = UInt32(name, radix: 16).flatMap(Unicode.Scalar.init) { steps[scalar] = parts }
        }
        let excluded = Set(HexadecimalList.scalars(CanonicalTables.compositionExclusions))
        var composites: [UInt64: Unicode.Scalar] = [:]
        for (scalar, parts) in steps where parts.count == 2 && !excluded.contains(scalar) {
            composites[Self.key(parts[0], parts[1])] = scalar
        }
        func whole(_ parts: [Unicode.Scalar]) -> [Unicode.Scalar] {
            parts.flatMap { part in steps[part].map(whole) ?? [part] }
        }
        combiningClasses = classes
        decompositions = steps.mapValues(whole)
        self.composites = composites
    }

    /// The characters that a character decomposes to in as many steps as it takes.
    func decomposed(_ scalar: Unicode.Scalar) -> [Unicode.Scalar] {
        if Hangul.syllables ~= scalar.value { return Hangul.decomposed(scalar.value) }
        return decompositions[scalar] ?? [scalar]
    }

    /// What two characters compose to, or `nil`.
    func composite(_ first: Unicode.Scalar, _ second: Unicode.Scalar) -> Unicode.Scalar? {
        Hangul.composite(first.value, second.value) ?? composites[Self.key(first, second)]
    }

    private static func key(_ first: Unicode.Scalar, _ second: Unicode.Scalar) -> UInt64 {
        UInt64(first.value) << 32 | UInt64(second.value)
    }
}

/// The syllables of Hangul, which lie in the order of their letters: 19 leading ones, 21 vowels, 27 trailing ones or none.
private enum Hangul {
    static let syllables: ClosedRange<UInt32> = 0xAC00...0xD7A3

    static func decomposed(_ syllable: UInt32) -> [Unicode.Scalar] {
        let index = syllable - 0xAC00
        let letters = [0x1100 + index / (21 * 28), 0x1161 + index % (21 * 28) / 28]
        let trailing = index % 28
        return (letters + (trailing == 0 ? [] : [0x11A7 + trailing])).compactMap(Unicode.Scalar.init)
    }

    static func composite(_ first: UInt32, _ second: UInt32) -> Unicode.Scalar? {
        if 0x1100...0x1112 ~= first, 0x1161...0x1175 ~= second {
            return Unicode.Scalar(0xAC00 + ((first - 0x1100) * 21 + second - 0x1161) * 28)
        }
        if syllables ~= first, (first - 0xAC00) % 28 == 0, 0x11A8...0x11C2 ~= second {
            return Unicode.Scalar(first + second - 0x11A7)
        }
        return nil
    }
}
