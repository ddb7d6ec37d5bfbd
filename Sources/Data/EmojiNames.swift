import Foundation
import FoundationXML

/// The names and keywords that CLDR gives to characters and emoji sequences in one language.
///
/// Source: UTS #35 part 2, annotations; files `annotations/xx.xml` and `annotationsDerived/xx.xml`.
struct EmojiNames: Sendable {
    /// Sequence (without variation selectors) → its short name.
    private(set) var names: [String: String] = [:]
    /// Sequence → its keywords.
    private(set) var keywords: [String: [String]] = [:]

    /// Reads the annotations of one language from the `common` folder of CLDR.
    init(folder: String, language: String) throws(DataError) {
        for kind in ["annotations", "annotationsDerived"] {
            let path = "\(folder)/\(kind)/\(language).xml"
            let text = AnnotationText()
            let parser = XMLParser(data: Data(try readFile(path, limit: 1 << 24)))
            parser.delegate = text
            guard parser.parse() else {
                throw .malformed(path: path, what: "expected CLDR annotations in XML, found other text")
            }
            names.merge(text.names) { first, _ in first }
            keywords.merge(text.keywords) { first, _ in first }
        }
    }
}

private final class AnnotationText: NSObject, XMLParserDelegate {
    var names: [String: String] = [:]
    var keywords: [String: [String]] = [:]
    private var sequence: String?
    private var spoken = false
    private var text = ""

    func parser(
        _ parser: XMLParser,
        didStartElement element: String,
        namespaceURI: String?,
        qualifiedName: String?,
        attributes: [String: String] = [:]
    ) {
        guard element == "annotation" else { return }
        sequence = attributes["cp"]
        spoken = attributes["type"] == "tts"
        text = ""
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) {
        if sequence != nil { text += string }
    }

    func parser(_ parser: XMLParser, didEndElement element: String, namespaceURI: String?, qualifiedName: String?) {
        guard let sequence else { return }
        if spoken {
            names[sequence] = text
        } else {
            keywords[sequence] = text.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        }
        self.sequence = nil
    }
}
