import Foundation
import Lienzo

/// What the library is for, each in a few lines.
///
///     swift run LienzoTour FOLDER_WITH_PICTURES
@main
enum Tour {
    static func main() async throws {
        guard let folder = CommandLine.arguments.dropFirst().first else {
            print("Usage: LienzoTour FOLDER_WITH_PICTURES")
            exit(64)
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".png") }.sorted()
        try await compare(names.map { "\(folder)/\($0)" })
        try await classify(names.map { "\(folder)/\($0)" })
        try await search(folder)
        try await generate()
    }

    /// Pictures and texts in one space: how near each is to each.
    static func compare(_ pictures: [String]) async throws {
        let pipeline = try CLIPPipeline(modelDirectory: "mini")
        let images = try await pipeline.embed(pictures.map { try Image(contentsOf: $0) })
        let texts = try await pipeline.embed(texts: ["something red", "something green"])
        let table = try await pipeline.compare(images, texts)
        for (name, row) in zip(pictures, table.cosine) { print("compare", name, row) }
    }

    /// What each picture shows, among labels that nobody trained for.
    static func classify(_ pictures: [String]) async throws {
        let pipeline = try CLIPPipeline(modelDirectory: "mini")
        let images = try pictures.map { try Image(contentsOf: $0) }
        let answers = try await pipeline.classify(images, as: ["red", "green", "blue"], templates: ["{}"])
        for (name, answer) in zip(pictures, answers) { print("classify", name, answer[0].label, answer[0].probability) }
    }

    /// An index of a folder that is made once and then kept up to date.
    static func search(_ folder: String) async throws {
        let pipeline = try CLIPPipeline(modelDirectory: "mini")
        let index = PictureIndex(FileManager.default.temporaryDirectory.appending(path: "\(UUID()).sqlite").path)
        try await index.update(folder: folder, with: pipeline)
        for hit in try await index.search("something red", with: pipeline, top: 3) {
            print("search", hit.path, hit.cosine)
        }
        try FileManager.default.removeItem(atPath: index.path)
    }

    /// A picture from words.
    static func generate() async throws {
        let pipeline = try UnCLIPPipeline(modelDirectory: "mini")
        let request = GenerationRequest(prompt: "a red apple", seed: 7, steps: 4, candidates: 1)
        for try await event in pipeline.generate(request) {
            if case .picture(let picture) = event { print("generate", picture.image.width, picture.image.height) }
        }
    }
}
