import Foundation
import FoundationXML

/// What an SVG file says of itself: the Dublin Core metadata in RDF, and whether it draws anything but text.
///
/// Source: SVG 1.1 section 21, Dublin Core, the Creative Commons metadata of 2004.
struct ClipartMetadata: Sendable, Equatable {
    var title = ""
    var description = ""
    var keywords: [String] = []
    /// The address of the licence, empty where the file names none.
    var licence = ""
    /// Whether the file has a shape or an embedded bitmap, not only text.
    var drawsShapes = false

    /// Reads what is there; a file that is not well-formed gives what stands before the error.
    init(svg: [UInt8]) {
        let reader = MetadataReader()
        let parser = XMLParser(data: Data(svg))
        parser.shouldResolveExternalEntities = false
        parser.delegate = reader
        _ = parser.parse()
        self = reader.metadata
    }

    fileprivate init() {}
}

private final class MetadataReader: NSObject, XMLParserDelegate {
    var metadata = ClipartMetadata()
    private var path: [String] = []
    private var text = ""
    private static let shapes: Set = [
        "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "image", "use",
    ]

    func parser(
        _ parser: XMLParser,
        didStartElement element: String,
        namespaceURI: String?,
        qualifiedName: String?,
        attributes: [String: String] = [:]
    ) {
        let name = local(element)
        if Self.shapes.contains(name), !path.contains("metadata") { metadata.drawsShapes = true }
        if name == "license", path.last == "Work", let licence = attributes["rdf:resource"] {
            metadata.licence = licence
        }
        path.append(name)
        text = ""
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) {
        if text.utf8.count < 4096 { text += string }
    }

    func parser(_ parser: XMLParser, didEndElement element: String, namespaceURI: String?, qualifiedName: String?) {
        path.removeLast()
        let value = text.trimmingCharacters(in: .whitespacesAndNewlines)
        switch (path.last, local(element)) {
        case ("Work", "title"): metadata.title = value
        case ("Work", "description"): metadata.description = value
        case ("Bag", "li") where path.contains("subject"): metadata.keywords.append(value)
        default: break
        }
        text = ""
    }

    private func local(_ name: String) -> String { String(name.split(separator: ":").last ?? "") }
}
