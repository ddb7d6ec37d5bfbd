import Crypto
import Foundation

/// The pictures of Noto Color Emoji with CLDR's names.
struct NotoEmoji {
    static let package = "fonts-noto-color-emoji"
    private static let file = "usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"
    let root: String
    let names: [String: EmojiNames]

    func candidates(drop: (Drop) -> Void) throws(DataError) -> [Candidate] {
        let font = try EmojiFont(path: "\(root)/\(Self.file)")
        guard let english = names["en"] else { return [] }
        var result: [Candidate] = []
        for sequence in english.names.keys.sorted(by: { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
        ) {
            guard sequence.unicodeScalars.contains(where: { $0.value > 0xFF }) else { continue }
            guard isChosenSkinTone(sequence) else {
                drop(Drop(file: sequence, reason: .skinTone))
                continue
            }
            guard let png = try font.png(for: sequence) else { continue }
            guard
                let record = emojiRecord(
                    sequence,
                    names: names,
                    source: Self.package,
                    licence: "OFL-1.1",
                    file: "\(Self.file)#\(codes(sequence))"
                )
            else {
                drop(Drop(file: sequence, reason: .textOnly))
                continue
            }
            result.append(Candidate(content: .bytes(png), record: record))
        }
        return result
    }
}

/// The vector emoji of EmojiOne 2 (Debian package `ruby-gemojione`), named by code points, with CLDR's names.
struct EmojiOne {
    static let package = "ruby-gemojione"
    private static let gems = "usr/share/rubygems-integration/all/gems"
    let root: String
    let names: [String: EmojiNames]

    func candidates(drop: (Drop) -> Void) throws(DataError) -> [Candidate] {
        let folder = "\(root)/\(Self.gems)"
        // Names in CLDR carry joiners, the file names do not: look up by the visible characters.
        var sequences: [String: String] = [:]
        for sequence in names["en"]?.names.keys.sorted() ?? [] {
            sequences[codes(String(String.UnicodeScalarView(sequence.unicodeScalars.filter { $0.value != 0x200D })))] =
                sequence
        }
        var result: [Candidate] = []
        for path in try filePaths(under: folder, extensions: ["svg"]) where path.contains("gemojione") {
            let stem = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
            let key = stem.uppercased().split(separator: "-").filter { $0 != "200D" && $0 != "FE0F" }.joined(
                separator: "-"
            )
            guard let sequence = sequences[key] else {
                drop(Drop(file: path, reason: .caption))
                continue
            }
            guard isChosenSkinTone(sequence) else {
                drop(Drop(file: path, reason: .skinTone))
                continue
            }
            guard
                let record = emojiRecord(
                    sequence,
                    names: names,
                    source: Self.package,
                    licence: "CC-BY-SA-4.0",
                    file: "\(Self.gems)/\(path)"
                )
            else {
                drop(Drop(file: path, reason: .textOnly))
                continue
            }
            result.append(Candidate(content: .svg(path: "\(folder)/\(path)"), record: record))
        }
        return result
    }
}

private func codes(_ sequence: String) -> String {
    sequence.unicodeScalars.map { String($0.value, radix: 16, uppercase: true) }.joined(separator: "-")
}

/// Whether a sequence has no skin tone, or the one of five that stands for its kind in the data set.
///
/// So every kind of person appears twice, in yellow and in one natural tone, instead of six times.
private func isChosenSkinTone(_ sequence: String) -> Bool {
    let tones = sequence.unicodeScalars.filter { (0x1F3FB...0x1F3FF).contains($0.value) }
    guard let tone = tones.first else { return true }
    let plain = String(
        String.UnicodeScalarView(sequence.unicodeScalars.filter { !(0x1F3FB...0x1F3FF).contains($0.value) })
    )
    return tones.count == 1 && UInt64(tone.value - 0x1F3FB) == SHA256.number(plain) % 5
}

/// The record of an emoji, or nil where it shows nothing but characters.
private func emojiRecord(
    _ sequence: String,
    names: [String: EmojiNames],
    source: String,
    licence: String,
    file: String
) -> PictureRecord? {
    guard let name = names["en"]?.names[sequence] else { return nil }
    guard !name.contains("“"), !name.hasPrefix("keycap"), !name.contains(" button"), !name.hasPrefix("input ") else {
        return nil
    }
    var captions: [String: [String]] = [:]
    var keywords: [String: [String]] = [:]
    for (language, all) in names {
        guard let raw = all.names[sequence] else { continue }
        let caption = spokenName(raw, language: language)
        captions[language] = [caption]
        let others = unique((all.keywords[sequence] ?? []).map { $0.lowercased() }).filter {
            $0 != caption && $0.count > 2
        }
        if !others.isEmpty { keywords[language] = others }
    }
    return PictureRecord(
        captions: captions,
        keywords: keywords,
        source: source,
        licence: licence,
        family: emojiFamily(name, sequence),
        concept: "",
        medium: .emoji,
        file: file
    )
}

/// CLDR's name as a phrase: "flag: Spain" → "flag of spain", "man: red hair" → "man with red hair".
private func spokenName(_ name: String, language: String) -> String {
    let text = name.lowercased()
    guard let colon = text.range(of: ": ") else { return text.replacingOccurrences(of: "⊛ ", with: "") }
    let (head, rest) = (String(text[..<colon.lowerBound]), String(text[colon.upperBound...]))
    let isFlag = head == "flag" || head == "bandera"
    let link = language == "es" ? (isFlag ? "de" : "con") : (isFlag ? "of" : "with")
    return "\(head) \(link) \(rest.replacingOccurrences(of: ": ", with: ", "))"
}

private func emojiFamily(_ name: String, _ sequence: String) -> String {
    if name.hasPrefix("flag: ") { return "flag" }
    if name.hasPrefix("family") { return "emoji family" }
    if name.hasPrefix("kiss") || name.hasPrefix("couple") || name.contains("holding hands") { return "emoji couple" }
    if name.contains("o’clock") || name.contains("-thirty") { return "clock" }
    if name.contains("arrow") { return "arrow" }
    if name.contains("square") || name.contains("circle") || name.contains("diamond") { return "emoji shape" }
    let words = Set(name.split { !$0.isLetter })
    if !words.isDisjoint(with: ["man", "men", "woman", "women", "person", "people"]) { return "emoji person" }
    return ""
}
