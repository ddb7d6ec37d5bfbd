import Foundation
import LienzoImages
import LienzoModels
import LienzoNN
package import LienzoTorch

/// A contrastive training from its first step to the folder with the trained model.
package struct ContrastiveRun {
    private let model: ContrastiveModel
    private let plan: TrainingPlan
    private let settings: ContrastiveSettings
    private let group: ProcessGroup
    private let device: Device

    /// The numbers of the paper, but for the size of the batch and the length, which are those of one machine.
    ///
    /// Source: Radford et al. 2021, tables 18 and 19.
    package static let plan = TrainingPlan(
        steps: 10_000,
        batch: 256,
        learningRate: 5e-4,
        warmUp: 2_000,
        rateFloor: 0,
        weightDecay: 0.2,
        beta2: 0.98,
        epsilon: 1e-6,
        clipNorm: 0,
        averageDecay: 0
    )

    /// - Parameters:
    ///   - model: what is trained.
    ///   - plan: the numbers of the run.
    ///   - settings: what it reads and writes.
    ///   - group: the processes that train together, each of which makes the same call.
    ///   - device: where it computes.
    package init(
        _ model: ContrastiveModel,
        plan: TrainingPlan,
        settings: ContrastiveSettings,
        group: ProcessGroup = ProcessGroup(),
        device: Device = .cpu
    ) {
        self.model = model
        self.plan = plan
        self.settings = settings
        self.group = group
        self.device = device
    }

    /// Trains to the end of the plan and writes the model; when cancelled, only the checkpoint is written, and the same
    /// call goes on from there.
    ///
    /// - Parameters:
    ///   - isCancelled: asked before each step.
    ///   - note: told of samples that are passed over, from a thread of its own.
    ///   - report: told how far the run is.
    /// - Throws: ``TrainingError`` for a run that cannot begin or go on; errors of files, weights and shards.
    package func run(
        isCancelled: () -> Bool,
        note: @escaping @Sendable (String) -> Void = { _ in },
        report: (TrainingEvent) -> Void
    ) throws {
        let (streams, perStream) = try settings.division(batch: plan.batch, processes: group.size)
        if settings.locksImageTower && settings.locksTextTower {
            throw TrainingError("both towers are locked, so there is nothing to train")
        }
        if settings.locksImageTower || settings.locksTextTower, model.start == nil {
            throw TrainingError("a tower that knows nothing cannot be locked; begin with a trained one (--start)")
        }
        let type = settings.computeType ?? Engine.preferredComputeType(on: device)
        let inputs = TrainingInputs(settings.facts(of: model, streams: streams, computeType: type))
        try requireSameStart(inputs)
        let pairs = pairs(streams: streams, perStream: perStream)
        try pairs.requireWholeSteps()
        let folder = group.isFirst ? try RunDirectory(settings.run, plan: plan, inputs: inputs) : nil
        try torchScope {
            let store = model.store(
                seed: plan.seed,
                device: device,
                computeType: type,
                isTrainable: settings.trains
            )
            store.recomputesBlocks = settings.recomputesBlocks
            let task = try ContrastiveTask(
                model.configuration,
                store: store,
                pairs: pairs,
                heldOut: HeldOutPairs(shards: settings.validation, limit: settings.validationPairs),
                parts: settings.parts,
                group: group,
                note: note
            )
            try train(task, folder, isCancelled: isCancelled, report: report)
        }
    }

    private func pairs(streams: Int, perStream: Int) -> PairSettings {
        let preprocessing = model.configuration.preprocessing
        return PairSettings(
            shards: settings.shards,
            streams: streams,
            perStream: perStream,
            bufferSize: settings.bufferSize,
            seed: plan.seed,
            crop: RandomResizedCrop(
                side: preprocessing.size,
                filter: preprocessing.interpolation == .bilinear ? .bilinear : .bicubic
            ),
            tokenizer: model.tokenizer,
            contextLength: model.configuration.contextLength
        )
    }

    private func train(
        _ task: ContrastiveTask,
        _ folder: RunDirectory?,
        isCancelled: () -> Bool,
        report: (TrainingEvent) -> Void
    ) throws {
        var trainer = try Trainer(task, plan: plan, run: folder, group: group)
        try trainer.train(
            evaluationSteps: settings.evaluationSteps,
            logSteps: settings.logSteps,
            isCancelled: isCancelled,
            report: { report(.progress($0)) },
            evaluated: { if let folder { try LossCurve.write(folder.history(), to: folder.path) } }
        )
        guard trainer.stepsDone == plan.steps else {
            if isCancelled() { return }
            throw TrainingError(
                "another process of this training was stopped, and this one with it; the checkpoint in \(settings.run) is good"
            )
        }
        guard group.isFirst else { return }
        try model.write(trainer.averagedWeights, to: settings.output)
        report(.wrote(settings.output))
    }

    /// Processes that were given other numbers would train something that none of them says.
    private func requireSameStart(_ inputs: TrainingInputs) throws {
        guard !group.isAlone else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let bytes = try encoder.encode(plan) + encoder.encode(inputs)
        // FNV-1a: the same in every process, which Swift's own hashes are not.
        let digest = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        let all = try torchScope { group.gather(Tensor([Int64(bitPattern: digest)])).int64s() }
        if let other = all.indices.first(where: { all[$0] != all[0] }) {
            throw TrainingError(
                "process \(other) was given other numbers, settings or shards than process 0; give all the same"
            )
        }
    }
}
