import Foundation

/// Turns titles and file names into captions: lower case, words only, no numbers, names of collections or file junk.
struct CaptionCleaner: Sendable {
    /// English words that captions may be made of.
    let vocabulary: Set<String>
    /// Words of other languages → English, for titles that are not English.
    let translations: [String: String]

    /// The words of a raw title or file name.
    func words(_ raw: String) -> [String] {
        var text = raw.precomposedStringWithCanonicalMapping
        for (pattern, replacement) in Self.rewrites {
            text = text.replacingOccurrences(of: pattern, with: replacement, options: .regularExpression)
        }
        let found = text.lowercased().split { !$0.isLetter && $0 != "'" && $0 != "’" }.map {
            String($0).trimmingCharacters(in: CharacterSet(charactersIn: "'’"))
        }
        return found.filter { $0.count > 1 && !Self.junk.contains($0) || $0 == "a" }
    }

    /// The caption that a raw title gives, or nil where it is a number, gibberish or too long.
    ///
    /// At least half of the words and the head must be known English words; otherwise the whole title, or its only word
    /// with a meaning, must have a translation. "(B and W)" and "_bw" become "in black and white" at the end.
    func caption(_ raw: String) -> String? {
        let coloured = raw.replacingOccurrences(of: Self.blackAndWhite, with: " ", options: .regularExpression)
        guard let caption = phrase(coloured) else { return nil }
        return coloured == raw ? caption : caption + " in black and white"
    }

    private func phrase(_ raw: String) -> String? {
        var words = words(raw)
        while let first = words.first, Self.articles.contains(first) { words.removeFirst() }
        while let last = words.last, Self.fillers.contains(last) { words.removeLast() }
        guard (1...10).contains(words.count) else { return nil }
        if let name = foreignNames[words.joined(separator: " ")] { return name }
        // "folder yellow" and "trumpet stylized" are how files are named, not how people speak.
        let isOrange = words == ["orange"]
        guard let noun = words.lastIndex(where: { isOrange || !Self.adjectives.contains($0) }) else { return nil }
        words = Array(words[(noun + 1)...] + words[...noun])
        let known = words.count { isKnown($0) }
        if 2 * known >= words.count, isKnown(conceptHead(of: words)) { return words.joined(separator: " ") }
        if let translated = translations[words.joined(separator: " ")] { return translated }
        let content = words.filter { !Self.fillers.contains($0) }
        if content.count == 1, let word = content.first.flatMap({ translations[$0] }) { return word }
        return nil
    }

    /// Whether `word` or the word it is inflected from is English.
    func isKnown(_ word: String) -> Bool {
        if vocabulary.contains(word) { return true }
        for ending in ["s", "es", "ed", "d", "ing", "er", "y", "'s"]
        where word.hasSuffix(ending) && word.count > ending.count + 2 {
            let stem = String(word.dropLast(ending.count))
            if vocabulary.contains(stem) || vocabulary.contains(stem + "e") { return true }
        }
        return false
    }

    private static let blackAndWhite = "(?i)\\(b and w\\)|[_ ]bwh?\\b|\\bb *[&n] *w\\b"
    private static let rewrites: [(String, String)] = [
        ("(?i)HASH\\(0x[0-9a-f]+\\)|\\b0x[0-9a-f]+\\b", " "),
        ("\\S+@\\S+|https?:\\S+|www\\.\\S+", " "),
        ("(?i)^clip ?art by [^-]+-", " "),
        (" +- +(RPG map elements|body part|clothing)$", " "),
        ("\\([^)]*\\)", " "),
        ("([a-z])([A-Z])", "$1 $2"),
        ("[_/.-]+", " "),
        ("(?i)\\b([a-z]{3,})[0-9]+[a-z]?\\b", "$1"),
        ("\\b\\w*[0-9]\\w*\\b", " "),
    ]
    private static let junk: Set<String> = wordSet(
        """
        svg png jpg webp clipart openclipart untitled unsorted copy final version ver test new example submission \
        sibmission inkscape sodipodi xcf hash misc various architetto francesco rollandin nicu buculei benji ganson \
        remix illustration desc icon icons logo symbol vector image picture aiga mapsym weathersym architectural \
        nuvola etiquette publicdomain pd hz www com sourceforge
        """
    )
    private static let adjectives: Set<String> = wordSet(
        """
        simple stylized empty full open closed big small large generic rounded round triangular rectangular square \
        red green blue yellow orange black white grey gray pink purple violet cyan brown lit locked old modern \
        broken vertical horizontal
        """
    )
    private static let articles: Set<String> = ["a", "an", "the", "some", "this", "my", "is", "of"]
    private static let fillers: Set<String> = wordSet(
        """
        a an the of in on at with and or for to by from di de la con il le per
        """
    )
}

/// Where a noun phrase ends and what qualifies it begins.
private let cuts: Set<String> = wordSet(
    """
    of with in on and or for at to by from over under without near who left right seen against that inside into \
    behind as showing wearing holding up down
    """
)

/// The head noun of a caption's words, in the singular: "candied apples on sticks" → "apple".
func conceptHead(of words: [String]) -> String {
    var phrase: [String] = []
    for (i, word) in words.enumerated() {
        if cuts.contains(word), !phrase.isEmpty { break }
        if i > 0, word.count > 5, word.hasSuffix("ing"), i + 1 < words.count, !phrase.isEmpty,
            phrase.last?.hasSuffix("ly") != true,
            !nounsInIng.contains(word)
        {
            break
        }
        phrase.append(word)
    }
    return singular(phrase.last ?? words.last ?? "")
}

private let nounsInIng: Set<String> = wordSet(
    """
    building painting drawing ceiling railing earring spring string lightning dumpling duckling clothing pudding \
    parking wedding traffic smoking fishing sewing knitting
    """
)

/// The singular of an English noun, by its ending.
func singular(_ word: String) -> String {
    if let known = irregular[word] { return known }
    if word.count > 4, word.hasSuffix("ies") { return word.dropLast(3) + "y" }
    for ending in ["ches", "shes", "sses", "xes", "oes"] where word.hasSuffix(ending) && word.count > 5 {
        return String(word.dropLast(2))
    }
    let plural =
        word.count > 3 && word.hasSuffix("s") && !["ss", "us", "is", "'s", "as"].contains { word.hasSuffix($0) }
    return plural ? String(word.dropLast()) : word
}

private let irregular = [
    "people": "person", "men": "man", "women": "woman", "children": "child", "mice": "mouse", "feet": "foot",
    "teeth": "tooth", "geese": "goose", "leaves": "leaf", "knives": "knife", "wolves": "wolf", "shoes": "shoe",
    "glasses": "glasses", "scissors": "scissors", "loaves": "loaf", "calves": "calf", "gas": "gas", "lens": "lens",
    "cookies": "cookie", "movies": "movie", "pies": "pie", "ties": "tie", "bike": "bicycle", "bikes": "bicycle",
    "automobile": "car", "kitty": "cat", "series": "series", "species": "species", "pants": "pants",
    "jeans": "jeans", "shorts": "shorts", "trousers": "trousers", "oxen": "ox", "sheaves": "sheaf",
]
