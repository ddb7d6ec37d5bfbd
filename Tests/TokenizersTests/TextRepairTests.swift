import TestSupport
import Testing

@testable import LienzoTokenizers

@Suite("Damaged text is repaired as ftfy repairs it", .tags(.parity))
struct TextRepairTests {
    private func repaired(_ text: String, effort: Int = 1_000_000) -> String {
        String(String.UnicodeScalarView(TextRepair.repaired(Array(text.unicodeScalars), effort: effort)))
    }

    @Test(
        "Each kind of damage is undone",
        arguments: [
            ("schÃ¶n", "schön"),
            ("ÐŸÑ€Ð¸Ð²ÐµÑ‚", "Привет"),
            ("â€œquotedâ€\u{9D}", "\"quoted\""),
            ("lost â€œbyteâ€\u{FFFD}", "lost \"byte\u{FFFD}"),
            ("voilÃ le travail", "voilà le travail"),
            ("Ã quele tempo", "àquele tempo"),
            ("plain, then schÃ¶n 中", "plain, then schön 中"),
            ("\u{93}windows\u{94}", "\"windows\""),
            ("í\u{A0}½í¸\u{80}", "😀"),
            ("P&EACUTE;REZ &amp;lt; &notit", "PÉREZ < &notit"),
            ("<b>&eacute;</b>", "<b>&eacute;</b>"),
            ("&eacute;\n<\n&eacute;", "é\n<\n&eacute;"),
            ("\u{1B}[1;31mred\u{1B}[m", "red"),
            ("ﬂuﬃeﬆ Ǆ ŉ", "fluffiest DŽ 'n"),
            ("ＬＯＵＤ　ｶﾞ", "LOUD ガ"),
            ("don’t “quote”", "don't \"quote\""),
            ("a\r\nb\rc\u{2028}d", "a\nb\nc\nd"),
            ("\u{FEFF}a\u{0}b\u{206A}c", "abc"),
            ("e\u{301}", "é"),
            ("", ""),
            ("¡Hola! ¿Qué tal? — “así”", "¡Hola! ¿Qué tal? — \"así\""),
        ]
    )
    func repairs(text: String, expected: String) {
        #expect(repaired(text).unicodeScalars.elementsEqual(expected.unicodeScalars), "\(repaired(text))")
    }

    @Test("Repair goes on for as many rounds as it takes, if the text is short, and ends in any case")
    func rounds() {
        let nested = "é&" + String(repeating: "amp;", count: 300)
        #expect(repaired(nested) == "é&")
        #expect(repaired(nested, effort: 1202 * 100) == "é&" + String(repeating: "amp;", count: 200))
    }

    @Test(
        "References of HTML are read as browsers read them",
        arguments: [
            ("&notit; &notin;", "¬it; ∉"), ("&copy2024", "©2024"), ("&#x41;&#65&#X61", "AAa"), ("&#128;&#x80", "€€"),
            ("&#0;&#xD800;&#99999999999999999999;", "\u{FFFD}\u{FFFD}\u{FFFD}"), ("&#1;&#xFFFE;&#xB;", ""),
            ("&;&#;&#x;& &unknown;", "&;&#;&#x;& &unknown;"), ("&amp;amp;", "&amp;"), ("&nvlt;", "<\u{20D2}"),
            ("&\u{212A};&gt\u{301}", "&\u{212A};>\u{301}"),
        ]
    )
    func entities(text: String, expected: String) {
        let unescaped = HTMLEntities.unescaped(Array(text.unicodeScalars))
        #expect(unescaped == Array(expected.unicodeScalars))
    }

    @Test(
        "Letters and marks are composed, and those that are younger than the tables left alone",
        arguments: [
            ("q\u{307}\u{323}", "q\u{323}\u{307}"), ("\u{212B}\u{2126}", "\u{C5}\u{3A9}"),
            ("\u{958}", "\u{915}\u{93C}"),
            ("\u{1100}\u{1161}\u{11A8}\u{11A8}", "\u{AC01}\u{11A8}"), ("\u{1113}\u{1161}", "\u{1113}\u{1161}"),
            ("\u{F87}\u{F81}", "\u{F71}\u{F80}\u{F87}"), ("\u{105D2}\u{307}", "\u{105D2}\u{307}"),
            ("\u{301}a", "\u{301}a"),
            ("a\u{10EFD}\u{323}", "a\u{10EFD}\u{323}"), ("a\u{304}\u{328}", "\u{105}\u{304}"),
            ("a\u{301}\u{301}", "\u{E1}\u{301}"),
        ]
    )
    func composition(text: String, expected: String) {
        #expect(Composition.composed(Array(text.unicodeScalars), unicode: 14) == Array(expected.unicodeScalars))
    }
}
