import Testing

@testable import LienzoFigures

@Suite("Shaded tables")
struct ShadedTableTests {
    let table = ShadedTable(
        rows: ["lion.jpg", "a very long file name that nobody would choose.png"],
        columns: ["a photo of a lion", "a cat", "un pájaro 🐦", "a bicycle leaning on a wall in the afternoon"],
        values: [[0.97, 0.021, 0.004, 0], [0.25, 0.25, .nan, 0.5]]
    )

    @Test("without colour there is no escape, and the best of each row is marked")
    func plain() {
        let text = table.text(colors: .none, width: 100)
        #expect(!text.contains("\u{1B}"))
        #expect(text.contains("97 %*") && text.contains("50 %*") && text.contains("2.1 %") && text.contains("0 %"))
    }

    @Test("no line is wider than the terminal", arguments: [40, 60, 80, 100, 200])
    func width(_ width: Int) {
        for colors in [TerminalColors.none, .ansi256, .trueColor] {
            for line in table.text(colors: colors, width: width).split(separator: "\n") {
                let visible = String(line).replacing(#/\u{1B}\[[0-9;]*m/#, with: "")
                #expect(visible.columns <= width, "\(visible)")
            }
        }
    }

    @Test("every colour that is switched on is switched off")
    func escapes() {
        let text = table.text(colors: .trueColor, width: 120)
        // Seven cells have a value.
        #expect(text.split(separator: "\u{1B}[48;2;").count == 8)
        #expect(text.split(separator: "\u{1B}[0m", omittingEmptySubsequences: false).count == 8)
    }

    @Test("a name cannot command the terminal or the page")
    func hostileNames() {
        let hostile = ShadedTable(
            rows: ["\u{1B}]0;owned\u{7}.png", "a\nb\u{202E}gnp.exe"],
            columns: ["<script>alert(1)</script>", "\"' onload=x"],
            values: [[0, 1], [1, 0]]
        )
        let text = hostile.text(colors: .none, width: 80)
        #expect(!text.unicodeScalars.contains { ($0.value < 0x20 && $0 != "\n") || $0.value == 0x202E })
        let html = hostile.html(caption: "<b>", corner: "&")
        #expect(!html.contains("<script") && !html.contains("<b>") && html.contains("&lt;script&gt;"))
        #expect(html.contains("&quot;&#39; onload=x") && html.contains("&amp;</th>"))
    }

    @Test("the page's table has headings for rows and columns")
    func headings() {
        let html = table.html(caption: "What is it?", corner: "Picture")
        #expect(html.split(separator: "<th scope=\"col\">").count == 6)
        #expect(html.split(separator: "<th scope=\"row\">").count == 3)
        #expect(html.contains("<caption>What is it?</caption>"))
    }

    @Test(
        "colours follow the terminal and the user's wish",
        arguments: [
            (["TERM": "xterm-256color"], true, TerminalColors.ansi256),
            (["TERM": "xterm", "COLORTERM": "truecolor"], true, .trueColor),
            (["TERM": "xterm", "COLORTERM": "truecolor", "NO_COLOR": "1"], true, .none),
            (["TERM": "xterm", "NO_COLOR": ""], true, .ansi256),
            (["TERM": "xterm-256color"], false, .none),
            (["TERM": "dumb"], true, .none),
            ([:], true, .none),
        ] as [([String: String], Bool, TerminalColors)]
    )
    func colors(_ environment: [String: String], _ isTerminal: Bool, _ expected: TerminalColors) {
        #expect(TerminalColors.detect(environment: environment, isTerminal: isTerminal) == expected)
    }

    @Test("values at and beyond the range are shaded like its ends")
    func shares() {
        let table = ShadedTable(rows: [], columns: [], values: [], range: 0.1...0.3, format: .decimals(2))
        #expect(table.share(0.1) == 0 && table.share(-5) == 0 && table.share(0.3) == 1 && table.share(9) == 1)
        #expect(table.share(.nan) == 0 && table.share(.infinity) == 0)
        #expect(table.cell(0.256) == "0.26" && table.cell(.nan) == "")
        #expect(Viridis.color(.nan) == Viridis.color(0) && Viridis.color(2) == Viridis.color(1))
    }
}
