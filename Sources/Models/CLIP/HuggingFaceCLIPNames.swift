package import LienzoNN
package import LienzoTorch

/// The tensors of transformers' `CLIPModel` under the names that ``CLIP`` asks for.
///
/// The three projections of an attention become one, which is one product instead of three; projections that the file
/// has as `[out, in]` are turned.
///
/// Source: `transformers/models/clip/modeling_clip.py`; `convert_clip_original_pytorch_to_hf.py`.
package struct HuggingFaceCLIPNames: ParameterSource {
    private enum Origin {
        case same(String)
        case turned(String)
        /// Rows of the first, then of the second and so on.
        case joined([String])
    }

    private let source: any ParameterSource
    private let origins: [String: Origin]

    /// The names of a text tower that is saved alone: as in `CLIPModel`, or, by newer versions, without `text_model.`.
    ///
    /// What old versions saved beside the parameters, the numbers of the places, is left out.
    package init(textTower source: any ParameterSource) {
        var origins: [String: String] = [:]
        for name in source.names where !name.hasSuffix("embeddings.position_ids") {
            let isBare = ["embeddings.", "encoder.", "final_layer_norm."].contains { name.hasPrefix($0) }
            origins[isBare ? "text_model.\(name)" : name] = name
        }
        self.init(RenamedParameters(source, origins: origins))
    }

    /// The names of diffusers' `StableDiffusionSafetyChecker`, whose tower is one module deeper in files of old versions.
    package init(safetyChecker source: any ParameterSource) {
        let names = source.names.filter { !$0.hasSuffix("embeddings.position_ids") }
        let origins = names.map { ($0.replacing("vision_model.vision_model.", with: "vision_model."), $0) }
        self.init(RenamedParameters(source, origins: Dictionary(origins) { first, _ in first }))
    }

    package init(_ source: any ParameterSource) {
        self.source = source
        var origins: [String: Origin] = [:]
        for name in source.names {
            guard let (newName, origin) = Self.renamed(name) else { continue }
            origins[newName] = origin
        }
        self.origins = origins
    }

    package var description: String { source.description }
    package var names: [String] { origins.keys.sorted() }

    package func shape(of name: String) -> [Int]? {
        switch origins[name] {
        case nil: return nil
        case .same(let old): return source.shape(of: old)
        case .turned(let old): return source.shape(of: old).map { $0.reversed() }
        case .joined(let parts):
            let shapes = parts.compactMap { source.shape(of: $0) }
            guard shapes.count == parts.count, let first = shapes.first, Set(shapes).count == 1 else { return nil }
            return [first[0] * parts.count] + first.dropFirst()
        }
    }

    package func tensor(named name: String) throws -> Tensor {
        switch origins[name] {
        case nil: throw ParameterError(name: name, source: description, problem: .missing)
        case .same(let old): return try source.tensor(named: old)
        case .turned(let old): return try source.tensor(named: old).transpose(0, 1)
        case .joined(let parts): return try Tensor.cat(parts.map { try source.tensor(named: $0) })
        }
    }

    /// The new name of a tensor and where its elements come from; `nil` where another tensor stands for it.
    private static func renamed(_ name: String) -> (String, Origin)? {
        switch name {
        case "visual_projection.weight": return ("visual.proj", .turned(name))
        case "text_projection.weight": return ("text_projection", .turned(name))
        case "text_model.embeddings.token_embedding.weight": return ("token_embedding.weight", .same(name))
        case "text_model.embeddings.position_embedding.weight": return ("positional_embedding", .same(name))
        case "vision_model.embeddings.class_embedding": return ("visual.class_embedding", .same(name))
        case "vision_model.embeddings.patch_embedding.weight": return ("visual.conv1.weight", .same(name))
        case "vision_model.embeddings.position_embedding.weight": return ("visual.positional_embedding", .same(name))
        default: break
        }
        for (old, new) in norms where name.hasPrefix(old) { return (new + name.dropFirst(old.count), .same(name)) }
        for (old, new) in [("text_model.encoder.layers.", ""), ("vision_model.encoder.layers.", "visual.")]
        where name.hasPrefix(old) {
            let parts = name.dropFirst(old.count).split(separator: ".", maxSplits: 1)
            guard parts.count == 2 else { return (name, .same(name)) }
            return layer(String(parts[1]), to: "\(new)transformer.resblocks.\(parts[0])", from: old + parts[0])
        }
        return (name, .same(name))
    }

    private static let norms = [
        ("text_model.final_layer_norm.", "ln_final."), ("vision_model.pre_layrnorm.", "visual.ln_pre."),
        ("vision_model.post_layernorm.", "visual.ln_post."),
    ]

    private static func layer(_ part: String, to new: String, from old: String) -> (String, Origin)? {
        let name = "\(old).\(part)"
        let renamed = [
            "layer_norm1.": "ln_1.", "layer_norm2.": "ln_2.", "mlp.fc1.": "mlp.c_fc.", "mlp.fc2.": "mlp.c_proj.",
            "self_attn.out_proj.": "attn.out_proj.",
        ]
        for (before, after) in renamed where part.hasPrefix(before) {
            return ("\(new).\(after)\(part.dropFirst(before.count))", .same(name))
        }
        for kind in ["weight", "bias"] where part == "self_attn.q_proj.\(kind)" {
            let three = ["q", "k", "v"].map { "\(old).self_attn.\($0)_proj.\(kind)" }
            return ("\(new).attn.in_proj_\(kind)", .joined(three))
        }
        return part.hasPrefix("self_attn.k_proj.") || part.hasPrefix("self_attn.v_proj.")
            ? nil : (name, .same(name))
    }
}
