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
        try comparePage(names: names, texts: texts).html()
    }

    private func comparePage(
        names: [String],
        texts: [String],
        title: String = "",
        language: FigureLanguage = .english
    ) throws -> ComparePage {
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
        return ComparePage(
            title: title,
            language: language,
            model: "mini & <co>",
            texts: texts,
            textEmbeddings: embeddings,
            pictures: pictures,
            skipped: [("</ul><script>", "\"quoted\"")]
        )
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
        for match in html.matches(of: #/https?:\/\/[^"]*/#) { #expect(match.0 == "http://www.w3.org/2000/svg") }
    }

    @Test("it is well formed, with headings, names for pictures, and a language")
    func wellFormed() throws {
        let html = try page(names: ["lion.jpg", "cat.jpg"], texts: ["a lion", "a cat", "a dog"])
        #expect(html.contains("<html lang=\"en\">") && html.contains("alt=\"Picture lion.jpg\""))
        // Two pictures in the table of probabilities and in that of neighbours, and four facts of the gap.
        #expect(html.matches(of: #/<th scope="row">/#).count == 8)
        // Both plots show them.
        #expect(html.matches(of: #/<img /#).count == 2 && html.matches(of: #/<image /#).count == 4)
        #expect(html.contains("90 %") && html.contains("0.300"))
        // Closed tags but for HTML's empty elements: with these closed too, it is XML.
        let markup = html.replacing("<!DOCTYPE html>\n", with: "")
            .replacing(#/<(meta|img)([^>]*)>/#) { "<\($0.1)\($0.2)/>" }
        #expect(XMLParser(data: Data(markup.utf8)).parse())
    }

    @Test("a page in Spanish has a title of its own and no English word")
    func spanish() throws {
        let page = try comparePage(
            names: ["león.jpg", "gato.jpg"],
            texts: ["un león"],
            title: "<Fieras>",
            language: .spanish
        )
        let html = try page.html()
        #expect(html.contains("<html lang=\"es\">") && html.contains("<h1>&lt;Fieras&gt;</h1>"))
        #expect(html.contains("2 imágenes · 1 texto · modelo mini") && html.contains("Vecinos más cercanos"))
        for word in ["picture", "nearest", "shared", "Left out", "variance"] {
            #expect(!html.contains(word), "\(word)")
        }
    }

    @Test("the drawing is well formed and holds the table, the plot and the pictures")
    func drawing() throws {
        let svg = try comparePage(names: ["<lion>.jpg", "cat.jpg"], texts: ["a lion & more", "a cat", "a dog"]).svg()
        #expect(XMLParser(data: Data(svg.utf8)).parse())
        #expect(svg.matches(of: #/<image /#).count == 4 && svg.contains("&lt;lion&gt;.jpg"))
        #expect(svg.contains("90 %") && svg.contains("0.300"))
        let image = try Image(data: Data(svg.utf8))
        #expect(image.width == 860 && image.height > 560)
        #expect(try XMLParser(data: Data(comparePage(names: [], texts: []).svg().utf8)).parse())
    }

    @Test("no picture or one of each still makes a page")
    func small() throws {
        #expect(try page(names: [], texts: []).contains("0 pictures · 0 texts"))
        #expect(try page(names: ["a"], texts: ["b"]).contains("1 picture · 1 text"))
    }
}
