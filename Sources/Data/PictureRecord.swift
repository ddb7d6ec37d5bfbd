/// What a picture is: how it was made, which says how to speak of it.
package enum Medium: String, Codable, Sendable, CaseIterable {
    case photograph, painting, drawing, clipart, emoji, icon
}

/// What is known about one picture of a data set: the `KEY.json` beside `KEY.png` in a shard.
package struct PictureRecord: Codable, Sendable, Equatable {
    /// Captions by language code (`en`, `es`), best first: short phrases in lower case without a leading article.
    package var captions: [String: [String]]
    /// Single words or short phrases that also fit, by language code.
    package var keywords: [String: [String]]
    /// Captions that a program derived (from the picture's colour, or by a dictionary), by language code.
    package var derived: [String: [String]]
    /// The Debian package that the picture comes from.
    package var source: String
    /// The licence as the package's copyright file names it.
    package var licence: String
    /// The group whose size the builder caps, such as `flag`.
    package var family: String
    /// The head noun of the English caption, in the singular; a concept never stands in two splits.
    package var concept: String
    /// How the picture was made.
    package var medium: Medium
    /// The file inside the package, and after a `#` the part of that file.
    package var file: String

    /// Makes a record of its parts.
    package init(
        captions: [String: [String]],
        keywords: [String: [String]] = [:],
        derived: [String: [String]] = [:],
        source: String = "",
        licence: String = "",
        family: String = "",
        concept: String = "",
        medium: Medium = .drawing,
        file: String = ""
    ) {
        self.captions = captions
        self.keywords = keywords
        self.derived = derived
        self.source = source
        self.licence = licence
        self.family = family
        self.concept = concept
        self.medium = medium
        self.file = file
    }

    /// Reads a record; absent lists are empty, so that shards of other makers need only `captions`.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        captions = try values.decode([String: [String]].self, forKey: .captions)
        keywords = try values.decodeIfPresent([String: [String]].self, forKey: .keywords) ?? [:]
        derived = try values.decodeIfPresent([String: [String]].self, forKey: .derived) ?? [:]
        source = try values.decodeIfPresent(String.self, forKey: .source) ?? ""
        licence = try values.decodeIfPresent(String.self, forKey: .licence) ?? ""
        family = try values.decodeIfPresent(String.self, forKey: .family) ?? ""
        concept = try values.decodeIfPresent(String.self, forKey: .concept) ?? ""
        medium = try values.decodeIfPresent(Medium.self, forKey: .medium) ?? .drawing
        file = try values.decodeIfPresent(String.self, forKey: .file) ?? ""
    }
}
