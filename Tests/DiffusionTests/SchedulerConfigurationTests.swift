import Foundation
import LienzoDiffusion
import Testing

@Suite("scheduler_config.json")
struct SchedulerConfigurationTests {
    private func read(_ json: String) throws -> (configuration: SchedulerConfiguration, unknownKeys: [String]) {
        try SchedulerConfiguration.read(Data(json.utf8))
    }

    @Test("The decoder scheduler of Kandinsky 2.1 is read, unknown keys are reported")
    func kandinsky() throws {
        let (configuration, unknown) = try read(
            """
            {"_class_name": "DDIMScheduler", "_diffusers_version": "0.17.0", "beta_end": 0.012,
             "beta_schedule": "linear", "beta_start": 0.00085, "clip_sample": false, "prediction_type": "epsilon",
             "set_alpha_to_one": false, "skip_prk_steps": true, "steps_offset": 1, "trained_betas": null}
            """
        )
        var expected = DDIMConfiguration()
        expected.noise.betaStart = 0.00085
        expected.noise.betaEnd = 0.012
        expected.noise.clips = false
        expected.noise.stepsOffset = 1
        expected.endsAtOne = false
        #expect(configuration == .ddim(expected))
        #expect(unknown == ["skip_prk_steps"])
    }

    private static var changed: EulerConfiguration {
        var changed = EulerConfiguration()
        changed.sigmas.spacing = .beta
        changed.sigmas.end = .minimum
        changed.sigmas.maximum = 80
        changed.interpolation = .logarithmic
        changed.timestepType = .continuous
        return changed
    }

    @Test(
        "What is written is read back",
        arguments: [
            SchedulerConfiguration.unCLIP(UnCLIPConfiguration()), .ddim(DDIMConfiguration()),
            .ddpm(DDPMConfiguration()), .pndm(PNDMConfiguration()), .euler(EulerConfiguration()),
            .eulerAncestral(EulerAncestralConfiguration()), .heun(HeunConfiguration()),
            .dpmSolver(DPMSolverConfiguration()), .dpmSolverSDE(DPMSolverSDEConfiguration()),
            .uniPC(UniPCConfiguration()), .lcm(LCMConfiguration()), .euler(Self.changed),
        ]
    )
    func roundTrip(_ configuration: SchedulerConfiguration) throws {
        let (back, unknown) = try SchedulerConfiguration.read(configuration.json())
        #expect(back == configuration)
        #expect(unknown.isEmpty)
    }

    @Test(
        "What is wrong is one sentence",
        arguments: [
            ("{", "The scheduler configuration cannot be read: it is not valid JSON."),
            ("{}", "The scheduler configuration cannot be read: \"_class_name\" is missing."),
            (
                #"{"_class_name": "EDMEulerScheduler"}"#,
                "The scheduler \"EDMEulerScheduler\" is not supported; expected UnCLIPScheduler, DDIMScheduler, "
                    + "DDPMScheduler, PNDMScheduler, EulerDiscreteScheduler, EulerAncestralDiscreteScheduler, "
                    + "HeunDiscreteScheduler, DPMSolverMultistepScheduler, DPMSolverSDEScheduler, "
                    + "UniPCMultistepScheduler or LCMScheduler."
            ),
            (
                #"{"_class_name": "HeunDiscreteScheduler", "use_karras_sigmas": true, "use_exponential_sigmas": true}"#,
                "The scheduler configuration asks for use_karras_sigmas and use_exponential_sigmas at once; "
                    + "expected at most one of them."
            ),
            (
                #"{"_class_name": "EulerDiscreteScheduler", "final_sigmas_type": "one"}"#,
                "The scheduler configuration cannot be read: \"final_sigmas_type\" has a value that is not supported."
            ),
            (
                #"{"_class_name": "EulerDiscreteScheduler", "sigma_min": 2, "sigma_max": 1}"#,
                "The scheduler configuration's \"sigma_max\" is 1.0; expected a number above sigma_min."
            ),
            (
                #"{"_class_name": "PNDMScheduler", "prediction_type": "sample"}"#,
                "The scheduler configuration's \"prediction_type\" is sample; expected epsilon or v_prediction."
            ),
            (
                #"{"_class_name": "DPMSolverMultistepScheduler", "solver_order": 4}"#,
                "The scheduler configuration's \"solver_order\" is 4; expected 1, 2 or 3."
            ),
            (
                #"{"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "dpmsolver"}"#,
                "The scheduler configuration's \"algorithm_type\" is dpmsolver; "
                    + "expected dpmsolver++ or sde-dpmsolver++."
            ),
            (
                #"{"_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": 100}"#,
                "The scheduler configuration's \"lambda_min_clipped\" is 100.0; expected a number that leaves 2 "
                    + "timesteps or more."
            ),
            (
                #"{"_class_name": "UniPCMultistepScheduler", "use_flow_sigmas": true}"#,
                "The scheduler configuration's \"use_flow_sigmas\" is true; expected false."
            ),
            (
                #"{"_class_name": "UniPCMultistepScheduler", "solver_type": "bh3"}"#,
                "The scheduler configuration's \"solver_type\" is bh3; expected bh1 or bh2."
            ),
            (
                #"{"_class_name": "LCMScheduler", "original_inference_steps": 2000}"#,
                "The scheduler configuration's \"original_inference_steps\" is 2000; "
                    + "expected 1 to the number of training timesteps, 1000."
            ),
            (
                #"{"_class_name": "DPMSolverSDEScheduler", "noise_sampler_seed": -1}"#,
                "The scheduler configuration's \"noise_sampler_seed\" is -1; expected a whole number of at least 0."
            ),
            (
                #"{"_class_name": "DDIMScheduler", "beta_start": "small"}"#,
                "The scheduler configuration cannot be read: \"beta_start\" is not of type Double."
            ),
            (
                #"{"_class_name": "DDPMScheduler", "variance_type": "fixed_large_log"}"#,
                "The scheduler configuration cannot be read: \"variance_type\" has a value that is not supported."
            ),
            (
                #"{"_class_name": "DDIMScheduler", "num_train_timesteps": 1000000000}"#,
                "The scheduler configuration's \"num_train_timesteps\" is 1000000000; expected 1 to 100000."
            ),
            (
                #"{"_class_name": "DDIMScheduler", "beta_end": 1.5}"#,
                "The scheduler configuration's \"beta_end\" is 1.5; expected a number from beta_start to below 1."
            ),
            (
                #"{"_class_name": "UnCLIPScheduler", "prediction_type": "v_prediction"}"#,
                "The scheduler configuration's \"prediction_type\" is v_prediction; expected epsilon or sample."
            ),
            (
                #"{"_class_name": "DDIMScheduler", "num_train_timesteps": 4, "trained_betas": [0.1]}"#,
                "The scheduler configuration's \"trained_betas\" is 1 numbers; expected one for each of 4 timesteps."
            ),
        ]
    )
    func sentences(json: String, sentence: String) {
        let error = #expect(throws: DiffusionError.self) { try read(json) }
        #expect(error?.description == sentence)
    }

    @Test("An offset that leads past the schedule is refused")
    func offset() throws {
        var configuration = DDIMConfiguration()
        configuration.noise.stepsOffset = 1
        #expect(throws: DiffusionError.self) { try DDIMSampler(configuration, steps: 1000) }
        #expect(try DDIMSampler(configuration, steps: 50).timesteps.first == 981)
    }

    @Test("An infinite number is read as the reference writes it")
    func infinity() throws {
        let (configuration, unknown) = try read(
            #"{"_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -Infinity, "variance_type": null}"#
        )
        #expect(configuration == .dpmSolver(DPMSolverConfiguration()))
        #expect(unknown.isEmpty)
    }
}

@Suite("A scheduler chosen by name")
struct SchedulerChoiceTests {
    @Test("Names are taken in any case, and the suffix says how the sigmas are spread")
    func names() throws {
        let json = Data(#"{"_class_name": "PNDMScheduler", "beta_end": 0.012, "skip_prk_steps": true}"#.utf8)
        for name in SchedulerChoice.names where name != "unclip" {
            let configuration = try SchedulerConfiguration.read(json, as: SchedulerChoice(name))
            #expect(try configuration.sampler(steps: 5).steps == 5)
        }
        var expected = DPMSolverConfiguration()
        expected.noise.betaEnd = 0.012
        expected.sigmas.spacing = .karras
        for choice in [try SchedulerChoice("DPM++2M-Karras"), try SchedulerChoice("dpm++2m", karras: true)] {
            #expect(try SchedulerConfiguration.read(json, as: choice) == .dpmSolver(expected))
        }
    }

    @Test(
        "A name that there is not is refused with the list of those that there are",
        arguments: [
            (
                "k_lms",
                "There is no scheduler \"k_lms\"; expected ddim, ddpm, pndm, plms, euler, euler-a, heun, dpm++2m, "
                    + "dpm++2m-sde, dpm++sde, unipc, lcm or unclip, and -karras behind euler, heun, dpm++2m, "
                    + "dpm++2m-sde, dpm++sde or unipc where wanted."
            ),
            (
                "ddim-karras",
                "The scheduler \"ddim\" has no Karras sigmas; "
                    + "expected euler, heun, dpm++2m, dpm++2m-sde, dpm++sde or unipc before -karras."
            ),
        ]
    )
    func unknown(name: String, sentence: String) {
        let error = #expect(throws: DiffusionError.self) { try SchedulerChoice(name) }
        #expect(error?.description == sentence)
    }

    @Test("A scheduler that cannot use the model's prediction is refused")
    func prediction() throws {
        let json = Data(#"{"_class_name": "UnCLIPScheduler", "prediction_type": "sample"}"#.utf8)
        #expect(throws: DiffusionError.self) { try SchedulerConfiguration.read(json, as: SchedulerChoice("euler-a")) }
        #expect(throws: Never.self) { try SchedulerConfiguration.read(json, as: SchedulerChoice("ddpm")) }
    }

    @Test("A number of steps that a schedule cannot take is refused", arguments: SchedulerChoice.names, [0, -1, 1001])
    func steps(name: String, steps: Int) throws {
        let json = Data(#"{"_class_name": "UnCLIPScheduler", "beta_schedule": "squaredcos_cap_v2"}"#.utf8)
        let configuration = try SchedulerConfiguration.read(json, as: SchedulerChoice(name))
        #expect(throws: DiffusionError.invalidSteps(found: steps, expected: configuration.allowedSteps)) {
            try configuration.sampler(steps: steps)
        }
    }

    @Test("The ends of what is allowed make a run", arguments: SchedulerChoice.names)
    func allowed(name: String) throws {
        let json = Data(#"{"_class_name": "UnCLIPScheduler", "beta_schedule": "squaredcos_cap_v2"}"#.utf8)
        let configuration = try SchedulerConfiguration.read(json, as: SchedulerChoice(name))
        for steps in [configuration.allowedSteps.lowerBound, configuration.allowedSteps.upperBound] {
            let sampler = try configuration.sampler(steps: steps)
            #expect(sampler.timesteps.allSatisfy { (0..<1000).contains($0) })
            #expect(sampler.timesteps.count >= steps)
        }
    }

    @Test("A strength out of range, or that leaves no step, is refused with a sentence")
    func strength() throws {
        let sampler = try SchedulerConfiguration.heun(HeunConfiguration()).sampler(steps: 10)
        #expect(try sampler.begin(strength: 1) == 0)
        #expect(try sampler.begin(strength: 0.35) == 14)
        for (strength, sentence) in [
            (0.0, "The strength is 0.0; expected a number above 0 and at most 1."),
            (1.5, "The strength is 1.5; expected a number above 0 and at most 1."),
            (.nan, "The strength is nan; expected a number above 0 and at most 1."),
            (0.05, "A strength of 0.05 leaves none of 10 steps; expected a larger strength or more steps."),
        ] {
            let error = #expect(throws: DiffusionError.self) { try sampler.begin(strength: strength) }
            #expect(error?.description == sentence)
        }
    }
}
