import LienzoData

/// How often an epoch of the prior and of the decoder shows a picture.
///
/// A small model that trains for an hour cannot learn all pictures of a data set equally well, so it sees more of what
/// people ask for and what can be drawn in few pixels, and less of the many that differ little.
enum Showings {
    /// Groups of pictures that are alike, or that are signs rather than things.
    private static let seldom: Set<String> = [
        "arrow", "button", "emoji family", "emoji person", "fish photograph", "flag", "geometric star", "icon",
        "icon etiquette", "icon flat", "icon flat action", "led", "letter", "map", "map symbol", "money", "number",
        "pattern", "playing card", "road sign", "stamp symbol", "stick man",
    ]
    /// Concepts with at least this many pictures are what people ask for.
    private static let common = 10

    /// - Returns: a number for each record, from 1 to 5.
    static func ofEach(_ records: [PictureRecord]) -> [Int] {
        let pictures = records.reduce(into: [:]) { $0[$1.concept, default: 0] += 1 }
        return records.map { record in
            if seldom.contains(record.family) || record.family.hasPrefix("theme icon") { return 1 }
            let isCommon = pictures[record.concept, default: 0] >= common
            switch record.medium {
            case .emoji: return isCommon ? 5 : 4
            case .clipart, .drawing, .icon, .painting: return isCommon ? 3 : 2
            case .photograph: return 1
            }
        }
    }
}
