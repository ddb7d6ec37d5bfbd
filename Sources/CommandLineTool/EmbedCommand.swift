import ArgumentParser
import Foundation
import LienzoFiles
import LienzoPipelines
import LienzoTorch

/// `lienzo embed`: vectors of pictures and texts, however many.
struct EmbedCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "embed",
        abstract: "Write the embeddings of pictures and texts to a file, a row for each in their order.",
        discussion: """
            Pictures may be files, folders (with all that is in them) and webdataset shards (.tar). What cannot be read \
            is told and has no row; where it was given by name, the exit code is 1. A run that was stopped goes on \
            where it stopped when it is started again.
            """
    )

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

    @OptionGroup var batch: BatchOptions

    @Flag(help: "Do not scale the embeddings to length 1.")
    var raw = false

    @Flag(help: "Print what was done as JSON, for machines; needs --output.")
    var json = false

    mutating func validate() throws {
        guard !images.isEmpty || !texts.isEmpty || textsFile != nil else {
            throw ValidationError("There is nothing to embed; give --images, --texts or --texts-file.")
        }
        if let output {
            let ending = OutputFile.ending(of: output)
            guard ending.isEmpty || EmbeddingFormat(rawValue: ending).map({ format ?? $0 == $0 }) == true else {
                let expected = format.map { [$0] } ?? EmbeddingFormat.allCases
                throw ValidationError(
                    "--output is \(output); expected a name that ends in "
                        + "\(expected.map { ".\($0.rawValue)" }.joined(separator: ", ")) or in nothing."
                )
            }
        } else {
            guard format != .npy else { throw ValidationError("An npy array needs --output.") }
            guard !json else { throw ValidationError("--json needs --output.") }
        }
    }

    mutating func run() async throws {
        try OutputFile.requireWritable(output, apartFrom: images + [textsFile].compactMap(\.self))
        let path = try model.path()
        let pipeline = try CLIPPipeline(
            modelDirectory: path,
            device: .cpu,
            computeType: precision?.type
        )
        if let output { try await write(to: output, pipeline) } else { try await print(pipeline) }
    }

    private func openInputs(_ pipeline: CLIPPipeline) throws -> EmbeddingInputs {
        EmbeddingInputs(
            images: images,
            texts: texts,
            textFile: try textsFile.map { try TextLines($0, form: $0.hasSuffix(".jsonl") ? .jsonString : .plain) },
            size: batch.size,
            pipeline: pipeline
        )
    }

    private func print(_ pipeline: CLIPPipeline) async throws {
        let format = format ?? .jsonl
        var (row, count) = (0, 0)
        var skipped: [SkippedInput] = []
        try await openInputs(pipeline).forEachBatch(normalized: !raw) { batch in
            count += batch.count
            skipped += batch.skipped
            for entry in batch.rows {
                if row == 0 { Console.write(format.head(rows: 0, dimension: pipeline.embeddingDimension)) }
                Console.write(try format.row(entry.embedding, of: entry.name, at: row))
                row += 1
            }
        }
        guard row > 0 else { throw Self.nothing(of: count) }
        Console.write(format.tail)
        try requireNamed(skipped, of: count)
    }

    private static func nothing(of count: Int) -> CommandError {
        CommandError(count == 0 ? "There is nothing to embed." : "None of \(count.counted("input")) could be embedded.")
    }

    /// Pictures of folders and shards may be bad; those that were given by name may not.
    private func requireNamed(_ skipped: [SkippedInput], of count: Int) throws(CommandError) {
        try CommandError.requireNone(skipped.count { images.contains($0.path) }, of: count)
    }

    private func write(to output: String, _ pipeline: CLIPPipeline) async throws {
        let format = format ?? EmbeddingFormat(rawValue: URL(fileURLWithPath: output).pathExtension) ?? .jsonl
        var inputs = try openInputs(pipeline)
        var file = try EmbeddingFile(
            output,
            format: format,
            dimension: pipeline.embeddingDimension,
            request: [pipeline.weightsStamp, format.rawValue, precision?.rawValue ?? "", "\(raw)"]
        )
        if file.progress.inputs > 0 {
            if try await inputs.skip(file.progress.inputs) == file.progress.digest {
                Console.note("lienzo: going on after \(file.progress.inputs.counted("input")).")
            } else if textsFile == "-" {
                throw CommandError("\(output) was begun with other inputs; name another, or remove \(output).progress.")
            } else {
                Console.note("lienzo: \(output) was begun with other inputs; it is begun anew.")
                try file.restart()
                inputs = try openInputs(pipeline)
            }
        }
        do {
            try await inputs.forEachBatch(normalized: !raw) { try file.append($0) }
        } catch {
            try? file.save()
            throw error
        }
        let progress = file.progress
        guard progress.rows > 0 else {
            file.discard()
            throw Self.nothing(of: progress.inputs)
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
        try requireNamed(progress.skipped, of: progress.inputs)
    }

    /// What `--json` prints.
    private struct Report: Encodable {
        let model: String
        let output: String
        let rows: Int
        let dimension: Int
        let skipped: [SkippedInput]
    }
}
