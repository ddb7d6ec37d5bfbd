import Foundation
import LienzoNN
import LienzoTorch
import TestSupport
import Testing

@testable import LienzoModels

/// Names and shapes of the published networks' tensors, as the reference builds them from the published configurations:
/// a network is built of exactly these.
///
/// `Tools/reference/models_published.py` writes the fixtures. The tensors are zeros that take no memory.
@Suite("Published networks have the tensors that Lienzo reads", .tags(.parity))
struct PublishedTests {
    static let names = [
        "kandinsky21-prior", "kandinsky22-prior", "kandinsky21-unet", "kandinsky21-inpaint-unet", "kandinsky22-unet",
        "kandinsky22-inpaint-unet", "kandinsky22-depth-unet", "kandinsky-movq", "kandinsky21-text",
        "kandinsky21-image", "kandinsky22-text", "kandinsky22-image", "kandinsky21-multilingual",
        "karlo-prior", "karlo-decoder", "karlo-super-resolution", "karlo-projection", "safety-checker",
    ]

    @Test("All tensors are read, and no others", arguments: names)
    func allAreRead(name: String) throws {
        let network = try PublishedNetwork(name)
        #expect(network.shapes.count > 10)
        try torchScope { try network.build(network.shapes) }
    }

    @Test("Of the safety checker, the names that old versions of the reference wrote are read, too")
    func oldNames() throws {
        let checker = try PublishedNetwork("safety-checker")
        var old: [String: [Int]] = ["vision_model.vision_model.embeddings.position_ids": [1, 257]]
        for (name, shape) in checker.shapes {
            let isBare = name.hasPrefix("vision_model.") && !name.hasPrefix("vision_model.vision_model.")
            old[isBare ? "vision_model.\(name)" : name] = shape
        }
        #expect(old.count == checker.shapes.count + 1)
        try torchScope { try checker.build(old) }
    }

    @Test("A tensor that is missing, renamed or turned around is told", arguments: names)
    func changesAreTold(name: String) throws {
        let network = try PublishedNetwork(name)
        let matrices = network.shapes.filter { $0.value.count == 2 && $0.value[0] != $0.value[1] }.keys.sorted()
        let matrix = try #require(matrices.first { !network.isIgnorable($0) })
        let shape = try #require(network.shapes[matrix])
        let missing = network.shapes.filter { $0.key != matrix }
        let renamed = missing.merging(["\(matrix)s": shape]) { own, _ in own }
        let turned = missing.merging([matrix: shape.reversed()]) { own, _ in own }
        let surplus = network.shapes.merging(["surplus.weight": [1]]) { own, _ in own }
        for changed in [missing, renamed, turned, surplus] {
            #expect(throws: ParameterError.self) { try torchScope { try network.build(changed) } }
        }
    }
}

/// A published network without its numbers.
private struct PublishedNetwork {
    let shapes: [String: [Int]]
    private let name: String
    private let configuration: Data

    init(_ name: String) throws {
        self.name = name
        let content = try JSONDecoder().decode([String: JSONValue].self, from: fixtureData("published/\(name).json"))
        configuration = try JSONEncoder().encode(#require(content["config"]))
        shapes = try #require(content["tensors"]).tensors
    }

    func isIgnorable(_ tensor: String) -> Bool {
        name.hasSuffix("multilingual") ? MultilingualCLIP.isIgnorable(tensor) : CLIP.isIgnorable(tensor)
    }

    /// Builds the network of tensors with these shapes.
    func build(_ shapes: [String: [Int]]) throws {
        var source: any ParameterSource = Zeros(shapes: shapes)
        if name.hasSuffix("text") || name.hasSuffix("image") { source = HuggingFaceCLIPNames(source) }
        if name.hasSuffix("checker") { source = HuggingFaceCLIPNames(safetyChecker: source) }
        // What is frozen in training stays the tensor that the source gives.
        let store = ParameterStore(training: source, generator: nil, computeType: .float32, isTrainable: { _ in false })
        switch name.split(separator: "-").last {
        case "prior": _ = try PriorTransformer(store.root, PriorTransformerConfiguration(json: configuration))
        case "unet", "decoder":
            _ = try UNet2DConditionModel(store.root, UNet2DConditionConfiguration(json: configuration))
        case "movq": _ = try VQModel(store.root, VQModelConfiguration(json: configuration))
        case "multilingual":
            _ = try MultilingualCLIP(store.root, MultilingualCLIPConfiguration(json: configuration))
        case "text": _ = try TextTransformer(store.root, TextTransformerConfiguration(huggingFace: configuration))
        case "image":
            _ = try VisionTransformer(store.root["visual"], VisionTransformerConfiguration(huggingFace: configuration))
        case "resolution": _ = try UNet2DModel(store.root, UNet2DModelConfiguration(json: configuration))
        case "projection":
            _ = try UnCLIPTextProjection(store.root, UnCLIPTextProjectionConfiguration(json: configuration))
        case "checker":
            let preprocessor = Data(#"{"size": 224, "crop_size": 224, "do_center_crop": true, "resample": 3}"#.utf8)
            _ = try SafetyChecker(
                store.root,
                SafetyCheckerConfiguration(json: configuration, preprocessor: preprocessor)
            )
        default: Issue.record("\(name) is no network")
        }
        try store.finish(ignoring: isIgnorable)
    }
}

/// Tensors of zeros that all are one number in memory.
private struct Zeros: ParameterSource {
    let shapes: [String: [Int]]

    var description: String { "a published network" }
    var names: [String] { shapes.keys.sorted() }
    func shape(of name: String) -> [Int]? { shapes[name] }
    func tensor(named name: String) throws -> Tensor {
        let shape = try #require(shapes[name])
        return Tensor.zeros(shape.map { _ in 1 }).expand(shape)
    }
}

extension JSONValue {
    /// The tree of names as full names with their shapes; a branch may stand under several names.
    fileprivate var tensors: [String: [Int]] {
        if let sizes = array { return ["": sizes.compactMap(\.integer)] }
        guard case .object(let branches) = self else { return [:] }
        var tensors: [String: [Int]] = [:]
        for (names, branch) in branches {
            for name in names.split(separator: " ") {
                for (rest, shape) in branch.tensors { tensors[rest.isEmpty ? "\(name)" : "\(name).\(rest)"] = shape }
            }
        }
        return tensors
    }
}
