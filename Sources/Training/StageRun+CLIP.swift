import Foundation
import LienzoCheckpoints
import LienzoModels
import LienzoNN
import LienzoTokenizers
import LienzoTorch

extension StageRun {
    /// Joins the pretrained towers into one dual encoder, trains it and writes it with its tokenizer.
    func trainCLIP() throws {
        let configuration = try places.model.clipConfiguration()
        let towers = try PretrainedTowers(places.towers)
        let vocabulary = towers.vocabulary
        try WordPieceTokenizer(vocabulary: vocabulary, configuration: WordPieceConfiguration())
            .write(toDirectory: "\(places.model.path)/clip")
        var tensors = try torchScope { try towers.tensors(for: configuration) }

        // The towers by themselves, with projections that only fill their places.
        let (dimension, width) = (configuration.embeddingDimension, configuration.imageTower.featureChannels)
        let textWidth = configuration.textTower.width
        tensors[Self.imageHead] = .zeros([dimension, width])
        tensors[Self.textHead] = .zeros([dimension, textWidth])
        tensors["logit_scale"] = Tensor(Foundation.log(CLIPTask.scale))
        let locked = try OpenCLIP(
            ParameterStore(loading: TensorDictionary(tensors, description: places.towers), device: device).root,
            configuration
        )
        let texts = TextFeatures(clip: locked, tokenizer: try places.model.tokenizer(), device: device)
        func features(_ split: String) throws -> PictureFeatures {
            try PictureFeatures(
                shards: places.shards(split),
                limit: places.pictureLimit,
                clip: locked,
                seed: plan.seed,
                cache: FeatureCache(path: "\(places.run)/\(split).safetensors", key: inputs.key("towers/")),
                device: device,
                progress: prepare
            )
        }
        let (pictures, heldOut) = (try features("train"), try features("validation"))
        let prototypes = try withoutGradient {
            try torchScope {
                ClassPrototypes(
                    names: towers.classNames,
                    weight: try towers.classifier.weight.to(device),
                    bias: try towers.classifier.bias.to(device),
                    features: pictures.plain
                )
            }
        }
        var start = tensors
        start[Self.imageHead] = try withoutGradient {
            try torchScope { prototypes.projection(into: texts(prototypes.names.map { "a photo of a \($0[0])" })) }
        }
        start[Self.textHead] = .identity(dimension, textWidth)
        let task = try CLIPTask(
            store: ParameterStore(training: TensorDictionary(start), generator: nil, device: device),
            configuration: configuration,
            pictures: pictures,
            heldOut: heldOut,
            prototypes: prototypes,
            texts: texts,
            plan: plan
        )
        var trainer = try Trainer(task, plan: plan, run: folder)
        try trainer.train(evaluationSteps: 30, logSteps: 5, isCancelled: isCancelled) { report(.progress($0)) }
        guard trainer.stepsDone == plan.steps else { return }
        for (name, tensor) in try trainer.task.scaledProjections(trainer.averagedWeights) { tensors[name] = tensor }
        let file = ModelFolder.clipWeights
        try places.model.write(tensors.sorted { $0.key < $1.key }.map { (name: $0.key, tensor: $0.value) }, to: file)
        report(.wrote("\(places.model.path)/\(file)"))
    }

    private static var imageHead: String { "visual.head.proj.weight" }
    private static var textHead: String { "text.proj.weight" }
}

/// The pretrained networks that `mini`'s dual encoder begins with.
///
/// They are in a folder that `Scripts/fetch-towers` makes:
///
///     efficientnet-lite0.pth           image tower and classifier
///     minilm/model.safetensors         text tower
///     minilm/vocab.txt
///     imagenet_synsets.txt             the classifier's classes, one WordNet identifier a line
///     imagenet_synset_to_lemma.txt     WordNet identifier, tab, names
struct PretrainedTowers {
    /// What the folder holds.
    static let files = [
        imageFile, textFile, vocabularyFile, classesFile, classNamesFile,
    ]
    private static let imageFile = "efficientnet-lite0.pth"
    private static let textFile = "minilm/model.safetensors"
    private static let vocabularyFile = "minilm/vocab.txt"
    private static let classesFile = "imagenet_synsets.txt"
    private static let classNamesFile = "imagenet_synset_to_lemma.txt"

    let vocabulary: WordPieceVocabulary
    /// One name or several for each class of the classifier.
    let classNames: [[String]]
    private let keptRows: [Int]
    private let image: any ParameterSource
    private let text: any ParameterSource

    init(_ folder: String) throws {
        guard FileManager.default.fileExists(atPath: "\(folder)/\(Self.imageFile)") else {
            throw TrainingError("\(folder) has no pretrained towers; run `Scripts/fetch-towers` first")
        }
        image = try TorchArchive("\(folder)/\(Self.imageFile)")
        text = try SafetensorsFile("\(folder)/\(Self.textFile)")
        (vocabulary, keptRows) = try WordPieceVocabulary(contentsOf: "\(folder)/\(Self.vocabularyFile)")
            .removingUnused()
        classNames = try Self.names(in: folder)
    }

    var classifier: (weight: Tensor, bias: Tensor) {
        get throws {
            (try image.tensor(named: "_fc.weight").to(.float32), try image.tensor(named: "_fc.bias").to(.float32))
        }
    }

    /// The towers' tensors by OpenCLIP's names, in the precision they are stored in.
    func tensors(for configuration: OpenCLIPConfiguration) throws -> [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        let prefix = "visual.trunk."
        for (name, original) in configuration.imageTower.originalNames(prefix: prefix)
        where !name.hasPrefix("\(prefix)classifier") {
            tensors[name] = try image.tensor(named: original)
        }
        for name in text.names where !name.hasPrefix("pooler.") && name != "embeddings.position_ids" {
            tensors["text.transformer.\(name)"] = try text.tensor(named: name)
        }
        let words = "text.transformer.embeddings.word_embeddings.weight"
        let positions = "text.transformer.embeddings.position_embeddings.weight"
        guard let wordRows = tensors[words], let positionRows = tensors[positions] else {
            throw TrainingError("the text tower has no embeddings; it is not the MiniLM that Scripts/fetch-towers gets")
        }
        tensors[words] = wordRows.indexSelect(dim: 0, Tensor(keptRows.map(Int64.init)))
        tensors[positions] = positionRows.narrow(
            dim: 0,
            start: 0,
            length: configuration.textTower.maximumLength
        )
        return tensors
    }

    private static func names(in folder: String) throws -> [[String]] {
        func lines(_ file: String) throws -> [Substring] {
            guard let bytes = FileManager.default.contents(atPath: "\(folder)/\(file)") else {
                throw TrainingError("\(folder)/\(file) is missing; run `Scripts/fetch-towers` again")
            }
            return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        }
        var lemmas: [Substring: [String]] = [:]
        for line in try lines(classNamesFile) {
            let parts = line.split(separator: "\t", maxSplits: 1)
            guard parts.count == 2 else { continue }
            lemmas[parts[0]] = parts[1].split(separator: ",").map {
                $0.trimmingCharacters(in: .whitespaces).replacingOccurrences(of: "_", with: " ").lowercased()
            }
        }
        let names = try lines(classesFile).map { lemmas[$0] ?? [] }
        guard names.count == 1000, names.allSatisfy({ !$0.isEmpty }) else {
            throw TrainingError("\(folder) names \(names.count) classes where the classifier has 1000")
        }
        return names
    }
}
