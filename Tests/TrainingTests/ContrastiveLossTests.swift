import Foundation
import LienzoCheckpoints
import LienzoModels
import LienzoNN
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoTraining

/// The objective of CLIP against open_clip; `Tools/reference/training_contrastive.py` writes the fixtures.
@Suite("Contrastive training equals open_clip's", .tags(.parity))
struct ContrastiveLossTests {
    /// Float32 sums in another order through two transformers, relative to each tensor's scale.
    static let tolerance = 1e-4

    @Test("The loss and every gradient are the reference's", arguments: ["vit", "resnet"])
    func gradients(tower: String) throws {
        try torchScope {
            let tiny = try TinyCLIP(tower)
            let loss = tiny.objective().backward(try tiny.pairs)
            #expect(difference(loss, try tiny.expected["loss"]) < Self.tolerance)
            try tiny.expectGradients(within: Self.tolerance)
        }
    }

    @Test("One step of AdamW leads where the reference's does", arguments: ["vit", "resnet"])
    func step(tower: String) throws {
        try torchScope {
            let tiny = try TinyCLIP(tower)
            var trainer = try Trainer(tiny.task(), plan: TinyCLIP.plan, run: nil)
            _ = try trainer.advance()
            var (compared, all) = (0.0, 0.0)
            for (name, found) in try tiny.after() {
                let expected = try tiny.expected["after.\(name)"]
                guard let gradient = try? tiny.expected["gradient.\(name)"] else {
                    #expect(difference(found, expected) < Self.tolerance, "\(name)")
                    continue
                }
                // The first step is the gradient over its own magnitude and epsilon: where it is no larger than that, such
                // as a key's bias has it, the step is what rounding says, in the reference as here.
                let isLarge = gradient.abs().isGreater(than: 10 * TinyCLIP.plan.epsilon)
                #expect(difference(.where(isLarge, found, expected), expected) < Self.tolerance, "\(name)")
                compared += isLarge.to(.float32).sum().item
                all += Double(gradient.count)
            }
            #expect(compared > 0.75 * all, "\(compared) of \(all)")
        }
    }

    @Test("Captions that have changed places, and decay left out, are noticed")
    func negativeControls() throws {
        try torchScope {
            let tiny = try TinyCLIP("vit")
            let pairs = try tiny.pairs
            let swapped = Pairs(pixels: pairs.pixels, ids: pairs.ids.flip(dims: [0]))
            #expect(difference(tiny.objective()(swapped), try tiny.expected["loss"]) > 100 * Self.tolerance)

            var plan = TinyCLIP.plan
            plan.weightDecay = 0
            var trainer = try Trainer(tiny.task(), plan: plan, run: nil)
            _ = try trainer.advance()
            let matrix = "transformer.resblocks.0.mlp.c_fc.weight"
            let found = try #require(try tiny.after()[matrix])
            #expect(difference(found, try tiny.expected["after.\(matrix)"]) > 10 * Self.tolerance)
        }
    }

    @Test("A batch in parts has the gradient of the whole, the logit scale's too", arguments: [2, 3, 6])
    func parts(count: Int) throws {
        try torchScope {
            let tiny = try TinyCLIP("vit")
            let loss = tiny.objective(parts: count).backward(try tiny.pairs)
            #expect(difference(loss, try tiny.expected["loss"]) < Self.tolerance)
            try tiny.expectGradients(within: Self.tolerance)
        }
    }

    @Test("Parts that are batches of their own have another gradient")
    func partsAlone() throws {
        try torchScope {
            let tiny = try TinyCLIP("vit")
            for piece in try tiny.pairs.split(2) { (tiny.objective()(piece) / 2).backward() }
            let name = "visual.proj"
            let gradient = try #require(tiny.gradient(of: name))
            #expect(difference(gradient, try tiny.expected["gradient.\(name)"]) > 100 * Self.tolerance)
        }
    }

    @Test("Blocks that are computed again have the same gradient and statistics", arguments: ["vit", "resnet"])
    func recomputation(tower: String) throws {
        try torchScope {
            let tiny = try TinyCLIP(tower)
            tiny.store.recomputesBlocks = true
            _ = tiny.objective().backward(try tiny.pairs)
            try tiny.expectGradients(within: Self.tolerance)
            for entry in tiny.store.entries where entry.kind == .buffer {
                #expect(difference(entry.tensor, try tiny.expected["after.\(entry.name)"]) < Self.tolerance)
            }
        }
    }

    @Test("A part of a network that is computed again is called again, with what it was called with")
    func recomputationCalls() throws {
        try torchScope {
            let x = Tensor([Float(2), 3], shape: [2])
            x.setRequiresGradient(true)
            var calls: [Bool] = []
            let y = x.recomputed { x, again in
                calls.append(again)
                return x * x * 5
            }
            #expect(calls == [false])
            y.sum().backward()
            #expect(calls == [false, true])
            #expect(x.gradient?.floats() == [20, 30])
            // Nothing is kept where no gradient is to come.
            withoutGradient { _ = x.recomputed { x, again in again ? x : x * 2 } }
        }
        #expect(throws: TorchError.self) {
            try torchScope {
                let x = Tensor([Float(2), 3], shape: [2])
                x.setRequiresGradient(true)
                _ = x.recomputed { x, _ in x.matmul(Tensor.zeros([7, 7])) }
            }
        }
    }

    @Test("A locked tower has no gradient, and the other has its own", arguments: ["visual.", "text"])
    func lockedTowers(locked: String) throws {
        try torchScope {
            func isLocked(_ name: String) -> Bool {
                name.hasPrefix("visual.") == (locked == "visual.") && name != "logit_scale"
            }
            for parts in [1, 3] {
                let tiny = try TinyCLIP("vit", isTrainable: { !isLocked($0) })
                _ = tiny.objective(parts: parts).backward(try tiny.pairs)
                try tiny.expectGradients(within: Self.tolerance)
                #expect(!tiny.store.trainable.contains { isLocked($0.name) })
                #expect(tiny.store.entries.contains { isLocked($0.name) && $0.kind == .frozen })
            }
        }
    }

    @Test("bfloat16 comes close, with parameters and gradients in float32")
    func bfloat16() throws {
        try torchScope {
            let tiny = try TinyCLIP("vit", computeType: .bfloat16)
            let loss = tiny.objective().backward(try tiny.pairs)
            // Eight bits of mantissa through two layers.
            #expect(difference(loss, try tiny.expected["loss"]) < 0.02)
            for name in ["visual.proj", "transformer.resblocks.0.attn.in_proj_weight"] {
                let gradient = try #require(tiny.gradient(of: name))
                #expect(gradient.dtype == .float32)
                #expect(cosine(gradient, try tiny.expected["gradient.\(name)"]) > 0.99, "\(name)")
            }
        }
    }

    @Test("The logit scale stays between 1 and 100")
    func scale() throws {
        try torchScope {
            let tiny = try TinyCLIP("vit")
            let (objective, scale) = (tiny.objective(), tiny.objective().model.logitScale)
            for (value, expected) in [(7.0, Foundation.log(100.0)), (-1, 0), (3, 3)] {
                scale.copy(from: Tensor(value))
                objective.clampScale()
                #expect(abs(scale.item - expected) < 1e-6)
            }
        }
    }

    @Test("A new model starts as the reference starts one", arguments: ["vit", "resnet"])
    func start(tower: String) throws {
        let url = try #require(Bundle.module.resourceURL).appending(path: "Fixtures/contrastive/start.json")
        let all = try JSONDecoder().decode([String: [String: Double]].self, from: Data(contentsOf: url))
        let expected = try #require(all[tower])
        let vision: String =
            tower == "vit"
            ? #"{"layers": 2, "width": 128, "patch_size": 16, "image_size": 64}"#
            : #"{"layers": [1, 1, 1, 1], "width": 16, "image_size": 64}"#
        let json = """
            {"embed_dim": 16, "vision_cfg": \(vision),
             "text_cfg": {"context_length": 16, "vocab_size": 512, "width": 128, "heads": 2, "layers": 3}}
            """
        try torchScope {
            let store = ParameterStore(training: nil, generator: Generator(seed: 3), computeType: .float32)
            _ = try CLIP(store.root, CLIPConfiguration(openCLIP: Data(json.utf8)))
            for (name, deviation) in expected {
                let own = try #require(store.trainable.first { $0.name == name }, "\(name)").tensor.std().item
                // Both are estimates from at least 2,048 numbers.
                #expect(abs(own - deviation) <= 0.08 * deviation, "\(name): \(own), expected \(deviation)")
            }
            #expect(expected.count > 15)
            #expect(
                abs((store.trainable.first { $0.name == "logit_scale" }?.tensor.item ?? 0) - Foundation.log(1 / 0.07))
                    < 1e-6
            )
        }
    }
}
