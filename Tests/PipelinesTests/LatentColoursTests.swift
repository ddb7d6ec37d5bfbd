import LienzoImages
import LienzoModels
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoPipelines

@Suite("Colours of latents")
struct LatentColoursTests {
    @Test("of an autoencoder that is a linear map and enlarges, the map is found")
    func linear() throws {
        try torchScope {
            let map = Tensor.randn([3, 4, 1, 1], generator: Generator(seed: 1), dtype: .float32) * 0.05
            let bias = Tensor([Float(0.2), -0.1, 0])
            let colours = LatentColours(channels: 4, device: .cpu) {
                $0.conv2d(weight: map, bias: bias).upsampledNearest(factor: 8)
            }
            let latents = Tensor.randn([1, 4, 5, 7], generator: Generator(seed: 2), dtype: .float32)
            let found = colours(latents, height: 5, width: 7)
            #expect((found - latents.conv2d(weight: map, bias: bias)).abs().max().item < 1e-4)
            #expect(colours(latents, height: 40, width: 56).shape == [1, 3, 40, 56])
        }
    }

    @Test("those of mini are near to its pictures, and far nearer than grey")
    func mini() throws {
        let model = try UnCLIPModel(
            UnCLIPConfigurations(ModelDirectory(Clone.mini)),
            LoadingOptions(computeType: .float32)
        )
        let sheet = try Image(contentsOf: "\(Clone.path)/docs/gallery.png").resized(width: 320, height: 320)
        let half = [Float](repeating: 0.5, count: 3)
        let pixels = Tensor(sheet.planarFloats(mean: half, std: half), shape: [1, 3, 320, 320])
        let colours = try model.colours()
        let (error, spread) = try torchScope {
            let latents = try model.latents(pixels)
            let picture = try model.picture(latents)
            let factor = picture.size(2) / latents.size(2)
            let expected = picture.averagePool2d(kernel: factor).clamp(-1, 1)
            let found = colours(latents, height: latents.size(2), width: latents.size(3)).clamp(-1, 1)
            return ((found - expected).square().mean().item, expected.variance().item)
        }
        #expect(error < spread / 4, "mean squared error \(error), of which grey has \(spread)")
    }
}
