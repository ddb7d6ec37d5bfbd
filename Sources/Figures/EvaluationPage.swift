/// Measurements as a page: shaded tables with a sentence before each.
///
/// The page is one file that loads nothing and runs nothing.
public struct EvaluationPage: Sendable {
    /// A table of the page.
    public struct Section: Sendable {
        /// What stands over it.
        public let title: String
        /// What it means, in a sentence or two.
        public let note: String
        /// The numbers.
        public let table: ShadedTable

        /// Makes a section.
        ///
        /// - Parameters:
        ///   - title: What stands over it.
        ///   - note: What it means, in a sentence or two.
        ///   - table: The numbers.
        public init(title: String, note: String, table: ShadedTable) {
            self.title = title
            self.note = note
            self.table = table
        }
    }

    /// The heading.
    public let title: String
    /// What was measured on what, in a line.
    public let subtitle: String
    /// The tables.
    public let sections: [Section]
    /// The language of all that.
    public let language: FigureLanguage

    /// Makes a page.
    ///
    /// - Parameters:
    ///   - title: The heading.
    ///   - subtitle: What was measured on what, in a line.
    ///   - sections: The tables.
    ///   - language: The language of all that.
    public init(title: String, subtitle: String, sections: [Section], language: FigureLanguage = .english) {
        self.title = title
        self.subtitle = subtitle
        self.sections = sections
        self.language = language
    }

    /// The page as one HTML file.
    public var html: String {
        let body = sections.map { section in
            """
            <section>
            <h2>\(Markup.escaped(section.title))</h2>
            <p>\(Markup.escaped(section.note))</p>
            <div class="scroll" tabindex="0" role="region" aria-label="\(Markup.escaped(section.title))">
            \(section.table.html(caption: section.title, corner: ""))</div>
            </section>

            """
        }
        return Markup.page(
            title: title,
            language: language.rawValue,
            isDense: true,
            body: "<p class=\"facts\">\(Markup.escaped(subtitle))</p>\n\(body.joined())"
        )
    }
}
