import LienzoDiffusion
import LienzoTorch
import TestSupport
import Testing

@Suite("Noise schedules against diffusers", .tags(.parity))
struct ScheduleTests {
    /// Zero where only additions, products and double cosines are involved, which round alike everywhere.
    ///
    /// The rescaling to zero terminal SNR takes square roots, which libtorch's vector code rounds in its own way on
    /// each machine; the last betas are quotients of small differences of them.
    @Test("Betas and alphaBars are the reference's in every bit", arguments: try Reference.read().schedules)
    func schedule(_ expected: Reference.Schedule) {
        let tolerance: Float = expected.name.contains("zero terminal") ? 1e-5 : 0
        #expect(difference(expected.config.schedule.betas, expected.betas.values) <= tolerance)
        #expect(difference(expected.config.schedule.alphaBars, expected.alphaBars.values) <= tolerance)
    }

    @Test("Another curve is told apart")
    func negativeControl() throws {
        let expected = try #require(try Reference.read().schedules.first { $0.name == "linear" })
        let other = NoiseSchedule(.scaledLinear, count: 1000, start: 0.0001, end: 0.02)
        #expect(difference(other.alphaBars, expected.alphaBars.values) > 1e-5)
    }

    @Test("Timesteps are the reference's", arguments: try Reference.read().spacings)
    func timesteps(_ expected: Reference.Spacing) throws {
        let configuration: SchedulerConfiguration
        if let spacing = TimestepSpacing(rawValue: expected.spacing) {
            var ddim = DDIMConfiguration()
            ddim.noise.spacing = spacing
            configuration = .ddim(ddim)
        } else {
            configuration = .unCLIP(UnCLIPConfiguration())
        }
        #expect(
            try configuration.sampler(steps: expected.steps).timesteps.map { Float($0) } == expected.timesteps.values
        )
    }

    @Test("A step count outside the schedule is refused with a sentence", arguments: [0, 1001])
    func tooManySteps(steps: Int) {
        let error = #expect(throws: DiffusionError.self) {
            try SchedulerConfiguration.ddpm(DDPMConfiguration()).sampler(steps: steps)
        }
        #expect(error?.description == "\(steps) denoising steps were asked for; this schedule takes 1 to 1000.")
    }

    @Test("A prior cannot take a single step, as in the reference")
    func singleStep() {
        #expect(throws: DiffusionError.invalidSteps(found: 1, expected: 2...1000)) {
            try SchedulerConfiguration.unCLIP(UnCLIPConfiguration()).sampler(steps: 1)
        }
    }
}

@Suite("Training targets against diffusers", .tags(.parity))
struct TrainingTargetTests {
    /// One multiplication and one addition in float32.
    static let tolerance: Float = 1e-6

    @Test("Noisy samples and velocities")
    func targets() throws {
        let expected = try Reference.read().training
        let schedule = expected.config.schedule
        try torchScope {
            let generator = Generator(seed: expected.seed)
            let clean = Tensor.randn(expected.shape, generator: generator)
            let noise = Tensor.randn(expected.shape, generator: generator)
            let timesteps = expected.timesteps
            let noisy = schedule.addNoise(to: clean, noise: noise, timesteps: timesteps)
            let velocity = schedule.target(.velocity, clean: clean, noise: noise, timesteps: timesteps)
            #expect(difference(noisy.floats(), expected.noisy.values) <= Self.tolerance)
            #expect(difference(velocity.floats(), expected.velocity.values) <= Self.tolerance)
            let swapped = schedule.addNoise(to: noise, noise: clean, timesteps: timesteps)
            #expect(difference(swapped.floats(), expected.noisy.values) > Self.tolerance)
        }
    }

    @Test("Signal-to-noise ratios and the weights that cap them", arguments: PredictionType.allCases)
    func weights(_ prediction: PredictionType) throws {
        let expected = try Reference.read().training
        let schedule = expected.config.schedule
        let ratios = schedule.signalToNoise(expected.timesteps)
        let weights = schedule.minSNRWeights(prediction, timesteps: expected.timesteps, gamma: expected.gamma)
        #expect(difference(ratios, expected.snr.values) <= Self.tolerance)
        #expect(difference(weights, try #require(expected.weights[prediction.rawValue]).values) <= Self.tolerance)
    }

    @Test("Timesteps of a batch are spread over the schedule, each part of it once", arguments: [1, 3, 16, 1500])
    func spreadTimesteps(batch: Int) {
        let schedule = NoiseSchedule(.linear, count: 1000, start: 1e-4, end: 0.02)
        var generator = SystemRandomNumberGenerator()
        let timesteps = schedule.spreadTimesteps(batch, using: &generator)
        #expect(timesteps.count == batch)
        for (part, timestep) in timesteps.sorted().enumerated() {
            let (first, last) = (part * 1000 / batch, ((part + 1) * 1000 - 1) / batch)
            #expect((first...max(first, last)).contains(timestep))
        }
    }

    @Test("Pure noise weighs 1 for a network that predicts it")
    func zeroTerminalWeight() {
        let schedule = NoiseSchedule(.linear, count: 10, start: 0.1, end: 0.5, zeroTerminal: true)
        #expect(schedule.alphaBars[9] == 0)
        #expect(schedule.minSNRWeights(.epsilon, timesteps: [9]) == [1])
    }
}

@Suite("Guidance against diffusers", .tags(.parity))
struct GuidanceTests {
    /// The rescaling divides two standard deviations over 24 values.
    static let tolerance: Float = 1e-5

    @Test("Guided and rescaled predictions")
    func guidance() throws {
        let expected = try Reference.read().guidance
        try torchScope {
            let both = Tensor.randn(expected.shape, generator: Generator(seed: expected.seed))
            let halves = both.reshape([2 * expected.shape[1]] + expected.shape.dropFirst(2))
            let guided = Guidance(scale: expected.scale)(halves)
            let rescaled = Guidance(scale: expected.scale, rescale: expected.rescale)(halves)
            #expect(difference(guided.floats(), expected.guided.values) <= Self.tolerance)
            #expect(difference(rescaled.floats(), expected.rescaled.values) <= Self.tolerance)
            #expect(difference(guided.floats(), expected.rescaled.values) > Self.tolerance)
        }
    }

    @Test("A scale of 1 needs no unconditional prediction")
    func inactive() {
        #expect(!Guidance(scale: 1).isActive)
        #expect(Guidance(scale: 1.5).isActive)
    }
}
