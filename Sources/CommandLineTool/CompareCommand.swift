import ArgumentParser
import Foundation
import LienzoFigures
import LienzoFiles
import LienzoImages
import LienzoPipelines

/// `lienzo compare`: which text fits which picture.
struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Show how well each picture fits each text.",
        discussion: """
            Each picture and each text becomes one vector in a shared space; a cell shows how probable a text is for a \
            picture among the texts given: the softmax of their cosines times the model's logit scale. A picture that \
            cannot be read is told and left out, and the exit code is then 1.
            """
    )

    @Argument(help: "The pictures.", completion: .file())
    var images: [String] = []

    @Option(name: .customLong("text"), help: "A text; give as many as you like, each with --text.")
    var texts: [String] = []

    @Option(
        name: .customLong("set"),
        help: "A JSON file with \"pictures\", \"texts\" and perhaps a \"title\"; the others are added to them.",
        completion: .file()
    )
    var setFile: String?

    @OptionGroup var model: ModelOptions

    @Option(
        help: "Also write a page with thumbnails, the table, maps of the shared space and more.",
        completion: .file()
    )
    var html: String?

    @Option(help: "Also write the table and a map of the shared space as a drawing.", completion: .file())
    var svg: String?

    @Option(help: "The same as a picture.", completion: .file())
    var png: String?

    @Option(help: "Also write the numbers, a line for each picture and text.", completion: .file())
    var csv: String?

    @OptionGroup var language: LanguageOption

    @OptionGroup var output: OutputOptions

    mutating func validate() throws {
        guard setFile != nil || !images.isEmpty else {
            throw ValidationError("There is no picture; name some, or a --set of them.")
        }
        try OutputFile.requireEnding(html, .html, option: "--html")
        try OutputFile.requireEnding(svg, .svg, option: "--svg")
        try OutputFile.requireEnding(png, .png, option: "--png")
        try OutputFile.requireEnding(csv, .csv, option: "--csv")
        guard setFile != nil || !texts.isEmpty else {
            throw ValidationError("There is no --text; say what the pictures may show.")
        }
        guard texts.allSatisfy({ text in text.contains { !$0.isWhitespace } }) else {
            throw ValidationError("A --text is empty; say what the pictures may show.")
        }
    }

    mutating func run() async throws {
        let set = try setFile.map { (file) throws(CommandError) in try ComparisonSet(contentsOf: file) }
        let images = (set?.pictures ?? []) + images
        let texts = (set?.texts ?? []) + texts
        guard !images.isEmpty, !texts.isEmpty else {
            throw CommandError("The set has no \(images.isEmpty ? "pictures" : "texts"); expected some of both.")
        }
        try OutputFile.requireWritable(html, svg, png, csv, apartFrom: images + [setFile].compactMap(\.self))
        let pipeline = try CLIPPipeline(modelDirectory: try model.path())
        // The texts, and with them the weights, are read while the pictures are decoded.
        async let textEmbeddings = pipeline.embed(texts: texts)
        let reader = PictureReader(pipeline: pipeline, thumbnails: html != nil || svg != nil || png != nil)
        let (pictures, skipped) = try await reader.read(images)
        if images.count == 1, let only = skipped.first { throw CommandError(only.reason) }
        for picture in skipped { Console.note("lienzo: \(picture.reason)") }
        guard !pictures.isEmpty else {
            _ = try? await textEmbeddings
            throw CommandError("None of the pictures can be read.")
        }

        let embeddings = try await pipeline.embed(pictures.map(\.prepared))
        let table = try await pipeline.compare(embeddings, textEmbeddings)
        for text in try await pipeline.overlong(texts) {
            let start = Console.printable(String(text.prefix(40)))
            Console.note("lienzo: the text \"\(start)…\" is longer than the model reads; its end is left out.")
        }
        if let csv {
            try AtomicFile.write(Self.csv(pictures.map(\.path), texts, table).utf8, to: csv)
        }
        if html != nil || svg != nil || png != nil {
            let page = ComparePage(
                title: set?.title ?? "",
                language: language.language,
                model: pipeline.name,
                texts: texts,
                textEmbeddings: try await textEmbeddings,
                pictures: pictures.indices.compactMap { row in
                    pictures[row].thumbnail.map { thumbnail in
                        ComparePage.Picture(
                            name: pictures[row].path,
                            image: thumbnail,
                            cosine: table.cosine[row].map(Double.init),
                            probability: table.probability[row].map(Double.init),
                            embedding: embeddings[row]
                        )
                    }
                },
                skipped: skipped.map { ($0.path, $0.reason) }
            )
            if let html { try AtomicFile.write(try page.html().utf8, to: html) }
            if svg != nil || png != nil {
                let drawing = try page.svg()
                if let svg { try AtomicFile.write(drawing.utf8, to: svg) }
                if let png { try Image(data: Data(drawing.utf8)).write(to: png) }
            }
        }
        if output.json {
            try Console.json(
                Report(
                    model: pipeline.name,
                    texts: texts,
                    images: pictures.indices.map { row in
                        .init(path: pictures[row].path, cosine: table.cosine[row], probability: table.probability[row])
                    },
                    skipped: skipped
                )
            )
        } else {
            let shaded = ShadedTable(
                rows: pictures.map { ($0.path as NSString).lastPathComponent },
                columns: texts,
                values: table.probability.map { $0.map(Double.init) }
            )
            let text = shaded.text(colors: .forStandardOutput(), width: TerminalColors.columnsOfStandardOutput())
            Console.write(text, to: .standardOutput)
        }
        try CommandError.requireNone(skipped.count, of: images.count)
    }

    /// A line for each picture and text.
    private static func csv(_ pictures: [String], _ texts: [String], _ table: SimilarityTable) -> String {
        var lines = "picture,text,cosine,probability\r\n"
        for (row, picture) in pictures.enumerated() {
            for (column, text) in texts.enumerated() {
                lines += CSV.line([picture, text], [table.cosine[row][column], table.probability[row][column]])
            }
        }
        return lines
    }

    /// What `--json` prints.
    private struct Report: Encodable {
        let model: String
        let texts: [String]
        let images: [Row]
        let skipped: [SkippedPicture]

        struct Row: Encodable {
            let path: String
            let cosine: [Float]
            let probability: [Float]
        }
    }
}
