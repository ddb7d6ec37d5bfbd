/// What can be wrong with a request or with a model directory; each description is one sentence.
public enum PipelineError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The request asks for something that cannot be made; `reason` is the whole sentence.
    case invalidRequest(reason: String)
    /// The model directory is not what a pipeline can load; `reason` says what was expected and found.
    case invalidModel(path: String, reason: String)

    /// The whole sentence.
    public var description: String {
        switch self {
        case .invalidRequest(let reason): reason
        case .invalidModel(let path, let reason): "The model at \(path) cannot be loaded: \(reason)."
        }
    }
}
