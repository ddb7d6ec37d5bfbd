import Foundation
import LienzoCheckpoints
import LienzoDiffusion
import LienzoImages
import LienzoPipelines
import LienzoTorch
import TestSupport
import Testing

/// The directories of random weights that `Tools/reference/pipelines_kandinsky.py` writes, and what diffusers makes of
/// them.
///
/// Parts that several pipelines share lie in one of the directories; here they come together again.
struct KandinskyModel {
    /// A published pipeline.
    enum Kind: String, CaseIterable, Sendable {
        case decoder21, decoder22, inpaint21, inpaint22, depth22

        /// The name of the version in the fixtures.
        var version: String { String(rawValue.suffix(2)) }
    }

    static var fixtures: String { get throws { try TinyModel.fixture("kandinsky") } }

    static func expected() throws -> SafetensorsFile { try SafetensorsFile("\(fixtures)/expected.safetensors") }

    /// One of the fixtures' pictures.
    static func picture(_ name: String) throws -> Image { try Image(contentsOf: "\(fixtures)/\(name).png") }

    /// The embedding of the run from words, and what its guidance pushes away from.
    static func embedding() throws -> ImageEmbedding {
        try torchScope {
            let names = ["22.text.embedding", "22.text.negative"]
            let numbers = try names.map { try expected().tensor(named: $0).floats() }
            return ImageEmbedding(numbers[0], negative: numbers[1])
        }
    }

    private static let hintNetwork = "\(Clone.path)/Tests/ModelsTests/Fixtures/unet/kandinsky22-hint"

    /// Makes the whole directory of a decoder in a folder.
    static func directory(of kind: Kind, in folder: String) throws -> String {
        let path = "\(folder)/\(kind.rawValue)"
        if kind == .depth22 {
            // The same but for the U-Net, which is that of the Models tests.
            try FileManager.default.copyItem(atPath: "\(fixtures)/decoder22", toPath: path)
            try FileManager.default.removeItem(atPath: "\(path)/unet")
            try FileManager.default.copyItem(atPath: hintNetwork, toPath: "\(path)/unet")
            return path
        }
        try FileManager.default.copyItem(atPath: "\(fixtures)/\(kind.rawValue)", toPath: path)
        for source in ["decoder\(kind.version)", "decoder22"] {
            for part in ["movq", "scheduler", "text_encoder", "tokenizer"] {
                let (from, to) = try ("\(fixtures)/\(source)/\(part)", "\(path)/\(part)")
                let wanted = part == "movq" || source == "decoder\(kind.version)"
                if wanted, FileManager.default.fileExists(atPath: from), !FileManager.default.fileExists(atPath: to) {
                    try FileManager.default.copyItem(atPath: from, toPath: to)
                }
            }
        }
        return path
    }

    /// The configurations of a pipeline.
    static func configurations(_ kind: Kind, in folder: String) throws -> UnCLIPConfigurations {
        try UnCLIPConfigurations(
            prior: ModelDirectory("\(fixtures)/prior"),
            decoder: ModelDirectory(directory(of: kind, in: folder))
        )
    }
}

/// How alike two pictures of −1…1 are, in decibels.
func peakSignalToNoise(_ picture: Tensor, _ expected: Tensor) -> Double {
    guard picture.shape == expected.shape else { return -.infinity }
    let error = (picture.clamp(-1, 1) - expected.clamp(-1, 1)).square().mean().item
    return 10 * log10(4 / max(error, 1e-30))
}
