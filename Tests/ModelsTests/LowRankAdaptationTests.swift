import LienzoCheckpoints
import LienzoModels
import LienzoNN
import LienzoTorch
import TestSupport
import Testing

@Suite("LoRA")
struct LowRankAdaptationTests {
    /// The weights of one part among those of all.
    private struct Part: ParameterSource {
        let all: any ParameterSource
        let part: String

        var description: String { all.description }
        var names: [String] {
            all.names.filter { $0.hasPrefix(part + ".") }.map { String($0.dropFirst(part.count + 1)) }
        }
        func shape(of name: String) -> [Int]? { all.shape(of: "\(part).\(name)") }
        func tensor(named name: String) throws -> Tensor { try all.tensor(named: "\(part).\(name)") }
    }

    private static let parts = ["unet", "text_encoder", "text_encoder_2"]

    private func adaptation(_ name: String, scale: Double = 0.7) throws -> LowRankAdaptation {
        try LowRankAdaptation(openCheckpoint(fixture("lora/lora-\(name).safetensors")), scale: scale)
    }

    private func base(_ family: String) throws -> [String: any ParameterSource] {
        let all = try openCheckpoint(fixture("lora/base-\(family).safetensors"))
        return Dictionary(uniqueKeysWithValues: Self.parts.map { ($0, Part(all: all, part: $0)) })
    }

    @Test(
        "weights are merged as the reference does, whatever the file calls them",
        .tags(.parity),
        arguments: ["sd-peft", "sd-kohya", "sd-processor", "xl-peft", "xl-kohya", "xl-sgm"]
    )
    func merged(_ name: String) throws {
        let (base, lora) = (try base(String(name.prefix(2))), try adaptation(name))
        try lora.requireFit(base)
        let expected = try Expected("lora/merged-\(name).safetensors")
        for (part, source) in base {
            let adapted = lora.adapting(source, part: part)
            for weight in source.names {
                let full = "\(part).\(weight)"
                let found = try adapted.tensor(named: weight)
                if expected.names.contains(full) {
                    expectEqual(found, try expected[full], full, difference: 1e-6)
                    #expect(Agreement(found, try source.tensor(named: weight)).difference > 1e-4)
                } else {
                    #expect(Agreement(found, try source.tensor(named: weight)).difference == 0)
                }
            }
        }
    }

    @Test("a scale of zero changes nothing")
    func nothing() throws {
        let source = try #require(try base("sd")["unet"])
        let adapted = try adaptation("sd-kohya", scale: 0).adapting(source, part: "unet")
        for weight in source.names {
            #expect(Agreement(try adapted.tensor(named: weight), try source.tensor(named: weight)).difference == 0)
        }
    }

    @Test("a file for another model is refused before anything is built")
    func otherModel() throws {
        let error = #expect(throws: AdaptationError.self) { try adaptation("xl-sgm").requireFit(base("sd")) }
        #expect(error?.description.contains("is it a LoRA of another model?") == true)
    }

    @Test("a weight of another shape, half a pair, another kind of change and an empty file are sentences")
    func malformed() throws {
        let pair = [
            "lora_unet_conv_in.lora_down.weight": Tensor.zeros([2, 5]),
            "lora_unet_conv_in.lora_up.weight": Tensor.zeros([4, 2]),
        ]
        let base: [String: any ParameterSource] = [
            "unet": TensorDictionary(["conv_in.weight": Tensor.zeros([4, 4, 3, 3])])
        ]
        #expect(throws: AdaptationError.self) { try LowRankAdaptation(TensorDictionary(pair)).requireFit(base) }
        #expect(throws: AdaptationError.self) { try LowRankAdaptation(TensorDictionary([:])) }
        for change in [
            "lora_unet_conv_in.hada_w1_a", "lora_unet_conv_in.dora_scale", "lora_unet_conv_in.lora_mid.weight",
        ] {
            let tensors = pair.merging([change: Tensor.zeros([2, 2])]) { old, _ in old }
            #expect(throws: AdaptationError.self) { try LowRankAdaptation(TensorDictionary(tensors)) }
        }
        #expect(throws: AdaptationError.self) {
            try LowRankAdaptation(TensorDictionary(["lora_unet_conv_in.lora_up.weight": Tensor.zeros([4, 2])]))
        }
    }
}
