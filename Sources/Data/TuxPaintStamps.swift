import Foundation

/// The stamps of the Debian package `tuxpaint-stamps-default`: photographs and drawings, one sentence each in many
/// languages.
struct TuxPaintStamps {
    static let package = "tuxpaint-stamps-default"
    private static let folder = "usr/share/tuxpaint/stamps"
    let root: String
    /// Every picture file that is not a mirrored copy, with the text beside it.
    private let files: [(path: String, text: String)]
    private let mirrored: [String]

    init(root: String) throws(DataError) {
        self.root = root
        var files: [(path: String, text: String)] = []
        var mirrored: [String] = []
        for path in try filePaths(under: "\(root)/\(Self.folder)", extensions: ["png", "svg"]) {
            let stem = (path as NSString).deletingPathExtension
            if ["_mirror", "_flip"].contains(where: stem.contains) {
                mirrored.append(path)
            } else {
                files.append((path, (try? readText("\(root)/\(Self.folder)/\(stem).txt", limit: 1 << 20)) ?? ""))
            }
        }
        (self.files, self.mirrored) = (files, mirrored)
    }

    /// The names of the stamps in English and Spanish, for dictionaries.
    var names: [(english: String, spanish: String)] {
        files.compactMap { file in
            let captions = stampCaptions(file.text)
            return captions["en"].flatMap { en in captions["es"].map { (en, $0) } }
        }
    }

    func candidates(cleaner: CaptionCleaner, drop: (Drop) -> Void) throws(DataError) -> [Candidate] {
        let licences = try DebianCopyright(path: "\(root)/usr/share/doc/\(Self.package)/copyright")
        mirrored.forEach { drop(Drop(file: $0, reason: .mirrored)) }
        var result: [Candidate] = []
        for (path, text) in files {
            let stem = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
            var captions = stampCaptions(text)
            if captions["en"] == nil { captions = cleaner.caption(stem).map { ["en": $0] } ?? [:] }
            guard !captions.isEmpty else {
                drop(Drop(file: path, reason: .caption))
                continue
            }
            guard let licence = licences.licence(of: path) else {
                drop(Drop(file: path, reason: .licence))
                continue
            }
            // Drawings stand in folders named cartoon or come as SVG; what looks like a photograph is decided later.
            let isDrawn = path.hasSuffix(".svg") || path.contains("/cartoon/") || path.hasPrefix("symbols/")
            let full = "\(root)/\(Self.folder)/\(path)"
            result.append(
                Candidate(
                    content: path.hasSuffix(".svg") ? .svg(path: full) : .bitmap(path: full),
                    record: PictureRecord(
                        captions: captions.mapValues { [$0] },
                        source: Self.package,
                        licence: licence,
                        family: family(path),
                        concept: "",
                        medium: isDrawn ? .drawing : .photograph,
                        file: "\(Self.folder)/\(path)"
                    )
                )
            )
        }
        return result
    }

    private func family(_ path: String) -> String {
        for (part, family) in [
            ("alphabets/", "letter"), ("symbols/money", "money"), ("symbols/math", "number"),
            ("symbols/", "stamp symbol"), ("roadsigns", "road sign"), ("flags/", "flag"), ("dreydl", "dreidel"),
        ] where path.contains(part) {
            return family
        }
        return ""
    }
}

/// What a stamp's text file calls it: its first line in English, and the line `es.utf8=…` in Spanish.
///
/// Both are nil where the English is no name but a saying, such as "Eat your broccoli!".
func stampCaptions(_ text: String) -> [String: String] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: true)
    guard let first = lines.first,
        let english = name(
            in: first,
            verbs: ["is", "are", "was", "means", "lets", "stands", "who", "that", "can", "has"]
        )
    else { return [:] }
    var words = english.split(separator: " ").map(String.init)
    if let article = words.first, ["a", "an", "the", "some", "another", "our"].contains(article) {
        words.removeFirst()
    }
    guard (1...6).contains(words.count), !sayings.contains(words[0]) else { return [:] }
    var captions = ["en": words.joined(separator: " ")]
    if let line = lines.first(where: { $0.hasPrefix("es.utf8=") }),
        let spanish = name(
            in: line.dropFirst("es.utf8=".count),
            verbs: ["es", "son", "era", "significa", "que", "tiene"]
        ),
        spanish.split(separator: " ").count <= 8
    {
        captions["es"] = spanish
    }
    return captions
}

/// First words of sentences that name nothing.
private let sayings: Set<String> = wordSet(
    """
    this it it's eat remember say we with i you do look what from not let's
    """
)

/// The noun phrase that a sentence begins with, in lower case: up to its verb, dash, comma or end.
private func name(in sentence: some StringProtocol, verbs: Set<String>) -> String? {
    let plain = sentence.replacingOccurrences(of: "\\([^)]*\\)|[\"“”«»']", with: "", options: .regularExpression)
    let clause = plain.lowercased().prefix { !".,;:!?—–…¡¿".contains($0) }
    let words = clause.split(separator: " ").prefix { !verbs.contains(String($0)) }
    guard !words.isEmpty, words.joined().contains(where: \.isLetter) else { return nil }
    return words.joined(separator: " ")
}
