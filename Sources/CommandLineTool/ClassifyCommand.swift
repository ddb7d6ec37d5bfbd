import ArgumentParser
import Foundation
import LienzoPipelines

/// `lienzo classify`: what a picture shows, among labels.
struct ClassifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "classify",
        abstract: "Say which of some labels fits each picture best, without training (zero-shot).",
        discussion: """
            Each label is put into every template; the mean of the sentences' embeddings stands for the label. The \
            shares are the softmax of the cosines times the model's logit scale. A picture that cannot be \
            read is told and left out, and the exit code is then 1.
            """
    )

    @Argument(help: "The pictures.", completion: .file())
    var images: [String]

    @Option(help: "The labels, separated by commas, or a file with one a line.", completion: .file())
    var labels: String

    @Option(
        name: .customLong("template"),
        help: "A sentence in which {} stands for the label; give as many as you like. (default: a photo of a {})"
    )
    var templates: [String] = []

    @Option(help: "How many labels to show for each picture.")
    var top = 5

    @OptionGroup var model: ModelOptions
    @OptionGroup var output: OutputOptions

    mutating func validate() throws {
        guard top > 0 else { throw ValidationError("--top is \(top); expected at least 1.") }
        for template in templates where !template.contains("{}") {
            throw ValidationError("The template \"\(template)\" has no {} where the label goes.")
        }
    }

    mutating func run() async throws {
        let names = try readLabels()
        let templates = templates.isEmpty ? ["a photo of a {}"] : templates
        let pipeline = try CLIPPipeline(modelDirectory: try model.path())
        async let classes = pipeline.embed(labels: names, templates: templates)
        let (pictures, skipped) = try await PictureReader(pipeline: pipeline, thumbnails: false).read(images)
        if images.count == 1, let only = skipped.first { throw CommandError(only.reason) }
        for picture in skipped { Console.note("lienzo: \(picture.reason)") }
        guard !pictures.isEmpty else {
            _ = try? await classes
            throw CommandError("None of the pictures can be read.")
        }
        let table = try await pipeline.compare(pipeline.embed(pictures.map(\.prepared)), classes)
        let results = pictures.indices.map { row in
            Report.Row(
                path: pictures[row].path,
                top: table.ranking(of: row).prefix(top).map {
                    .init(label: names[$0], cosine: table.cosine[row][$0], probability: table.probability[row][$0])
                }
            )
        }
        if output.json {
            try Console.json(
                Report(
                    model: pipeline.name,
                    labels: names.count,
                    templates: templates,
                    images: results,
                    skipped: skipped
                )
            )
        } else {
            Self.print(results)
        }
        try CommandError.requireNone(skipped.count, of: images.count)
    }

    private static func print(_ results: [Report.Row]) {
        for result in results {
            Console.line(Console.printable((result.path as NSString).lastPathComponent))
            for entry in result.top {
                let share = String(format: "%5.1f %%", entry.probability * 100)
                Console.line("  \(share)  \(Console.printable(entry.label))")
            }
        }
    }

    private func readLabels() throws(CommandError) -> [String] {
        var names: [String] = []
        if FileManager.default.fileExists(atPath: labels) {
            var lines = try TextLines(labels, form: .plain)
            while let line = try lines.next() { names.append(line.trimmingCharacters(in: .whitespaces)) }
        } else if !labels.contains(","), labels.hasSuffix(".txt") || labels.contains("/") {
            throw CommandError(
                "\(labels) is missing; expected a file with a label a line, or labels with commas between."
            )
        } else {
            names = labels.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
        }
        guard !names.isEmpty else {
            throw CommandError("There is no label in --labels; expected names separated by commas, or a file of them.")
        }
        return names
    }

    /// What `--json` prints.
    private struct Report: Encodable {
        let model: String
        /// How many labels there are to choose from.
        let labels: Int
        let templates: [String]
        let images: [Row]
        let skipped: [SkippedPicture]

        struct Row: Encodable {
            let path: String
            let top: [Entry]
        }

        struct Entry: Encodable {
            let label: String
            let cosine: Float
            let probability: Float
        }
    }
}
