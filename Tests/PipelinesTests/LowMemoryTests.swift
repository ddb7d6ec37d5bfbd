import Foundation
import LienzoCheckpoints
import LienzoDiffusion
import LienzoImages
import LienzoModels
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoPipelines

/// What comes and goes with little memory, of models with an image embedding.
@Suite("Parts of unCLIP that come and go")
struct LowMemoryTests {
    private static func loading(keepsParts: Bool) -> LoadingOptions {
        LoadingOptions(computeType: .float32, keepsParts: keepsParts)
    }

    private static func pipeline(_ kind: KandinskyModel.Kind, in folder: String, keepsParts: Bool) throws
        -> UnCLIPPipeline
    {
        let decoder = "\(folder)/\(kind.rawValue)"
        return try UnCLIPPipeline(
            prior: "\(KandinskyModel.fixtures)/prior",
            decoder: FileManager.default.fileExists(atPath: decoder)
                ? decoder : KandinskyModel.directory(of: kind, in: folder),
            loading: loading(keepsParts: keepsParts)
        )
    }

    @Test("give the pictures that parts which stay give", arguments: [KandinskyModel.Kind.decoder21, .decoder22])
    func pictures(kind: KandinskyModel.Kind) async throws {
        try await withTemporaryFolder { folder in
            let low = try Self.pipeline(kind, in: folder, keepsParts: false)
            let normal = try Self.pipeline(kind, in: folder, keepsParts: true)
            var request = KandinskyPipelineTests.request
            (request.count, request.previewEvery) = (2, 1)
            let found = try await allPictures(low, request)
            #expect(try await allPictures(normal, request) == found)

            request.negativePrompt = "a photo"
            request.image = try KandinskyModel.picture("picture")
            (request.strength, request.candidates) = (0.67, 2)
            let changed = try await allPictures(low, request)
            #expect(try await allPictures(normal, request) == changed && changed != found)
        }
    }

    @Test("give mini's picture")
    func mini() async throws {
        let request = GenerationRequest(prompt: "a red apple", seed: 7, steps: 3, priorSteps: 2)
        func made(keepsParts: Bool) async throws -> [GeneratedPicture] {
            let loading = Self.loading(keepsParts: keepsParts)
            return try await allPictures(
                UnCLIPPipeline(modelDirectory: Clone.mini, loading: loading),
                request
            )
        }
        #expect(try await made(keepsParts: false) == made(keepsParts: true))
    }

    @Test("are let go after their work; those that stay are read only where a request needs them")
    func parts() throws {
        try withTemporaryFolder { folder in
            let configurations = try KandinskyModel.configurations(.decoder21, in: folder)
            func read(_ request: GenerationRequest, keepsParts: Bool) throws -> [String] {
                let model = try UnCLIPModel(configurations, Self.loading(keepsParts: keepsParts))
                let plan = try UnCLIPPlan(request, configurations)
                var during: [String] = []
                func here() throws -> [String] {
                    let prior = try #require(model.prior)
                    return [
                        ("texts", prior.texts.network != nil), ("images", prior.images.network != nil),
                        ("prior", prior.network.network != nil), ("decoder", model.decoder.network != nil),
                        ("autoencoder", model.autoencoder.network != nil),
                    ].filter(\.1).map(\.0)
                }
                try Generation(request, plan, model: model) { event in
                    guard case .progress(let progress) = event, progress.step == 1, let parts = try? here() else {
                        return
                    }
                    during += ["\(progress.stage): \(parts.joined(separator: " "))"]
                }.run()
                return try during + ["after: \(here().joined(separator: " "))"]
            }
            var request = KandinskyPipelineTests.request
            request.image = try KandinskyModel.picture("picture")
            request.strength = 0.67
            #expect(try read(request, keepsParts: false) == ["prior: prior", "decoder: decoder", "after: "])
            request.negativePrompt = "a photo"
            #expect(try read(request, keepsParts: true).last == "after: texts prior decoder autoencoder")
            (request.negativePrompt, request.imageEmbedding) = (nil, .given(try KandinskyModel.embedding()))
            #expect(try read(request, keepsParts: true).last == "after: decoder autoencoder")
        }
    }

    @Test("tell what is wrong with their files before any work", arguments: [true, false])
    func wrongFiles(keepsParts: Bool) async throws {
        for part in ["movq/diffusion_pytorch_model", "unet/diffusion_pytorch_model", "image_encoder/model", "prior"] {
            try await withTemporaryFolder { folder in
                let decoder = try KandinskyModel.directory(of: .decoder22, in: folder)
                try FileManager.default.copyItem(atPath: "\(KandinskyModel.fixtures)/prior", toPath: "\(folder)/prior")
                let isOfDecoder = part.hasPrefix("movq") || part.hasPrefix("unet")
                let file = part == "prior" ? "prior/diffusion_pytorch_model" : part
                let path = "\(isOfDecoder ? decoder : "\(folder)/prior")/\(file).safetensors"
                let file2 = try SafetensorsFile(path)
                let last = try #require(file2.names.sorted().last)
                var tensors: [(String, Tensor)] = []
                for name in file2.names where name != last { tensors.append((name, try file2.tensor(named: name))) }
                try FileManager.default.removeItem(atPath: path)
                try writeSafetensors(tensors, metadata: [:], to: path)
                let pipeline = try UnCLIPPipeline(
                    prior: "\(folder)/prior",
                    decoder: decoder,
                    loading: Self.loading(keepsParts: keepsParts)
                )
                var events = 0
                let error = await #expect(throws: (any Error).self, "\(part)") {
                    for try await _ in pipeline.generate(KandinskyPipelineTests.request) { events += 1 }
                }
                let sentence = error.map { "\($0)" } ?? ""
                #expect(events == 0 && sentence.contains("has no tensor named"), "\(part): \(events) \(sentence)")
            }
        }
    }

    @Test("make large pictures in tiles, near to those that are made whole")
    func tiles() throws {
        try withTemporaryFolder { folder in
            var configurations = try KandinskyModel.configurations(.decoder22, in: folder)
            guard case .vq(var autoencoder) = configurations.autoencoder else {
                Issue.record("the autoencoder is no MoVQ")
                return
            }
            autoencoder.largestTile = 32
            configurations.autoencoder = .vq(autoencoder)
            let low = try UnCLIPModel(configurations, Self.loading(keepsParts: false))
            let normal = try UnCLIPModel(configurations, Self.loading(keepsParts: true))
            let picture = try KandinskyModel.picture("large").resized(width: 64, height: 48)
            let half = [Float](repeating: 0.5, count: 3)
            let pixels = Tensor(picture.planarFloats(mean: half, std: half), shape: [1, 3, 48, 64])
            try torchScope {
                for (tiled, whole) in [
                    (try low.latents(pixels), try normal.latents(pixels)),
                    (try low.picture(normal.latents(pixels)), try normal.picture(normal.latents(pixels))),
                ] {
                    let relative = ((tiled - whole).square().mean() / whole.variance()).item
                    // Random weights see far; those of a trained autoencoder hardly beyond what tiles share.
                    #expect(tiled.shape == whole.shape && relative > 1e-9 && relative < 1, "\(relative)")
                }
            }
        }
    }
}
