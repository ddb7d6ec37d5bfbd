import Lienzo

/// The example of README.md, so that it compiles with what it imports; `ReadMeTests` compares the lines.
func readMeExample() async throws {
    let pipeline = try UnCLIPPipeline(modelDirectory: "mini")
    for try await event in pipeline.generate(GenerationRequest(prompt: "a red apple", seed: 7)) {
        if case .picture(let picture) = event { try picture.image.write(to: "apple.png") }
    }
}
