package import LienzoNN

extension CLIPConfiguration {
    /// The shape of OpenAI's checkpoints, which have no configuration: worked out of the tensors' own shapes.
    ///
    /// All nine use QuickGELU and heads of 64 numbers.
    ///
    /// - Parameters:
    ///   - source: Tensors by OpenAI's names.
    ///   - headWidth: How many numbers a head has; tests have narrower ones.
    /// - Throws: `ConfigurationError` where a tensor that says a size is missing or has a shape that no CLIP has.
    ///
    /// Source: `clip/model.py`, `build_model`.
    package init(shapesOf source: any ParameterSource, headWidth: Int = 64) throws(ConfigurationError) {
        func shape(_ name: String, rank: Int) throws(ConfigurationError) -> [Int] {
            // A tensor may say that it is larger than its file, as one number seen as many.
            guard let shape = source.shape(of: name), shape.count == rank, shape.allSatisfy({ 1...1 << 21 ~= $0 })
            else {
                throw ConfigurationError(
                    "\(source.description) has no tensor \(name) of rank \(rank), by which a CLIP tells its size; "
                        + "is it another model, or one that needs a configuration file?"
                )
            }
            return shape
        }
        func heads(_ width: Int) throws(ConfigurationError) -> Int {
            guard width >= headWidth, width.isMultiple(of: headWidth) else {
                throw ConfigurationError(
                    "\(source.description) has a tower of width \(width); expected a multiple of \(headWidth)."
                )
            }
            return width / headWidth
        }
        func side(_ places: Int) throws(ConfigurationError) -> Int {
            let side = Int(Double(places).squareRoot().rounded())
            guard side > 0, side * side == places else {
                throw ConfigurationError(
                    "\(source.description) has positions for \(places) patches; expected a square."
                )
            }
            return side
        }
        let names = source.names
        /// How many different numbers follow `prefix` in the names.
        func count(_ prefix: String) -> Int {
            Set(names.filter { $0.hasPrefix(prefix) }.map { $0.dropFirst(prefix.count).prefix { $0 != "." } }).count
        }
        func transformer(_ prefix: String, width: Int) throws(ConfigurationError) -> CLIPTransformer.Configuration {
            CLIPTransformer.Configuration(
                width: width,
                layers: count("\(prefix)transformer.resblocks."),
                heads: try heads(width),
                activation: .quickGELU
            )
        }

        let dimension = try shape("text_projection", rank: 2)[1]
        let imageTower: ImageTower
        if source.shape(of: "visual.proj") != nil {
            let patches = try shape("visual.conv1.weight", rank: 4)
            let grid = try side(try shape("visual.positional_embedding", rank: 2)[0] - 1)
            imageTower = .visionTransformer(
                VisionTransformerConfiguration(
                    transformer: try transformer("visual.", width: patches[0]),
                    imageSize: grid * patches[3],
                    patchSize: patches[3],
                    embeddingDimension: dimension
                )
            )
        } else {
            let width = try shape("visual.layer1.0.conv1.weight", rank: 4)[0]
            let grid = try side(try shape("visual.attnpool.positional_embedding", rank: 2)[0] - 1)
            imageTower = .resNet(
                ModifiedResNetConfiguration(
                    layers: (1...4).map { count("visual.layer\($0).") },
                    width: width,
                    heads: try heads(32 * width),
                    imageSize: 32 * grid,
                    embeddingDimension: dimension
                )
            )
        }
        let context = try shape("positional_embedding", rank: 2)[0]
        guard 2...8192 ~= context, 1...8192 ~= imageTower.imageSize else {
            throw ConfigurationError(
                "\(source.description) takes \(context) tokens and pictures of \(imageTower.imageSize) pixels; expected 2 "
                    + "to 8192 and at most 8192."
            )
        }
        self.init(
            imageTower: imageTower,
            textTower: TextTransformerConfiguration(
                transformer: try transformer("", width: try shape("ln_final.weight", rank: 1)[0]),
                vocabularySize: try shape("token_embedding.weight", rank: 2)[0],
                contextLength: context,
                embeddingDimension: dimension
            )
        )
    }
}
