import Foundation

/// The clip art of the Debian package `openclipart-svg`: RDF titles, keywords, and folders as categories.
struct OpenClipart {
    static let package = "openclipart-svg"
    private static let folder = "usr/share/openclipart/svg"
    private static let fileLimit = 2 << 20

    /// The metadata of every file, by its path relative to the package's picture folder; nil for files too large to be
    /// drawn in reasonable time.
    private let files: [(path: String, metadata: ClipartMetadata?)]
    let root: String

    init(root: String) throws(DataError) {
        self.root = root
        var files: [(path: String, metadata: ClipartMetadata?)] = []
        for path in try filePaths(under: "\(root)/\(Self.folder)", extensions: ["svg"]) {
            let bytes = try? readFile("\(root)/\(Self.folder)/\(path)", limit: Self.fileLimit)
            files.append((path, bytes.map { ClipartMetadata(svg: $0) }))
        }
        self.files = files
    }

    /// English words that at least two files use as keywords.
    var words: Set<String> {
        var counts: [String: Int] = [:]
        for file in files {
            for keyword in Set(file.metadata?.keywords ?? []) { counts[keyword.lowercased(), default: 0] += 1 }
        }
        return Set(counts.filter { $0.value >= 2 && $0.key.allSatisfy(\.isLetter) }.keys)
    }

    func candidates(cleaner: CaptionCleaner, drop: (Drop) -> Void) -> [Candidate] {
        var result: [Candidate] = []
        for (path, metadata) in files {
            guard let metadata else {
                drop(Drop(file: path, reason: .oversize))
                continue
            }
            guard metadata.licence.isEmpty || metadata.licence.lowercased().contains("publicdomain") else {
                drop(Drop(file: path, reason: .licence))
                continue
            }
            guard metadata.drawsShapes else {
                drop(Drop(file: path, reason: .textOnly))
                continue
            }
            let keywords = metadata.keywords.flatMap { $0.split(whereSeparator: { $0 == "," || $0 == ";" }) }
                .compactMap { cleaner.caption(String($0)) }
                .filter { !Self.vague.contains($0) && $0.count > 2 }
            guard let caption = caption(path: path, metadata, cleaner: cleaner, keywords: keywords) else {
                drop(Drop(file: path, reason: .caption))
                continue
            }
            result.append(
                Candidate(
                    content: .svg(path: "\(root)/\(Self.folder)/\(path)"),
                    record: PictureRecord(
                        captions: ["en": [caption]],
                        keywords: keywords.isEmpty ? [:] : ["en": unique(keywords.filter { $0 != caption })],
                        source: Self.package,
                        licence: "public-domain",
                        family: family(path: path, caption: caption),
                        concept: "",
                        medium: path.contains("/icons/") ? .icon : .clipart,
                        file: "\(Self.folder)/\(path)"
                    )
                )
            )
        }
        return result
    }

    /// The caption of one file: its own title, or for the titles of whole collections the file name.
    private func caption(
        path: String,
        _ metadata: ClipartMetadata,
        cleaner: CaptionCleaner,
        keywords: [String]
    ) -> String? {
        let title = metadata.title.lowercased()
        let stem = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
        let isCollection = title.isEmpty || Self.collections.contains { title.contains($0) }
        var caption = isCollection ? cleaner.caption(stem) : cleaner.caption(metadata.title)
        if caption == nil, path.contains("/icons/") { return nil }
        let isFlag = path.contains("/flags/") || metadata.keywords.contains("united_nations_member")
        if isFlag, !path.contains("semaphore"), !path.contains("signalflag") {
            let place = caption ?? cleaner.words(isCollection ? stem : metadata.title).joined(separator: " ")
            return place.isEmpty ? nil : place.contains("flag") ? place : "flag of \(place)"
        }
        if path.contains("/cards/") { caption = playingCard(stem) }
        if path.contains("/stars/") { return "geometric star" }
        if path.contains("gradient"), let words = caption {
            return words.replacing("gradient ", with: "") + " gradient"
        }
        if let phrase = caption, isCollection || phrase.split(separator: " ").count == 1 {
            if path.contains("roadsigns") || title.contains("road sign") { return phrase + " road sign" }
            if title.contains("aiga") { return phrase + " sign" }
            if title.contains("map symbols") { return phrase + " map symbol" }
        }
        return caption ?? keywords.first { !$0.contains(" ") }
    }

    private func playingCard(_ stem: String) -> String? {
        let suits = ["c": "clubs", "d": "diamonds", "h": "hearts", "s": "spades"]
        let ranks = [
            "a": "ace", "k": "king", "q": "queen", "j": "jack", "2": "two", "3": "three", "4": "four", "5": "five",
            "6": "six", "7": "seven", "8": "eight", "9": "nine", "10": "ten",
        ]
        let parts = stem.split(separator: "_").map(String.init)
        guard parts.count == 3, let suit = suits[parts[1]], let rank = ranks[parts[2]] else { return "playing card" }
        return "\(rank) of \(suit) playing card"
    }

    private func family(path: String, caption: String) -> String {
        for (part, family) in Self.families where path.contains(part) { return family }
        for (word, family) in [("flag", "flag"), ("arrow", "arrow"), ("button", "button"), ("star", "star")]
        where caption.split(separator: " ").contains(Substring(word)) {
            return family
        }
        return ""
    }

    private static let families = [
        ("/flags/", "flag"), ("/stars/", "geometric star"), ("/cards/", "playing card"), ("gradients/", "gradient"),
        ("patterns/", "pattern"), ("/jigsaw/", "jigsaw"), ("/led/", "led"), ("/flowchart/", "flowchart"),
        ("/callouts/", "callout"), ("/smilies/", "smiley"), ("/stickmen/", "stick man"), ("/semaphore/", "semaphore"),
        ("/map_symbols/", "map symbol"), ("aiga-symbols", "map symbol"), ("roadsigns", "road sign"),
        ("/etiquette-theme/", "icon etiquette"), ("/flat-theme/action", "icon flat action"),
        ("/flat-theme/", "icon flat"), ("/lemon-theme/", "icon lemon"), ("/icons/", "icon"), ("geography/", "map"),
        ("/arrows/", "arrow"), ("/buttons/", "button"),
    ]
    private static let collections = [
        "flat icon collection", "lemon svg theme", "etiquette icons", "aiga_symbol_signs", "gradient collection",
        "various cliparts", "svg road signs", "clipart by", "iconset", "gold-theme", "sibmission", "australian maps",
        "advertising", "map symbols", "homes clipart", "icon-theme", "balloons-aj", "road signs", "sallite",
        "architetto francesco", "menu clip art",
    ]
    private static let vague: Set<String> = wordSet(
        """
        animal food people person shape sign computer office unsorted tool special theme action application mime \
        external contrib etc sub part transport transportation mammal protein sports sport equipment musicstuff \
        entertainment europe africa asia america black white weapon place communication hardware education holiday \
        festive religion filesystem device desktop recreation vehicle toy symbol country city geography states menu \
        dessert carbohydrate science nature work appicon mimeicon navigation interface webpage clothing beverage \
        party industry unix collection misc other art design cartoon object thing stuff household architecture \
        roadsign musicsym networksym christianity study rights old alcohol decoration commercial activity activities \
        logos logo human history wedding romance vacation electronic electronics productivity information productive \
        travel roadtravel landmark
        """
    )
}

/// The elements in their order, each once.
func unique(_ values: [String]) -> [String] {
    var seen: Set<String> = []
    return values.filter { seen.insert($0).inserted }
}
