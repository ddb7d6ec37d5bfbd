import Foundation
import LienzoFigures
import LienzoImages
import Testing

#if canImport(FoundationXML)
import FoundationXML
#endif

@Suite("The page that compares pictures and texts")
struct ComparePageTests {
    private func page(names: [String], texts: [String]) throws -> String {
        let image = try Image(width: 300, height: 200, filledWith: Color(red: 200, green: 40, blue: 40))
        let pictures = names.enumerated().map { index, name in
            ComparePage.Picture(
                name: name,
                image: image,
                cosine: texts.indices.map { Double($0 == index ? 0.3 : 0.1) },
                probability: texts.indices.map { Double($0 == index ? 0.9 : 0.05) },
                embedding: (0..<8).map { Float($0 == index ? 1 : 0) }
            )
        }
        let embeddings = texts.indices.map { text in (0..<8).map { Float($0 == text ? 0.7 : 0.2) } }
        return try ComparePage(
            model: "mini & <co>",
            texts: texts,
            textEmbeddings: embeddings,
            pictures: pictures,
            skipped: [("</ul><script>", "\"quoted\"")]
        ).html()
    }

    @Test("nothing is loaded and nothing runs")
    func selfContained() throws {
        let html = try page(
            names: ["<script>alert(1)</script>.png", "b\" onerror=\"x.png"],
            texts: ["javascript:x", "<iframe>", "''"]
        )
        #expect(html.contains("default-src 'none'"))
        for forbidden in ["<script", "<iframe", "<link", "@import", "url(", "onerror=\"x"] {
            #expect(!html.contains(forbidden), "\(forbidden)")
        }
        // Every address is data, and the only other one is the name of SVG's own namespace.
        for match in html.matches(of: #/(?:src|href)="([^"]{0,12})/#) { #expect(match.1.hasPrefix("data:image/")) }
        #expect(html.matches(of: #/https?:\/\//#).count == 1)
    }

    @Test("it is well formed, with headings, names for pictures, and a language")
    func wellFormed() throws {
        let html = try page(names: ["lion.jpg", "cat.jpg"], texts: ["a lion", "a cat", "a dog"])
        #expect(html.contains("<html lang=\"en\">") && html.contains("alt=\"Picture lion.jpg\""))
        #expect(html.matches(of: #/<th scope="row">/#).count == 2)
        #expect(html.matches(of: #/<img /#).count == 2 && html.matches(of: #/<image /#).count == 2)
        #expect(html.contains("90 %") && html.contains("0.300"))
        // Closed tags but for HTML's empty elements: with these closed too, it is XML.
        let markup = html.replacing("<!DOCTYPE html>\n", with: "")
            .replacing(#/<(meta|img)([^>]*)>/#) { "<\($0.1)\($0.2)/>" }
        #expect(XMLParser(data: Data(markup.utf8)).parse())
    }

    @Test("no picture or one of each still makes a page")
    func small() throws {
        #expect(try page(names: [], texts: []).contains("0 pictures · 0 texts"))
        #expect(try page(names: ["a"], texts: ["b"]).contains("1 picture · 1 text"))
    }
}
