import Foundation
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoDiffusion

/// The stand-in for a network.
private func network(_ input: Tensor, _ timestep: Double) -> Tensor { input * 0.3 + 0.5 * sin(timestep / 50) }

@Suite("Whole runs of every sampler against diffusers", .tags(.parity))
struct WholeRunTests {
    /// Float32 arithmetic in the reference's order; what differs is the last bit of a logarithm, an exponential or a
    /// product by a scalar, over at most 99 evaluations.
    static let tolerance: Float = 1e-5

    /// A run from sigma 4096 loses twelve bits more, and a Brownian motion tells the last bit of its times.
    ///
    /// The Brownian motion of DPM++ SDE resolves sigma to a millionth, and
    /// neighbouring times are a thousandth of a deviation apart: the last bit of MKL's logarithm, which differs between
    /// processors, changes the noise, in the reference as well, by up to 6e-4 here. With betas that keep sigma away
    /// from such edges its runs are held to the common tolerance.
    private static func tolerance(of name: String, _ sampler: any Sampler) -> Float {
        if sampler is DPMSolverSDESampler, !name.hasSuffix("steady") { return 2e-3 }
        return sampler.initialNoiseScale > 1000 ? 1e-4 : tolerance
    }

    let reference: SamplerReference

    init() throws {
        reference = try SamplerReference.read()
    }

    @Test("A run of the model's own scheduler ends as the reference's")
    func own() throws {
        for run in reference.runs {
            try compare(run, try run.config.sampler(steps: run.steps))
        }
    }

    @Test("A run of another scheduler, with the keys that both know, ends as the reference's")
    func chosen() throws {
        for run in reference.choices {
            let json = Data(try #require(reference.models[run.config]).utf8)
            let choice = try SchedulerChoice(try #require(run.choice))
            try compare(run, try SchedulerConfiguration.read(json, as: choice).sampler(steps: run.steps))
        }
    }

    @Test("Every sampler has runs")
    func complete() {
        #expect(Set(reference.runs.map(\.config.className)) == Set(SchedulerConfiguration.classNames))
        let stems = reference.choices.compactMap(\.choice).filter { !$0.hasSuffix("-karras") }
        #expect(Set(stems) == Set(SchedulerChoice.names).subtracting(["unclip"]))
    }

    @Test("A run with another order, solver, spread or seed is told apart")
    func negativeControls() throws {
        func expectDifferent(_ name: String, _ change: (inout SchedulerConfiguration) -> Void) throws {
            let run = try #require(reference.runs.first { $0.name.hasPrefix(name) })
            var configuration = run.config
            change(&configuration)
            #expect(configuration != run.config)
            let ended = try end(run, configuration.sampler(steps: run.steps)).sample
            #expect(difference(ended, run.sample.values) > Self.tolerance, "\(name)")
        }
        try expectDifferent("DPMSolverMultistep 20 steps prediction_type=epsilon") {
            guard case .dpmSolver(var own) = $0 else { return }
            own.order = 3
            $0 = .dpmSolver(own)
        }
        try expectDifferent("UniPCMultistep 20 steps prediction_type=epsilon") {
            guard case .uniPC(var own) = $0 else { return }
            own.uncorrected = [3]
            $0 = .uniPC(own)
        }
        try expectDifferent("EulerDiscrete 20 steps") {
            guard case .euler(var own) = $0 else { return }
            own.noise.stepsOffset = 2
            $0 = .euler(own)
        }
        try expectDifferent("DPMSolverSDE 20 steps prediction_type=epsilon noise_sampler_seed=4611686018427387909") {
            guard case .dpmSolverSDE(var own) = $0 else { return }
            own.noiseSeed = 12
            $0 = .dpmSolverSDE(own)
        }
    }

    private func compare(_ run: SamplerReference.Run<some Decodable & Sendable>, _ sampler: any Sampler) throws {
        let timesteps = difference(sampler.timesteps.map { Float($0) }, run.timesteps.values)
        #expect(timesteps <= Self.tolerance, "\(run.name): timesteps differ by \(timesteps)")
        if let scale = run.scale {
            #expect(abs(sampler.initialNoiseScale / scale - 1) <= 1e-6, "\(run.name): the scale of the noise")
        }
        let tolerance = Self.tolerance(of: run.name, sampler)
        let ended = try end(run, sampler)
        let sample = difference(ended.sample, run.sample.values)
        #expect(sample <= tolerance, "\(run.name): the sample differs by \(sample)")
        if let original = run.original {
            let found = difference(ended.original, original.values)
            #expect(found <= tolerance, "\(run.name): the predicted clean sample differs by \(found)")
        }
    }

    /// The end of a run, and the clean sample predicted half-way.
    private func end(
        _ run: SamplerReference.Run<some Decodable & Sendable>,
        _ sampler: any Sampler
    ) throws -> (sample: [Float], original: [Float]) {
        try torchScope {
            let generator = Generator(seed: reference.seed)
            let noise = NoiseSource(generator)
            let first = noise.draw(reference.shape)
            var begin = 0
            var start = first * sampler.initialNoiseScale
            var drawn = first
            if let strength = run.strength {
                begin = try sampler.begin(strength: strength)
                drawn = noise.draw(reference.shape)
                start = sampler.addNoise(to: first, noise: drawn, at: begin)
                #expect(begin == run.begin, "\(run.name)")
                #expect(
                    difference(start.floats(), try #require(run.start).values) <= Self.tolerance,
                    "\(run.name): the start"
                )
            }
            var sequence = DenoisingSequence(sampler, from: start, at: begin, noise: noise, predict: network)
            let halfway = begin + (sampler.timesteps.count - begin) / 2
            var original: [Float] = []
            while let step = sequence.next() {
                if sequence.index == begin + 1, let known = run.known {
                    let found = difference(sequence.noisy(first, noise: drawn).floats(), known.values)
                    #expect(found <= Self.tolerance, "\(run.name): the known part")
                }
                if sequence.index == halfway + 1 {
                    original = step.original.floats()
                }
            }
            #expect(sequence.noisy(first, noise: drawn).floats() == first.floats())
            return (sequence.sample.floats(), original)
        }
    }
}

@Suite("What the samplers are made of")
struct SamplerPartTests {
    /// A sum of at most 50 float32 numbers in the reference's order.
    @Test("A Brownian motion is torchsde's", .tags(.parity))
    func motions() throws {
        for expected in try SamplerReference.read().motions {
            let increments = try torchScope {
                let motion = BrownianTree(
                    from: try #require(expected.times.last),
                    to: try #require(expected.times.first),
                    seed: expected.seed,
                    shape: [2, 3]
                )
                return zip(expected.times, expected.times.dropFirst()).flatMap {
                    motion.increment(from: $1, to: $0).floats()
                }
            }
            #expect(difference(increments, expected.increments.values) <= 1e-6)
        }
    }

    @Test("A Brownian motion outside its interval stands still, and its parts make up the whole")
    func motionParts() throws {
        try torchScope {
            let motion = BrownianTree(from: 0.5, to: 3, seed: 4, shape: [5])
            #expect(motion.increment(from: 3, to: 9).floats() == [0, 0, 0, 0, 0])
            let parts = motion.increment(from: 0.5, to: 1.7) + motion.increment(from: 1.7, to: 3)
            #expect(difference(parts.floats(), motion.increment(from: 0, to: 3).floats()) <= 1e-6)
        }
    }

    @Test("Quantiles of the beta distribution are SciPy's", .tags(.parity))
    func quantiles() throws {
        let expected = try SamplerReference.read().quantiles
        for (share, value) in zip(expected.shares, expected.values) {
            #expect(abs(BetaDistribution.quantile(share) - value) <= 1e-12)
        }
    }

    @Test("A copy of a sampler is a fresh run")
    func copies() throws {
        let sampler = try SchedulerConfiguration.uniPC(UniPCConfiguration()).sampler(steps: 6)
        func end() -> [Float] {
            let noise = NoiseSource(Generator(seed: 1))
            var run = DenoisingSequence(sampler, from: noise.draw([1, 8]), noise: noise, predict: network)
            while run.next() != nil {}
            return run.sample.floats()
        }
        #expect(end() == end())
    }

    @Test("A sample of a batch with a Brownian motion of its own is the same as alone")
    func ownMotions() throws {
        let sampler = try SchedulerConfiguration.dpmSolverSDE(DPMSolverSDEConfiguration()).sampler(steps: 4)
        func end(_ seeds: [UInt64]) -> [Float] {
            let noise = NoiseSource(each: seeds.map { Generator(seed: $0) })
            let start = noise.draw([seeds.count, 24]) * sampler.initialNoiseScale
            var run = DenoisingSequence(sampler, from: start, noise: noise, predict: network)
            while run.next() != nil {}
            return run.sample.floats()
        }
        #expect(Array(end([7, 8])[24...]) == end([8]))
    }
}
