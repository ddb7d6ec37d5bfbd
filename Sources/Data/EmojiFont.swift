import Foundation

/// The pictures of a colour-bitmap emoji font: which sequence of characters shows which PNG.
///
/// Reads the tables `cmap` (formats 4 and 12), `GSUB` (ligatures, also behind extension lookups) and `CBLC`/`CBDT`
/// (index formats 1 to 5, image formats 17 to 19) and nothing else: no outlines, no shaping.
///
/// Source: OpenType 1.9, chapters cmap, GSUB, CBLC, CBDT.
struct EmojiFont: Sendable {
    private let font: ByteReader
    private let glyphs: [UInt32: Int]
    private let ligatures: [[Int]: Int]
    private let bitmaps: [Int: Range<Int>]

    /// Reads the font at `path`.
    init(path: String) throws(DataError) {
        try self.init(bytes: readFile(path), path: path)
    }

    init(bytes: [UInt8], path: String) throws(DataError) {
        font = ByteReader(bytes: bytes, path: path)
        var tables: [String: Int] = [:]
        for i in 0..<(try font.u16(4)) {
            let record = 12 + 16 * i
            tables[String(decoding: try font.slice(record, count: 4), as: UTF8.self)] = try font.u32(record + 8)
        }
        func table(_ name: String) throws(DataError) -> Int {
            guard let offset = tables[name] else {
                throw .malformed(
                    path: path,
                    what: "expected a colour-bitmap font with the table \(name), found \(tables.keys.sorted())"
                )
            }
            return offset
        }
        glyphs = try readCharacterMap(font, at: try table("cmap"))
        bitmaps = try readBitmapIndex(font, locations: try table("CBLC"), data: try table("CBDT"))
        let selector = glyphs[0xFE0F]
        var ligatures: [[Int]: Int] = [:]
        if let substitutions = tables["GSUB"] {
            try readLigatures(font, at: substitutions) { components, glyph in
                let visible = components.filter { $0 != selector }
                if ligatures[visible] == nil { ligatures[visible] = glyph }
            }
        }
        self.ligatures = ligatures
    }

    /// The number of glyphs that have a picture.
    var count: Int { bitmaps.count }

    /// The PNG file that shows the whole of `sequence`, or nil where the font has no single picture for it.
    ///
    /// Variation selectors are ignored, in the sequence as in the font, as CLDR leaves them out of its names too.
    func png(for sequence: String) throws(DataError) -> [UInt8]? {
        var ids: [Int] = []
        for scalar in sequence.unicodeScalars where scalar.value != 0xFE0F {
            guard let glyph = glyphs[scalar.value] else { return nil }
            ids.append(glyph)
        }
        let glyph = ids.count == 1 ? ids.first : ligatures[ids]
        guard let glyph, let range = bitmaps[glyph] else { return nil }
        return Array(try font.slice(range.lowerBound, count: range.count))
    }
}

/// Character → glyph, from the widest Unicode subtable.
private func readCharacterMap(_ font: ByteReader, at cmap: Int) throws(DataError) -> [UInt32: Int] {
    var map: [UInt32: Int] = [:]
    for i in 0..<(try font.u16(cmap + 2)) {
        let subtable = cmap + (try font.u32(cmap + 4 + 8 * i + 4))
        switch try font.u16(subtable) {
        case 4:
            let segments = try font.u16(subtable + 6) / 2
            for s in 0..<segments {
                let last = try font.u16(subtable + 14 + 2 * s)
                let first = try font.u16(subtable + 16 + 2 * (segments + s))
                let delta = try font.u16(subtable + 16 + 2 * (2 * segments + s))
                let rangeAt = subtable + 16 + 2 * (3 * segments + s)
                let range = try font.u16(rangeAt)
                guard first <= last else { continue }
                for code in first...last where code != 0xFFFF {
                    var glyph = code
                    if range != 0 {
                        glyph = try font.u16(rangeAt + range + 2 * (code - first))
                        if glyph == 0 { continue }
                    }
                    map[UInt32(code)] = (glyph + delta) & 0xFFFF
                }
            }
        case 12:
            for group in 0..<min(try font.u32(subtable + 12), 100_000) {
                let at = subtable + 16 + 12 * group
                let (first, last, glyph) = (try font.u32(at), try font.u32(at + 4), try font.u32(at + 8))
                guard first <= last, last <= 0x10FFFF else {
                    throw .malformed(path: font.path, what: "expected character codes up to 10FFFF, found \(last)")
                }
                for code in first...last { map[UInt32(code)] = glyph + code - first }
            }
        default: continue
        }
    }
    return map
}

/// Every ligature of the table `GSUB`: component glyphs → one glyph.
private func readLigatures(
    _ font: ByteReader,
    at gsub: Int,
    found: ([Int], Int) -> Void
) throws(DataError) {
    let lookups = gsub + (try font.u16(gsub + 8))
    for l in 0..<(try font.u16(lookups)) {
        let lookup = lookups + (try font.u16(lookups + 2 + 2 * l))
        for s in 0..<(try font.u16(lookup + 4)) {
            var kind = try font.u16(lookup)
            var subtable = lookup + (try font.u16(lookup + 6 + 2 * s))
            if kind == 7 {
                kind = try font.u16(subtable + 2)
                subtable += try font.u32(subtable + 4)
            }
            guard kind == 4 else { continue }
            let firsts = try readCoverage(font, at: subtable + (try font.u16(subtable + 2)))
            for set in 0..<min(try font.u16(subtable + 4), firsts.count) {
                let ligatureSet = subtable + (try font.u16(subtable + 6 + 2 * set))
                for i in 0..<(try font.u16(ligatureSet)) {
                    let ligature = ligatureSet + (try font.u16(ligatureSet + 2 + 2 * i))
                    var components = [firsts[set]]
                    for c in 1..<max(1, try font.u16(ligature + 2)) {
                        components.append(try font.u16(ligature + 4 + 2 * (c - 1)))
                    }
                    found(components, try font.u16(ligature))
                }
            }
        }
    }
}

private func readCoverage(_ font: ByteReader, at coverage: Int) throws(DataError) -> [Int] {
    var glyphs: [Int] = []
    let count = try font.u16(coverage + 2)
    if try font.u16(coverage) == 1 {
        for i in 0..<count { glyphs.append(try font.u16(coverage + 4 + 2 * i)) }
    } else {
        for i in 0..<count {
            let (first, last) = (try font.u16(coverage + 4 + 6 * i), try font.u16(coverage + 6 + 6 * i))
            if first <= last { glyphs.append(contentsOf: first...last) }
        }
    }
    return glyphs
}

/// Glyph → where its PNG lies in the file, from the first (only) bitmap size that has it.
private func readBitmapIndex(
    _ font: ByteReader,
    locations: Int,
    data: Int
) throws(DataError) -> [Int: Range<Int>] {
    var bitmaps: [Int: Range<Int>] = [:]

    func add(_ glyph: Int, format: Int, at offset: Int) throws(DataError) {
        let metrics = [17: 5, 18: 8, 19: 0]
        guard bitmaps[glyph] == nil, let skip = metrics[format] else { return }
        let start = data + offset + skip + 4
        let count = try font.u32(start - 4)
        if count > 0 { bitmaps[glyph] = start..<start + (try font.slice(start, count: count)).count }
    }

    for size in 0..<(try font.u32(locations + 4)) {
        let record = locations + 8 + 48 * size
        let array = locations + (try font.u32(record))
        for i in 0..<(try font.u32(record + 8)) {
            let (first, last) = (try font.u16(array + 8 * i), try font.u16(array + 8 * i + 2))
            let index = array + (try font.u32(array + 8 * i + 4))
            let (format, image, base) = (try font.u16(index), try font.u16(index + 2), try font.u32(index + 4))
            guard first <= last else { continue }
            switch format {
            case 1, 3:
                for glyph in first...last {
                    let k = glyph - first
                    let offset = format == 1 ? try font.u32(index + 8 + 4 * k) : try font.u16(index + 8 + 2 * k)
                    let next = format == 1 ? try font.u32(index + 12 + 4 * k) : try font.u16(index + 10 + 2 * k)
                    if next > offset { try add(glyph, format: image, at: base + offset) }
                }
            case 2:
                let bytes = try font.u32(index + 8)
                for glyph in first...last { try add(glyph, format: image, at: base + bytes * (glyph - first)) }
            case 4:
                for k in 0..<(try font.u32(index + 8)) {
                    let glyph = try font.u16(index + 12 + 4 * k)
                    try add(glyph, format: image, at: base + (try font.u16(index + 14 + 4 * k)))
                }
            case 5:
                let bytes = try font.u32(index + 8)
                for k in 0..<(try font.u32(index + 20)) {
                    try add(try font.u16(index + 24 + 2 * k), format: image, at: base + bytes * k)
                }
            default:
                throw .malformed(path: font.path, what: "expected a CBLC index format from 1 to 5, found \(format)")
            }
        }
    }
    return bitmaps
}
