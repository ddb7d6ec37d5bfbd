import ArgumentParser
import Crypto
import Foundation
import LienzoPipelines
import LienzoTorch

/// `lienzo embed`: vectors of pictures and texts, however many.
struct EmbedCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "embed",
        abstract: "Write the embeddings of pictures and texts to a file, a row for each in their order.",
        discussion: """
            Pictures may be files, folders (with all that is in them) and webdataset shards (.tar). What cannot be read \
            is told and has no row. A run that was stopped goes on where it stopped when it is started again.
            """
    )

    /// The arithmetic of the networks.
    enum Precision: String, CaseIterable, ExpressibleByArgument {
        case fp32, bf16
    }

    @Option(parsing: .upToNextOption, help: "Pictures, folders, shards.", completion: .file())
    var images: [String] = []

    @Option(parsing: .upToNextOption, help: "Texts.")
    var texts: [String] = []

    @Option(help: "A file with a text a line, in a .jsonl file a JSON string a line.", completion: .file())
    var textsFile: String?

    @OptionGroup var model: ModelOptions

    @Option(
        help:
            "The arithmetic: \(Precision.allCases.map(\.rawValue).joined(separator: " or ")). (default: what is fast here)"
    )
    var precision: Precision?

    @Option(help: "npy, json, jsonl or csv. (default: as the output's name ends, else jsonl)")
    var format: EmbeddingFormat?

    @Option(help: "The file to write; without it the rows go to standard output.", completion: .file())
    var output: String?

    @Option(help: "Inputs that go through the network at once.")
    var batch = 32

    @Flag(help: "Do not scale the embeddings to length 1.")
    var raw = false

    @Flag(help: "Print what was done as JSON, for machines; needs --output.")
    var json = false

    mutating func validate() throws {
        guard !images.isEmpty || !texts.isEmpty || textsFile != nil else {
            throw ValidationError("There is nothing to embed; give --images, --texts or --texts-file.")
        }
        guard 1...4096 ~= batch else { throw ValidationError("--batch is \(batch); expected 1 to 4096.") }
        if output == nil {
            guard format != .npy else { throw ValidationError("An npy array needs --output.") }
            guard !json else { throw ValidationError("--json needs --output.") }
        }
    }

    mutating func run() async throws {
        let path = try model.path()
        let pipeline = try CLIPPipeline(
            modelDirectory: path,
            device: .cpu,
            computeType: precision.map { $0 == .fp32 ? .float32 : .bfloat16 }
        )
        let inputs = EmbeddingInputs(
            images: images,
            texts: texts,
            textFile: try textsFile.map { try TextLines($0, form: $0.hasSuffix(".jsonl") ? .jsonString : .plain) },
            size: batch,
            pipeline: pipeline
        )
        guard let output else {
            let format = format ?? .jsonl
            var (row, count) = (0, 0)
            try await forEachBatch(of: inputs, pipeline) { batch in
                count += batch.inputs
                for entry in batch.rows {
                    if row == 0 { Console.write(format.head(rows: 0, dimension: pipeline.embeddingDimension)) }
                    Console.write(try format.row(entry.embedding, of: entry.input, at: row))
                    row += 1
                }
            }
            guard row > 0 else { throw CommandError("None of the \(count) inputs could be embedded.") }
            Console.write(format.tail)
            return
        }
        let format = format ?? EmbeddingFormat(rawValue: URL(fileURLWithPath: output).pathExtension) ?? .jsonl
        var file = try EmbeddingFile(
            output,
            format: format,
            dimension: pipeline.embeddingDimension,
            request: request(model: path, format: format)
        )
        if file.progress.inputs > 0 {
            Console.note("lienzo: going on after \(file.progress.inputs) inputs.")
            try await inputs.skip(file.progress.inputs)
        }
        do {
            try await forEachBatch(of: inputs, pipeline) { batch in
                try file.append(batch.rows, inputs: batch.inputs, skipped: batch.skipped)
            }
        } catch {
            try? file.save()
            throw error
        }
        let progress = file.progress
        guard progress.rows > 0 else {
            file.discard()
            throw CommandError("None of the \(progress.inputs) inputs could be embedded.")
        }
        try file.finish()
        if json {
            try Console.json(
                Report(
                    model: pipeline.name,
                    output: output,
                    rows: progress.rows,
                    dimension: pipeline.embeddingDimension,
                    skipped: progress.skipped
                )
            )
        } else {
            Console.line(output)
        }
    }

    /// A batch of inputs that has been embedded.
    private struct Embedded {
        let inputs: Int
        let rows: [(input: String, embedding: [Float])]
        let skipped: [EmbeddingFile.Progress.Skipped]
    }

    /// Embeds batch after batch; the next one is read while one is computed.
    private func forEachBatch(
        of inputs: EmbeddingInputs,
        _ pipeline: CLIPPipeline,
        body: (Embedded) throws -> Void
    ) async throws {
        var next = try await inputs.next()
        while let batch = next {
            async let following = inputs.next()
            let embeddings = try await embed(batch, pipeline)
            var (rows, skipped): ([(String, [Float])], [EmbeddingFile.Progress.Skipped]) = ([], [])
            for (offset, item) in batch.items.enumerated() {
                if case .failure(let reason) = item {
                    Console.note("lienzo: \(reason)")
                    skipped.append(.init(index: batch.start + offset, path: batch.names[offset], reason: reason))
                } else {
                    rows.append((batch.names[offset], embeddings[rows.count]))
                }
            }
            try body(Embedded(inputs: batch.items.count, rows: rows, skipped: skipped))
            next = try await following
        }
    }

    private func embed(_ batch: EmbeddingInputs.Batch, _ pipeline: CLIPPipeline) async throws -> [[Float]] {
        var (pictures, texts): ([CLIPPipeline.PreparedPicture], [String]) = ([], [])
        for item in batch.items {
            switch item {
            case .picture(let picture): pictures.append(picture)
            case .text(let text): texts.append(text)
            case .failure: break
            }
        }
        // A batch is of one kind.
        return try await pipeline.embed(pictures, normalized: !raw, batch: self.batch)
            + pipeline.embed(texts: texts, normalized: !raw, batch: self.batch)
    }

    /// What was asked for, so that a file is never continued with something else.
    private func request(model: String, format: EmbeddingFormat) -> String {
        let parts =
            ["\(model)", format.rawValue, precision?.rawValue ?? "", "\(raw)", textsFile ?? ""] + images + ["\u{0}"]
            + texts
        return SHA256.hash(data: Data(parts.joined(separator: "\u{0}").utf8)).map { String(format: "%02x", $0) }
            .joined()
    }

    /// What `--json` prints.
    private struct Report: Encodable {
        let model: String
        let output: String
        let rows: Int
        let dimension: Int
        let skipped: [EmbeddingFile.Progress.Skipped]
    }
}
