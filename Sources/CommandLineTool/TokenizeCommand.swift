import ArgumentParser
import Foundation
import LienzoFigures
import LienzoPipelines
import LienzoTokenizers

/// `lienzo tokenize`: what a model's text tower gets of a text.
struct TokenizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenize",
        abstract: "Show how a model splits texts into tokens, and where it stops reading.",
        discussion: "With --json each text gives one JSON object on a line of its own, in the order of the texts."
    )

    @Argument(help: "The texts.")
    var texts: [String] = []

    @Option(help: "A file with one JSON string a line; - for standard input.", completion: .file())
    var file: String?

    @OptionGroup var model: ModelOptions
    @OptionGroup var output: OutputOptions

    mutating func validate() throws {
        guard texts.isEmpty != (file == nil) else {
            throw ValidationError("Give texts, or a --file of them.")
        }
    }

    mutating func run() throws {
        let checkpoint = try CLIPCheckpoint.of(model: try model.path()).checkpoint
        let tokenizer = try checkpoint.tokenizer()
        let length = checkpoint.contextLength
        func show(_ text: String) throws {
            if output.json {
                try Console.jsonLine(Line(text, tokenizer, length: length))
            } else {
                Console.line(Self.view(text, tokenizer, length: length))
            }
        }
        guard let file else {
            for text in texts { try show(text) }
            return
        }
        var lines = try TextLines(file, form: .jsonString)
        while let text = try lines.next() {
            try Task.checkCancellation()
            try show(text)
        }
    }

    /// A line of `--json`.
    private struct Line: Encodable {
        /// The text as it is split into words.
        let cleaned: String
        /// The tokens that fit, the special ones included; padding is left out.
        let tokens: [String]
        /// As the model gets them, padding included.
        let ids: [Int32]
        let truncated: Bool

        init(_ text: String, _ tokenizer: any TextTokenizer, length: Int) {
            let (encoded, inspected) = (tokenizer.encode(text, length: length), tokenizer.inspect(text))
            cleaned = inspected.cleaned
            let kept = inspected.tokens.prefix(encoded.count - 1) + inspected.tokens.suffix(1)
            tokens = kept.map(\.text)
            ids = encoded.ids
            truncated = encoded.truncated
        }
    }

    /// The cleaned text, its tokens with their ids, and where the model stops reading.
    private static func view(_ text: String, _ tokenizer: any TextTokenizer, length: Int) -> String {
        let (encoded, inspected) = (tokenizer.encode(text, length: length), tokenizer.inspect(text))
        let kept = inspected.tokens.prefix(encoded.count - 1) + inspected.tokens.suffix(1)
        func entries(_ tokens: some Sequence<TextToken>) -> [String] {
            tokens.map { "\(Console.printable($0.text)) \($0.id)" }
        }
        let width = TerminalColors.columnsOfStandardOutput()
        var lines = [Console.printable(inspected.cleaned)]
        lines += wrapped(entries(kept), width: width)
        if encoded.truncated {
            let lost = inspected.tokens.dropFirst(encoded.count - 1).dropLast()
            let these = lost.count == 1 ? "this one is" : "these \(lost.count) are"
            lines.append("  the model reads \(length) tokens; \(these) left out:")
            lines += wrapped(entries(lost), width: width)
        } else {
            lines.append("  \(encoded.count) of \(length) tokens")
        }
        return lines.joined(separator: "\n")
    }

    private static func wrapped(_ entries: [String], width: Int) -> [String] {
        var lines: [String] = []
        for entry in entries {
            if let last = lines.last, last.count + entry.count + 3 <= width {
                lines[lines.count - 1] += " · \(entry)"
            } else {
                lines.append("  \(entry)")
            }
        }
        return lines
    }
}
