import Crypto
import Foundation

/// The pictures of the Debian package `gcompris-qt-data` whose file names are words.
///
/// They lie in Qt resource files; only folders where names are captions are read (`rules`).
struct GCompris {
    static let package = "gcompris-qt-data"
    private static let folder = "usr/share/gcompris-qt/rcc"
    private static let prefix = "/gcompris/"
    let root: String

    func candidates(cleaner: CaptionCleaner, scratch: String, drop: (Drop) -> Void) throws(DataError) -> [Candidate] {
        let licences = try DebianCopyright(path: "\(root)/usr/share/doc/\(Self.package)/copyright")
        var result: [Candidate] = []
        for archive in try filePaths(under: "\(root)/\(Self.folder)", extensions: ["rcc"]) {
            let resource = try QtResource(path: "\(root)/\(Self.folder)/\(archive)")
            for name in resource.names where name.hasPrefix(Self.prefix) {
                let path = String(name.dropFirst(Self.prefix.count))
                let kind = (path as NSString).pathExtension
                guard ["svg", "png", "webp", "jpg"].contains(kind), let rule = Self.rule(for: path) else { continue }
                let stem = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
                let named =
                    Self.names[stem] ?? rule.fixed ?? (rule.isName ? cleaner.words(stem).joined(separator: " ") : nil)
                guard let caption = named ?? cleaner.caption(stem), !caption.isEmpty else {
                    drop(Drop(file: path, reason: .caption))
                    continue
                }
                // The copyright file lists pictures by the format they had in the source, often another than here.
                let unpacked = (path as NSString).deletingPathExtension
                let sources = [path] + ["png", "jpg", "jpeg", "svg"].map { "\(unpacked).\($0)" }
                guard let licence = licences.licence(ofAny: sources) else {
                    drop(Drop(file: path, reason: .licence))
                    continue
                }
                let bytes = try resource.contents(of: name)
                let content: Candidate.Content
                if kind == "svg" {
                    // Rendered from a file: the name is ours, never the one inside the archive.
                    let file = "\(scratch)/\(String(SHA256.number(name), radix: 16)).svg"
                    do { try Data(bytes).write(to: URL(fileURLWithPath: file)) } catch {
                        throw .unwritable(path: file, reason: error.localizedDescription)
                    }
                    content = .svg(path: file)
                } else {
                    content = .bytes(bytes)
                }
                result.append(
                    Candidate(
                        content: content,
                        record: PictureRecord(
                            captions: ["en": [caption]],
                            source: Self.package,
                            licence: licence,
                            family: rule.family,
                            concept: "",
                            medium: rule.medium ?? (kind == "svg" ? .drawing : .photograph),
                            file: "\(Self.folder)/\(archive)#\(path)"
                        )
                    )
                )
            }
        }
        return result
    }

    /// How the pictures of one folder are named.
    private struct Rule {
        let pattern: String
        /// Whether the file names are trusted as they are, such as those of monuments and animals.
        var isName = false
        /// One caption for all of them.
        var fixed: String?
        var family = ""
        var medium: Medium?
    }

    private static func rule(for path: String) -> Rule? { rules.first { matches(path, pattern: $0.pattern) } }

    private static let activities = "src/activities/"
    private static let rules = [
        Rule(pattern: activities + "lang/resource/words_sample/*", isName: true, medium: .drawing),
        Rule(pattern: activities + "babymatch/resource/images/*", isName: true),
        Rule(pattern: activities + "babyshapes/resource/food/*", isName: true),
        Rule(pattern: activities + "memory/resource/??_*", isName: true),
        Rule(pattern: activities + "erase/resource/*.webp", isName: true),
        Rule(pattern: activities + "instruments/resource/*.svg", isName: true),
        Rule(pattern: activities + "explore_farm_animals/resource/animals/*", isName: true),
        Rule(pattern: activities + "explore_world_animals/resource/animals/*.webp", isName: true),
        Rule(pattern: activities + "explore_monuments/resource/*/*.webp", isName: true),
        Rule(pattern: activities + "categorization/resource/images/fishes/*", fixed: "fish", family: "fish photograph"),
        Rule(pattern: activities + "categorization/resource/images/monuments/*", isName: true),
        Rule(pattern: activities + "categorization/resource/images/others/*", isName: true),
        Rule(pattern: activities + "categorization/resource/images/tools/*", isName: true),
        Rule(pattern: activities + "categorization/resource/images/renewable/solar*", fixed: "solar panels"),
        Rule(pattern: activities + "categorization/resource/images/renewable/*"),
        Rule(pattern: activities + "colors/resource/*_duck.svg"),
        Rule(
            pattern: activities + "advanced_colors/resource/*_butterfly.svg",
            isName: true,
            family: "coloured butterfly"
        ),
        Rule(pattern: activities + "chess/resource/??.svg", family: "chess piece"),
        Rule(pattern: activities + "solar_system/resource/*.webp", medium: .drawing),
        Rule(pattern: activities + "family/resource/*.svg"),
        Rule(pattern: activities + "chronos/resource/images/*.svg"),
        Rule(pattern: activities + "clickgame/resource/f??.webp", fixed: "fish", family: "fish photograph"),
        Rule(pattern: activities + "traffic/resource/car*.svg", fixed: "car seen from above"),
        Rule(pattern: activities + "traffic/resource/truck*.svg", fixed: "truck seen from above"),
        Rule(pattern: activities + "railroad/resource/loco*.svg", fixed: "locomotive"),
        Rule(pattern: activities + "railroad/resource/wagon*.svg", fixed: "railway wagon"),
        Rule(pattern: activities + "reversecount/resource/flower*.svg", fixed: "flower"),
        Rule(pattern: activities + "mining/resource/gold_*.svg"),
        Rule(pattern: activities + "share/resource/images/*.svg"),
        Rule(pattern: activities + "enumerate/resource/*.svg", isName: true),
        Rule(pattern: activities + "algorithm/resource/*.svg", isName: true),
    ]

    /// File names that are codes, or words that need others around them.
    private static let names = [
        "red": "can of red paint", "green": "can of green paint", "blue": "can of blue paint",
        "yellow": "can of yellow paint",
        "pink": "can of pink paint", "brown": "can of brown paint", "black": "can of black paint",
        "gray": "can of grey paint",
        "white": "can of white paint", "mauve": "can of purple paint", "color": "cans of paint", "zero": "number zero",
        "one": "number one", "two": "number two", "three": "number three", "four": "number four", "five": "number five",
        "six": "number six", "seven": "number seven", "eight": "number eight", "nine": "number nine",
        "ten": "number ten",
        "eleven": "number eleven", "twelve": "number twelve", "gatewayofIndia": "gateway of india",
        "greatWallofChina": "great wall of china", "statueofLiberty": "statue of liberty", "question": "question mark",
        "background": "", "farm-animals": "farm animals", "IndiaGate": "india gate", "bubbles": "soap bubbles",
        "imageid-bg": "", "11_redbird": "red bird", "19_bluebaby": "baby", "20_greenbaby": "baby",
        "desert_scene": "desert",
        "question_mark": "question mark", "error": "", "minivan": "minivan", "monument1": "monument",
        "burj": "burj khalifa",
        "bb": "black chess bishop", "bk": "black chess king", "bn": "black chess knight", "bp": "black chess pawn",
        "bq": "black chess queen", "br": "black chess rook", "wb": "white chess bishop", "wk": "white chess king",
        "wn": "white chess knight", "wp": "white chess pawn", "wq": "white chess queen", "wr": "white chess rook",
        "earth": "planet earth", "mars": "planet mars", "jupiter": "planet jupiter", "saturn": "planet saturn",
        "venus": "planet venus", "mercury": "planet mercury", "neptune": "planet neptune", "uranus": "planet uranus",
        "fusee": "rocket", "raquette": "tennis racket", "tuxhelico": "penguin in a helicopter",
        "tuxplane": "penguin in an airplane", "rape": "grater", "postpoint": "letterbox",
        "mongolfiere": "hot air balloon",
        "oldMan1": "old man", "oldMan2": "old man", "oldWoman1": "old woman", "oldWoman2": "old woman",
        "babyBoy": "baby boy", "babyGirl": "baby girl", "flute_traversiere": "flute", "screwDriver": "screwdriver",
        "screwDriver1": "screwdriver", "screwDriver2": "screwdriver", "screwDriver3": "screwdriver",
        "marmelade": "jar of jam", "bluebaby": "baby", "15_bluebirds": "blue birds", "windflag5": "windsock",
    ]
}
