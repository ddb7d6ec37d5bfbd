import ArgumentParser
import Foundation
import LienzoPipelines

/// `lienzo prior`: image embeddings of words, without a picture.
struct PriorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prior",
        abstract: "Make image embeddings of words with a model's prior.",
        discussion: """
            Of --candidates embeddings, the one nearest to the words comes first. 'lienzo generate --image-embedding' \
            makes pictures of them. --model may be the folder of a prior alone, such as that of Kandinsky.
            """
    )

    @Argument(help: "The words, in quotes.")
    var prompt: String

    @Option(help: "The seed.")
    var seed: UInt64 = 0

    @OptionGroup var sampling: SamplingOptions

    @OptionGroup var generator: GeneratorOptions

    @Option(help: "The file to write.", completion: .file(extensions: ["safetensors"]))
    var output = "embedding.safetensors"

    @OptionGroup var format: OutputOptions

    private func recipe() throws -> Recipe {
        var recipe = sampling.recipe(prompt, seed: seed)
        generator.fill(&recipe)
        do {
            try recipe.settings(over: GenerationRequest(prompt: prompt)).validate()
        } catch {
            throw ValidationError(error.description)
        }
        return recipe
    }

    mutating func validate() throws {
        try OutputFile.requireEnding(output, .safetensors)
        _ = try recipe()
    }

    mutating func run() async throws {
        try OutputFile.requireWritable(output)
        let recipe = try recipe()
        let pipeline = try recipe.openPrior()
        let request = recipe.settings(over: pipeline.request(prompt: prompt))
        let rows = try await pipeline.imageEmbeddings(request).flatMap(\.self)
        try EmbeddingTable(rows).write(
            to: output,
            metadata: ["prompt": prompt, "seed": "\(seed)", "model": pipeline.directory.name]
        )
        if format.json {
            try Console.json(Report(output: output, similarities: rows.map(\.similarity)))
        } else {
            Console.line(output)
            for (row, embedding) in rows.enumerated() {
                let cosine = embedding.similarity.map { $0.formatted(.number.precision(.fractionLength(4))) } ?? "–"
                Console.note("row \(row): cosine to the words \(cosine)")
            }
        }
    }

    private struct Report: Encodable {
        let output: String
        let similarities: [Float?]
    }
}
