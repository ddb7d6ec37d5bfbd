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

    @Test(
        "What is written is read back",
        arguments: [
            SchedulerConfiguration.unCLIP(UnCLIPConfiguration()), .ddim(DDIMConfiguration()),
            .ddpm(DDPMConfiguration()),
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
                #"{"_class_name": "EulerDiscreteScheduler"}"#,
                "The scheduler \"EulerDiscreteScheduler\" is not supported; "
                    + "expected UnCLIPScheduler, DDIMScheduler or DDPMScheduler."
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
}
