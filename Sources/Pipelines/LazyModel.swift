import LienzoTorch

/// A model whose weights are read when they are first needed.
struct LazyModel<Model> {
    private var model: Model?

    /// The model, read now where it is not here.
    ///
    /// - Parameters:
    ///   - notices: what there is to say of its files.
    ///   - emit: is told them and how long reading takes.
    ///   - load: reads it.
    /// - Returns: the model, the same each time.
    /// - Throws: what `load` throws.
    mutating func callAsFunction(
        notices: [String] = [],
        emit: (GenerationEvent) -> Void = { _ in },
        load: () throws -> Model
    ) throws -> Model {
        if let model { return model }
        for notice in notices { emit(.notice(notice)) }
        let start = ContinuousClock.now
        let loaded = try load()
        model = loaded
        // What was read beside the weights leaves holes.
        Engine.returnFreedMemory()
        emit(.finishedStage(.loading, seconds: start.duration(to: .now).seconds))
        return loaded
    }
}
