package import LienzoTorch

/// The owner of a model's parameters while it is built, and of the trainable ones afterwards.
///
/// Layers are built from a ``ParameterScope`` of the store: building is loading. Made for inference, the store gives
/// tensors in the compute type, and layers on the CPU prepare them; made for training, it gives float32 leaves that
/// record gradients, and layers compute in the compute type.
package final class ParameterStore {
    /// What the model is built for.
    package enum Purpose: Sendable {
        case inference, training
    }

    /// How layers keep the weights of matrix products and convolutions.
    package enum WeightForm: Sendable {
        /// As they are.
        case plain
        /// In oneDNN's own layout (``LienzoTorch/Lever/pack``).
        case prepared
        /// In 8 bits a number (`Int8Weight`).
        case int8
    }

    package let purpose: Purpose
    package let device: Device
    /// The type of matrix products and convolutions.
    package let computeType: DType

    /// What batch normalisations that are trained normalise by.
    package var batchStatistics = BatchStatistics.running

    /// Whether the blocks of networks keep only their inputs for the gradient and compute the rest again
    /// (``LienzoTorch/Tensor/recomputed(_:)``).
    package var recomputesBlocks = false

    private let source: (any ParameterSource)?
    /// Whether names and shapes are looked at and no weights are read.
    private let onlyChecks: Bool
    private let storesInt8: Bool
    private let generator: Generator?
    private let isTrainable: (String) -> Bool

    private var readNames: Set<String> = []
    /// In the order in which layers asked for them.
    package private(set) var entries: [Entry] = []

    /// One tensor of a model that is being trained.
    package struct Entry {
        package enum Kind: Sendable {
            /// Changed by gradients.
            case trainable
            /// Kept as it was loaded, in the type it is stored in.
            case frozen
            /// Changed by the layer itself, such as running statistics.
            case buffer
        }

        package let name: String
        package let tensor: Tensor
        package let kind: Kind
    }

    /// A store for inference on the tensors of `source`.
    ///
    /// - Parameters:
    ///   - source: where all parameters come from.
    ///   - device: where the parameters are kept.
    ///   - computeType: the device's preferred one where `nil`.
    ///   - storesInt8: whether large weights are kept in 8 bits a number, where memory is scarce.
    ///   - onlyChecks: whether the network is not to be used: building it tells what is missing, surplus or misshapen, in no
    ///     time and memory, because every parameter is zeros that have one number.
    package init(
        loading source: any ParameterSource,
        device: Device = .cpu,
        computeType: DType? = nil,
        storesInt8: Bool = false,
        onlyChecks: Bool = false
    ) {
        purpose = .inference
        self.onlyChecks = onlyChecks
        self.storesInt8 = storesInt8
        self.source = source
        generator = nil
        isTrainable = { _ in false }
        self.device = device
        self.computeType = computeType ?? Engine.preferredComputeType(on: device)
    }

    /// A store for training.
    ///
    /// - Parameters:
    ///   - source: where parameters start, or `nil` to initialise them all.
    ///   - generator: draws what `source` lacks; without one, what `source` lacks is an error.
    ///   - device: where the parameters are kept.
    ///   - computeType: the device's preferred one where `nil`.
    ///   - isTrainable: says by full name which parameters change; the rest stay as they are.
    package init(
        training source: (any ParameterSource)?,
        generator: Generator?,
        device: Device = .cpu,
        computeType: DType? = nil,
        isTrainable: @escaping (String) -> Bool = { _ in true }
    ) {
        purpose = .training
        onlyChecks = false
        storesInt8 = false
        self.source = source
        self.generator = generator
        self.isTrainable = isTrainable
        self.device = device
        self.computeType = computeType ?? Engine.preferredComputeType(on: device)
    }

    /// The scope of the whole store.
    package var root: ParameterScope { ParameterScope(store: self, path: "") }

    /// The parameters that training changes, float32.
    package var trainable: [Entry] { entries.filter { $0.kind == .trainable } }

    /// How layers keep their weights.
    ///
    /// In bfloat16 oneDNN has a layout only for processors with that arithmetic; others compute it as it comes, slowly.
    package var weightForm: WeightForm {
        if onlyChecks { return .plain }
        if storesInt8 { return .int8 }
        let isFast = computeType != .bfloat16 || Engine.hasBFloat16
        return purpose == .inference && device == .cpu && isFast && Lever.pack.isOn ? .prepared : .plain
    }

    /// Checks that the model has used the whole checkpoint.
    ///
    /// - Parameter isIgnorable: says by name which tensors may stay unread.
    /// - Throws: ``ParameterError`` where other tensors are unread.
    package func finish(ignoring isIgnorable: (String) -> Bool = { _ in false }) throws(ParameterError) {
        guard let source else { return }
        let unread = source.names.filter { !readNames.contains($0) && !isIgnorable($0) }.sorted()
        if !unread.isEmpty {
            throw ParameterError(
                name: "",
                source: source.description,
                problem: .unread(count: unread.count, first: Array(unread.prefix(3)))
            )
        }
    }

    fileprivate func tensor(_ name: String, _ shape: [Int], initial: Initializer?) throws -> Tensor {
        let found = source?.shape(of: name)
        guard let source, let found else {
            if let generator, let initial { return initial.tensor(shape, generator: generator) }
            throw ParameterError(name: name, source: self.source?.description ?? "the store", problem: .missing)
        }
        readNames.insert(name)
        if found != shape {
            throw ParameterError(
                name: name,
                source: source.description,
                problem: .shape(expected: shape, found: found)
            )
        }
        guard !onlyChecks else { return .zeros(shape.map { _ in 1 }, device: device).expand(shape) }
        return try source.tensor(named: name)
    }

    fileprivate func parameter(
        _ name: String,
        _ shape: [Int],
        initial: Initializer?,
        type: DType
    ) throws -> Parameter {
        let loaded = try tensor(name, shape, initial: initial)
        guard !onlyChecks else { return Parameter(value: loaded, type: loaded.dtype) }
        guard purpose == .training, isTrainable(name) else {
            if purpose == .training { entries.append(Entry(name: name, tensor: loaded, kind: .frozen)) }
            return Parameter(value: loaded.to(device, type), type: type)
        }
        // A copy, because training writes to it and the source may be a file in memory.
        let value = loaded.to(device, .float32).copy()
        value.setRequiresGradient(true)
        entries.append(Entry(name: name, tensor: value, kind: .trainable))
        return Parameter(value: value, type: type)
    }

    fileprivate func buffer(_ name: String, _ shape: [Int], initial: Initializer?) throws -> Tensor {
        let loaded = try tensor(name, shape, initial: initial)
        let value = loaded.dtype.isFloatingPoint ? loaded.to(device, .float32).copy() : loaded.to(device)
        if purpose == .training { entries.append(Entry(name: name, tensor: value, kind: .buffer)) }
        return value
    }

    fileprivate func has(_ name: String) -> Bool {
        // What is initialised has whatever it is asked for.
        source.map { $0.shape(of: name) != nil } ?? true
    }
}

/// A parameter as its layer holds it.
package struct Parameter {
    /// float32 where it is trained, else already in the compute type.
    package let value: Tensor
    /// The type to compute in.
    package let type: DType

    /// A parameter that a layer has worked out of others, such as a weight with its normalisation folded in.
    package init(value: Tensor, type: DType) {
        self.value = value
        self.type = type
    }

    /// The parameter in the compute type; recorded for gradients where it is trained.
    package func callAsFunction() -> Tensor { value.dtype == type ? value : value.to(type) }
}

/// A path into a ``ParameterStore``: `scope["blocks"][3]["attn"]` asks for names that begin `blocks.3.attn.`.
package struct ParameterScope {
    package let store: ParameterStore
    package let path: String

    package subscript(_ name: String) -> ParameterScope {
        ParameterScope(store: store, path: full(name))
    }

    package subscript(_ index: Int) -> ParameterScope { self["\(index)"] }

    /// Whether the store has a tensor of this name; true where all is initialised.
    package func has(_ name: String) -> Bool { store.has(full(name)) }

    /// A parameter that matrix products and convolutions take, in the compute type.
    ///
    /// - Throws: ``ParameterError`` where it is missing or has another shape; else what the source throws.
    package func parameter(_ name: String, _ shape: [Int], initial: Initializer? = nil) throws -> Parameter {
        try store.parameter(full(name), shape, initial: initial, type: store.computeType)
    }

    /// A parameter of a normalisation, an embedding or a scale, always float32.
    package func exactParameter(_ name: String, _ shape: [Int], initial: Initializer? = nil) throws -> Parameter {
        try store.parameter(full(name), shape, initial: initial, type: .float32)
    }

    /// A tensor that no gradient changes, such as running statistics; float32, or its own whole-number type.
    package func buffer(_ name: String, _ shape: [Int], initial: Initializer? = nil) throws -> Tensor {
        try store.buffer(full(name), shape, initial: initial)
    }

    private func full(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
}
