import LienzoHub
import Testing

@Suite("Which files of a model are pulled")
struct FileSelectionTests {
    private func chosen(_ names: [String], _ selection: FileSelection = FileSelection()) throws -> [String] {
        try selection.chosen(from: names.map { RepositoryListing.File(path: try RepositoryPath($0)) })
            .map(\.path.description)
    }

    @Test("Of a transformers model, safetensors and what is needed to read them")
    func transformers() throws {
        let names = [
            ".gitattributes", "README.md", "config.json", "flax_model.msgpack", "merges.txt", "model.safetensors",
            "onnx/config.json", "onnx/model.onnx", "openvino/openvino_model.bin", "preprocessor_config.json",
            "pytorch_model.bin", "rust_model.ot", "tf_model.h5", "tokenizer.json", "vocab.json",
        ]
        #expect(
            try chosen(names) == [
                "README.md", "config.json", "merges.txt", "model.safetensors", "preprocessor_config.json",
                "tokenizer.json", "vocab.json",
            ]
        )
    }

    @Test("Pickles where there are no safetensors, and in whichever number of files")
    func shards() throws {
        #expect(try chosen(["config.json", "pytorch_model.bin"]) == ["config.json", "pytorch_model.bin"])
        let names = [
            "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json",
            "pytorch_model-00001-of-00003.bin", "pytorch_model-00002-of-00003.bin", "pytorch_model-00003-of-00003.bin",
            "pytorch_model.bin.index.json", "training_args.bin",
        ]
        #expect(try chosen(names) == Array(names[..<3]) + ["training_args.bin"])
    }

    @Test("Of a model directory its parts, in one precision, and no single file beside them")
    func modelDirectory() throws {
        let names = [
            "model_index.json", "scheduler/scheduler_config.json", "text_encoder/model.fp16.safetensors",
            "text_encoder/model.safetensors", "text_encoder/pytorch_model.bin", "unet/config.json",
            "unet/diffusion_pytorch_model.bin", "unet/diffusion_pytorch_model.fp16.bin",
            "unet/diffusion_pytorch_model.non_ema.safetensors", "unet/diffusion_pytorch_model.safetensors",
            "v1-5-pruned.ckpt", "v1-5-pruned.safetensors", "vae/diffusion_pytorch_model.fp16.safetensors",
        ]
        #expect(
            try chosen(names) == [
                "model_index.json", "scheduler/scheduler_config.json", "text_encoder/model.safetensors",
                "unet/config.json", "unet/diffusion_pytorch_model.safetensors",
                "vae/diffusion_pytorch_model.fp16.safetensors",
            ]
        )
    }

    @Test("OpenCLIP's weights come once")
    func openCLIP() throws {
        let names = ["open_clip_config.json", "open_clip_model.safetensors", "open_clip_pytorch_model.bin"]
        #expect(try chosen(names) == Array(names[..<2]))
    }

    @Test("What exists for another framework only is pulled, because it is not there twice")
    func otherFramework() throws {
        #expect(try chosen(["config.json", "onnx/model.onnx"]) == ["config.json", "onnx/model.onnx"])
    }

    @Test("Patterns decide where there are some")
    func patterns() throws {
        let names = ["a.json", "a.onnx", "b.bin", "unet/a.json", "unet/b.safetensors"]
        #expect(try chosen(names, FileSelection(include: ["*.onnx"])) == ["a.onnx"])
        #expect(try chosen(names, FileSelection(include: ["*.json"])) == ["a.json", "unet/a.json"])
        #expect(try chosen(names, FileSelection(include: ["unet/"])) == ["unet/a.json", "unet/b.safetensors"])
        #expect(try chosen(names, FileSelection(exclude: ["unet/*", "?.bin"])) == ["a.json"])
        #expect(try chosen(names, FileSelection(include: ["*.json"], exclude: ["[a-z]*/*"])) == ["a.json"])
        #expect(try chosen(names, FileSelection(include: ["nothing"])).isEmpty)
    }
}
