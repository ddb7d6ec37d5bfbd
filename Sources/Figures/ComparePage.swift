import Foundation
public import LienzoImages

/// How well pictures fit texts, as one web page that needs nothing but itself.
///
/// The page has thumbnails, a shaded table of probabilities with the cosines beneath, plots of pictures and texts in the
/// space they share, each picture's nearest neighbours, and the gap between the two kinds. It follows the reader's light
/// or dark setting, loads nothing, and runs nothing.
public struct ComparePage: Sendable {
    /// One picture and what the model says of it.
    public struct Picture: Sendable {
        /// What the page calls it, such as its file name.
        public let name: String
        /// The picture; the page holds a small copy.
        public let image: Image
        /// `[texts]`: the cosine of its embedding with each text's, −1…1.
        public let cosine: [Double]
        /// `[texts]`: the softmax over the texts, 0…1.
        public let probability: [Double]
        /// Its embedding, for the plot.
        public let embedding: [Float]

        /// Makes a row.
        ///
        /// - Parameters:
        ///   - name: What the page calls it, such as its file name.
        ///   - image: The picture.
        ///   - cosine: `[texts]`, −1…1.
        ///   - probability: `[texts]`, 0…1.
        ///   - embedding: Its embedding, for the plot.
        public init(name: String, image: Image, cosine: [Double], probability: [Double], embedding: [Float]) {
            self.name = name
            self.image = image
            self.cosine = cosine
            self.probability = probability
            self.embedding = embedding
        }
    }

    /// What stands over the page; empty for a question of its own.
    public let title: String
    /// The language of the page's own words.
    public let language: FigureLanguage
    /// What the model is called.
    public let model: String
    /// The texts, in the order of the pictures' numbers.
    public let texts: [String]
    /// `[texts]`: their embeddings, for the plot.
    public let textEmbeddings: [[Float]]
    /// The pictures.
    public let pictures: [Picture]
    /// What was left out, and why.
    public let skipped: [(name: String, reason: String)]
    /// What the embeddings say; worked out once for all that is drawn.
    let space: SharedSpace

    /// Makes a page.
    ///
    /// - Parameters:
    ///   - title: What stands over the page; empty for a question of its own.
    ///   - language: The language of the page's own words.
    ///   - model: What the model is called.
    ///   - texts: The texts, in the order of the pictures' numbers.
    ///   - textEmbeddings: Their embeddings, for the plot.
    ///   - pictures: The pictures.
    ///   - skipped: What was left out, and why.
    public init(
        title: String = "",
        language: FigureLanguage = .english,
        model: String,
        texts: [String],
        textEmbeddings: [[Float]],
        pictures: [Picture],
        skipped: [(name: String, reason: String)] = []
    ) {
        self.title = title
        self.language = language
        self.model = model
        self.texts = texts
        self.textEmbeddings = textEmbeddings
        self.pictures = pictures
        self.skipped = skipped
        space = SharedSpace(pictures: pictures.map(\.embedding), texts: textEmbeddings)
    }

    /// The page as one HTML file.
    ///
    /// - Returns: HTML with every name escaped and a policy that forbids loading and running anything.
    /// - Throws: `ImageError` when a thumbnail cannot be made.
    public func html() throws(ImageError) -> String {
        let words = language.compare
        let heading = title.isEmpty ? words.title : title
        return Markup.page(
            title: heading,
            language: language.rawValue,
            body: """
                <p class="facts">\(Markup.escaped(subtitle))</p>
                \(section("table", words.probabilities, words.probabilitiesNote, scrolling: try table()))\
                \(section("plot", words.space, words.spaceNote, scrolling: try plots()))\
                \(neighbors())\(gap())\(leftOut())
                """
        )
    }

    // MARK: - Parts

    private var subtitle: String {
        let words = language.compare
        func count(_ number: Int, _ one: String, _ many: String) -> String { "\(number) \(number == 1 ? one : many)" }
        return [
            count(pictures.count, words.picture, words.pictures), count(texts.count, words.text, words.texts),
            "\(words.model) \(model)",
        ].joined(separator: " · ")
    }

    private func section(_ name: String, _ title: String, _ note: String, scrolling content: String) -> String {
        """
        <section aria-labelledby="\(name)-title">
        <h2 id="\(name)-title">\(title)</h2>
        <p>\(note)</p>
        <div class="scroll" tabindex="0" role="region" aria-labelledby="\(name)-title">
        \(content)</div>
        </section>

        """
    }

    private func table() throws(ImageError) -> String {
        let table = ShadedTable(
            rows: pictures.map(\.name),
            columns: texts,
            values: pictures.map(\.probability),
            range: 0...1
        )
        var thumbnails: [String] = []
        for picture in pictures { thumbnails.append(try Markup.dataAddress(try picture.image.thumbnail(144))) }
        return table.html(
            caption: language.compare.tableCaption,
            corner: language.compare.picture.capitalized,
            thumbnails: thumbnails,
            details: pictures.map { $0.cosine.map(Self.cosine) }
        )
    }

    /// The first component against the second, and against the third where there is one.
    private func plots() throws(ImageError) -> String {
        let first = try plot(vertical: 1).svg(width: 940, height: 640, palette: .page)
        guard space.components.explainedVariance[2] > 0 else { return first }
        return first + (try plot(vertical: 2).svg(width: 940, height: 480, palette: .page))
    }

    /// Pictures and texts along the first component and another.
    func plot(vertical: Int) throws(ImageError) -> Scatter {
        var points: [Scatter.Point] = []
        for (index, picture) in pictures.enumerated() {
            let place = space.components.coordinates[index]
            points.append(
                Scatter.Point(
                    label: picture.name,
                    kind: .picture,
                    x: place[0],
                    y: place[vertical],
                    thumbnail: try picture.image.thumbnail(88)
                )
            )
        }
        for (index, text) in texts.enumerated() where index < textEmbeddings.count {
            let place = space.components.coordinates[pictures.count + index]
            points.append(Scatter.Point(label: text, kind: .text, x: place[0], y: place[vertical]))
        }
        let words = language.compare
        let percent = ShadedTable(rows: [], columns: [], values: [])
        let shares = space.components.explainedVariance.map { percent.cell($0) }
        return Scatter(
            points: points,
            xTitle: "\(words.firstComponent) (\(shares[0]) \(words.ofVariance))",
            yTitle: "\(vertical == 1 ? words.secondComponent : words.thirdComponent) (\(shares[vertical]))",
            language: language
        )
    }

    private func neighbors() -> String {
        guard !pictures.isEmpty else { return "" }
        let words = language.compare
        func cell(_ neighbor: SharedSpace.Neighbor?, _ names: [String]) -> String {
            guard let neighbor else { return "<td></td>" }
            return "<td>\(Markup.escaped(names[neighbor.index])) <small>\(Self.cosine(neighbor.cosine))</small></td>"
        }
        let names = pictures.map(\.name)
        let rows = zip(names, space.neighbors).map { name, neighbors in
            "<tr><th scope=\"row\">\(Markup.escaped(name))</th>\(cell(neighbors.text, texts))"
                + "\(cell(neighbors.picture, names))</tr>"
        }
        let head = [words.picture.capitalized, words.nearestText, words.nearestPicture]
            .map { "<th scope=\"col\">\($0)</th>" }.joined()
        return section(
            "neighbors",
            words.neighbors,
            words.neighborsNote,
            scrolling:
                "<table class=\"plain\">\n<thead><tr>\(head)</tr></thead>\n<tbody>\n\(rows.joined(separator: "\n"))\n"
                + "</tbody>\n</table>\n"
        )
    }

    private func gap() -> String {
        guard let gap = space.gap else { return "" }
        let words = language.compare
        let facts: [(String, Double?)] = [
            (words.gapDistance, gap), ("\(words.meanCosine) \(words.amongPictures)", space.meanCosine.pictures),
            ("\(words.meanCosine) \(words.amongTexts)", space.meanCosine.texts),
            ("\(words.meanCosine) \(words.across)", space.meanCosine.across),
        ]
        let rows = facts.compactMap { name, value in
            value.map { "<tr><th scope=\"row\">\(name)</th><td>\(Self.cosine($0))</td></tr>" }
        }
        return section(
            "gap",
            words.gap,
            words.gapNote,
            scrolling: "<table class=\"plain\">\n<tbody>\n\(rows.joined(separator: "\n"))\n</tbody>\n</table>\n"
        )
    }

    private func leftOut() -> String {
        guard !skipped.isEmpty else { return "" }
        let items = skipped.map { "<li><b>\(Markup.escaped($0.name))</b>: \(Markup.escaped($0.reason))</li>" }
        return
            "<section aria-labelledby=\"skipped-title\">\n<h2 id=\"skipped-title\">\(language.compare.leftOut)</h2>\n"
            + "<ul>\n\(items.joined(separator: "\n"))\n</ul>\n</section>\n"
    }

    /// A cosine as the page writes it.
    static func cosine(_ value: Double) -> String {
        ShadedTable(rows: [], columns: [], values: [], format: .decimals(3)).cell(value)
    }
}

extension Image {
    /// The picture over white, shrunk where a side is longer than `side`.
    func thumbnail(_ side: Int) throws(ImageError) -> Image {
        let flat = flattened(over: .white)
        return max(width, height) <= side ? flat : try flat.fitted(into: side)
    }
}
