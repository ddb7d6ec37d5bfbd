import Foundation
import LienzoDiffusion
import LienzoTorch
import TestSupport
import Testing

/// The stand-in for a network: 0.3 x + sin t, and for a predicted variance 0.1 x² + 0.01.
private func network(_ sample: Tensor, _ timestep: Double, doubled: Bool) -> Tensor {
    let output = sample * 0.3 + sin(timestep)
    return doubled ? Tensor.cat([output, sample * 0.1 * sample + 0.01], dim: 1) : output
}

@Suite("Samplers against diffusers", .tags(.parity))
struct SamplerTests {
    /// Float32 arithmetic in the reference's order; what differs is the rounding of a logarithm or of a product by a
    /// scalar, a few units of 6e-8 per step, over at most 25 steps.
    static let tolerance: Float = 1e-5

    @Test("A whole run is the reference's, step by step", arguments: try Reference.read().runs)
    func wholeRun(_ run: Reference.Run) throws {
        let sampler = try run.sampler()
        #expect(sampler.timesteps == run.timesteps.map(Double.init))
        try torchScope {
            let generator = Generator(seed: run.seed)
            let sequence = DenoisingSequence(
                sampler,
                from: Tensor.randn(run.shape, generator: generator),
                noise: NoiseSource(generator)
            ) { network($0, $1, doubled: run.doubled) }
            var done = 0
            for (index, step) in sequence.enumerated() {
                let sample = difference(step.sample.floats(), run.samples[index].values)
                let original = difference(step.original.floats(), run.originals[index].values)
                #expect(sample <= Self.tolerance, "sample after step \(index)")
                #expect(original <= Self.tolerance, "predicted clean sample at step \(index)")
                done += 1
            }
            #expect(done == run.samples.count)
        }
    }

    @Test("A run with one beta changed is told apart")
    func negativeControl() throws {
        let runs = try Reference.read().runs
        let run = try #require(runs.first { $0.name == "ddim given betas" })
        guard case .ddim(var configuration) = run.config else {
            Issue.record("the run is not DDIM")
            return
        }
        configuration.noise.betas?[2] += 0.001
        let sampler = try DDIMSampler(configuration, steps: run.steps, eta: 1)
        try torchScope {
            let generator = Generator(seed: run.seed)
            let sequence = DenoisingSequence(
                sampler,
                from: Tensor.randn(run.shape, generator: generator),
                noise: NoiseSource(generator)
            ) { network($0, $1, doubled: false) }
            let last = try #require(Array(sequence).last)
            let expected = try #require(run.samples.last)
            #expect(difference(last.sample.floats(), expected.values) > Self.tolerance)
        }
    }

    @Test("A sample of a batch with its own generator is the same as alone")
    func ownGenerators() throws {
        let sampler = try SchedulerConfiguration.unCLIP(UnCLIPConfiguration()).sampler(steps: 4)
        func run(_ seeds: [UInt64]) throws -> [Float] {
            try torchScope {
                let noise = NoiseSource(each: seeds.map { Generator(seed: $0) })
                let start = noise.draw([seeds.count, 24])
                let sequence = DenoisingSequence(sampler, from: start, noise: noise) { sample, _ in sample * 0.5 }
                return try #require(Array(sequence).last).sample.floats()
            }
        }
        #expect(try Array(run([7, 8])[24...]) == run([8]))
    }

    @Test("Leaving the loop leaves the network alone")
    func leaving() throws {
        let sampler = try SchedulerConfiguration.ddim(DDIMConfiguration()).sampler(steps: 10)
        let calls = try torchScope {
            var calls = 0
            let noise = NoiseSource(Generator(seed: 1))
            let sequence = DenoisingSequence(sampler, from: noise.draw([1, 4]), noise: noise) { sample, _ in
                calls += 1
                return sample
            }
            for _ in sequence { break }
            return calls
        }
        #expect(calls == 1)
    }
}
