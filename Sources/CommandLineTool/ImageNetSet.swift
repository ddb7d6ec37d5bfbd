import Foundation
import LienzoEvaluation
import LienzoPipelines

/// One of the data sets that share ImageNet's classes: its folder, its classes, and what was published on it.
struct ImageNetSet: Sendable {
    /// What it is called.
    let name: String
    /// The folder that it is expected in.
    let folder: String
    /// Top-1 in per cent of ResNet-101, and of CLIP ViT-L/14@336px without training on ImageNet.
    ///
    /// Source: Radford et al. 2021, figure 13.
    let published: (resNet101: Double, clip: Double)

    /// The sets of the lecture's table.
    static let all = [
        ImageNetSet(name: "ImageNet", folder: "imagenet", published: (76.2, 76.2)),
        ImageNetSet(name: "ImageNet V2", folder: "imagenet-v2", published: (64.3, 70.1)),
        ImageNetSet(name: "ImageNet Rendition", folder: "imagenet-r", published: (37.7, 88.9)),
        ImageNetSet(name: "ObjectNet", folder: "objectnet", published: (32.6, 72.3)),
        ImageNetSet(name: "ImageNet Sketch", folder: "imagenet-sketch", published: (25.2, 60.2)),
        ImageNetSet(name: "ImageNet Adversarial", folder: "imagenet-a", published: (2.7, 77.1)),
    ]

    /// Which of ImageNet's 1,000 classes each class of a set stands for.
    struct Classes: Sendable {
        let pictures: LabelledPictures
        /// For each class those of ImageNet that count as it.
        let members: [[Int]]

        /// The score of each class: the best of its members'.
        func scores(_ imageNet: [Float]) -> [Float] { members.map { $0.map { imageNet[$0] }.max() ?? -.infinity } }
    }

    /// ImageNet's classes: their synsets in the order that networks have them, and what they are called.
    struct Names: Sendable {
        let synsets: [String]
        let names: [String]
    }

    /// Reads which classes a set on disk has.
    ///
    /// Folders may be called by synset (`n01440764`), by number (`0` to `999`), or as ObjectNet has them, beside whose
    /// `images` the folder `mappings` says which of ImageNet's classes they are.
    func classes(in root: String, _ imageNet: Names) throws(CommandError) -> Classes {
        let path = "\(root)/\(folder)"
        if FileManager.default.fileExists(atPath: "\(path)/mappings") { return try Self.objectNet(path, imageNet) }
        guard let folders = LabelledPictures.folders([path]) else {
            throw CommandError("\(path) has no folders; expected one for each class.")
        }
        let places = Dictionary(uniqueKeysWithValues: imageNet.synsets.enumerated().map { ($0.element, $0.offset) })
        var members: [Int] = []
        for folder in folders {
            guard let place = places[folder] ?? Int(folder), imageNet.synsets.indices.contains(place) else {
                throw CommandError(
                    "\(path)/\(folder) is no class of ImageNet; expected a synset such as n01440764, or 0 to 999."
                )
            }
            members.append(place)
        }
        return Classes(
            pictures: LabelledPictures(folder: path, folders: folders, classes: members.map { imageNet.names[$0] }),
            members: members.map { [$0] }
        )
    }

    /// ObjectNet's 113 classes that ImageNet has too.
    ///
    /// Source: Barbu et al. 2019; the mappings in the data set's own archive.
    private static func objectNet(_ path: String, _ imageNet: Names) throws(CommandError) -> Classes {
        func read<Value: Decodable>(_ file: String, as type: Value.Type) throws(CommandError) -> Value {
            let file = "\(path)/mappings/\(file)"
            guard let data = FileManager.default.contents(atPath: file),
                let value = try? JSONDecoder().decode(type, from: data)
            else { throw CommandError("\(file) is missing or damaged; it is in ObjectNet's archive.") }
            return value
        }
        let labels = try read("folder_to_objectnet_label.json", as: [String: String].self)
        let members = try read("objectnet_to_imagenet_1k.json", as: [String: String].self)
        let numbers = try read("pytorch_to_imagenet_2012_id.json", as: [String: Int].self)
        guard let list = try? String(contentsOfFile: "\(path)/mappings/imagenet_to_label_2012_v2", encoding: .utf8)
        else {
            throw CommandError("\(path)/mappings/imagenet_to_label_2012_v2 is missing; it is in ObjectNet's archive.")
        }
        let places = Dictionary(numbers.compactMap { key, value in Int(key).map { (value, $0) } }) { first, _ in first }
        let lines = Dictionary(
            list.split(separator: "\n").enumerated().map {
                (String($0.element).trimmingCharacters(in: .whitespaces), $0.offset)
            }
        ) { first, _ in first }
        var found: [(folder: String, name: String, members: [Int])] = []
        for (folder, label) in labels.sorted(by: { $0.key < $1.key }) {
            guard let own = members[label] else { continue }
            let indices = own.components(separatedBy: "; ").compactMap { name in
                lines[name.trimmingCharacters(in: .whitespaces)].flatMap { places[$0] }
            }
            guard !indices.isEmpty, indices.allSatisfy(imageNet.synsets.indices.contains) else {
                throw CommandError("\(path)/mappings names classes of \(label) that ImageNet has not: \(own).")
            }
            found.append((folder, label, indices))
        }
        guard !found.isEmpty else { throw CommandError("\(path)/mappings names no class that ImageNet has.") }
        return Classes(
            pictures: LabelledPictures(
                folder: "\(path)/images",
                folders: found.map(\.folder),
                classes: found.map(\.name)
            ),
            members: found.map(\.members)
        )
    }
}
