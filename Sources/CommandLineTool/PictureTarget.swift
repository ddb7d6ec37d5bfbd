import Foundation

/// Where `generate` puts its pictures.
struct PictureTarget {
    /// The path without its ending.
    private let stem: String
    /// The ending, as the user wrote it.
    private let suffix: String
    private let namesCarrySeed: Bool

    /// - Parameters:
    ///   - output: the path that the user gave, ending in `.png`; nil for a name made of the prompt.
    ///   - prompt: the words.
    ///   - count: how many pictures will be made; several get their seeds into their names.
    init(output: String?, prompt: String, count: Int) {
        if let output {
            stem = (output as NSString).deletingPathExtension
            suffix = (output as NSString).pathExtension
            namesCarrySeed = count > 1
        } else {
            stem = Self.slug(of: prompt)
            suffix = "png"
            namesCarrySeed = true
        }
    }

    /// The path of the picture with this seed.
    func path(seed: UInt64) -> String {
        namesCarrySeed ? "\(stem)-\(seed).\(suffix)" : "\(stem).\(suffix)"
    }

    /// Words as a file name: lowercase letters and digits of any script, with hyphens between, at most 60 bytes.
    ///
    /// Signs without any word, such as an emoji, are called by their Unicode names.
    static func slug(of prompt: String) -> String {
        func split(_ text: String) -> [Substring] { text.lowercased().split { !$0.isLetter && !$0.isNumber } }
        var words = split(prompt)
        if words.isEmpty {
            let signs = prompt.unicodeScalars.map(\.properties).filter {
                !$0.isWhitespace && !$0.isDefaultIgnorableCodePoint
            }
            words = split(signs.compactMap(\.name).joined(separator: " "))
        }
        var slug = ""
        for word in words {
            let longer = slug.isEmpty ? String(word) : "\(slug)-\(word)"
            guard longer.utf8.count <= 60 else { break }
            slug = longer
        }
        return slug.isEmpty ? "picture" : slug
    }
}
