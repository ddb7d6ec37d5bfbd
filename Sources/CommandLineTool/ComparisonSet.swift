import Foundation

/// Pictures and texts to compare, kept in a small file.
///
///     {"title": "Animals", "pictures": ["lion.jpg", "cat.png"], "texts": ["a lion", "a cat"]}
///
/// Paths of pictures begin at the folder of the file.
struct ComparisonSet: Decodable {
    var title = ""
    var pictures: [String] = []
    var texts: [String] = []

    init() {}

    /// Reads a set.
    ///
    /// - Throws: ``CommandError`` where the file cannot be read or is not such a set.
    init(contentsOf path: String) throws(CommandError) {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandError("\(path) cannot be read; expected a set of pictures and texts.")
        }
        do { self = try JSONDecoder().decode(Self.self, from: data) } catch {
            throw CommandError(
                "\(path) is no set: expected a JSON object such as {\"title\": \"Animals\", \"pictures\": "
                    + "[\"lion.jpg\"], \"texts\": [\"a lion\"]}."
            )
        }
        let folder = (path as NSString).deletingLastPathComponent
        pictures = pictures.map { $0.hasPrefix("/") || folder.isEmpty ? $0 : "\(folder)/\($0)" }
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        title = try values.decodeIfPresent(String.self, forKey: .title) ?? ""
        pictures = try values.decodeIfPresent([String].self, forKey: .pictures) ?? []
        texts = try values.decodeIfPresent([String].self, forKey: .texts) ?? []
    }

    private enum CodingKeys: CodingKey {
        case title, pictures, texts
    }
}
