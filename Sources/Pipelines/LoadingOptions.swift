package import LienzoTorch

/// How the weights of a model are read, and how they are kept.
package struct LoadingOptions: Sendable {
    /// Where the networks compute.
    package var device: Device
    /// The type in which they compute; the device's preferred one where `nil`.
    package var computeType: DType?
    /// Whether weights are kept in 8 bits a number: half the memory of bfloat16, slower, and a little less exact.
    package var storesInt8: Bool
    /// Whether all parts of a model stay in memory; else each is read when it is needed, and let go.
    package var keepsParts: Bool
    /// Files of LoRA, and how strong each is.
    package var adaptations: [(path: String, scale: Double)]
    /// Files of textual inversion, each with the word that it shall be where not its own.
    package var learnedTokens: [(path: String, word: String?)]
    /// Folders or files of control networks that work beside the model.
    package var controlNetworks: [String]

    /// The type in which the networks compute.
    var type: DType { computeType ?? Engine.preferredComputeType(on: device) }

    package init(
        device: Device = .cpu,
        computeType: DType? = nil,
        storesInt8: Bool = false,
        keepsParts: Bool = true,
        adaptations: [(path: String, scale: Double)] = [],
        learnedTokens: [(path: String, word: String?)] = [],
        controlNetworks: [String] = []
    ) {
        self.device = device
        self.computeType = computeType
        self.storesInt8 = storesInt8
        self.keepsParts = keepsParts
        self.adaptations = adaptations
        self.learnedTokens = learnedTokens
        self.controlNetworks = controlNetworks
    }
}

/// A part of a model: a network that stays once it is read, or one that comes when it is needed and goes again.
final class Part<Network> {
    private let keeps: Bool
    private let load: () throws -> Network
    private var network: Network?

    /// - Parameters:
    ///   - options: says whether the network stays, and then it is read at once.
    ///   - isOptional: whether not every request needs it, so that the first one that does reads it.
    ///   - load: reads it.
    /// - Throws: what `load` throws.
    init(_ options: LoadingOptions, isOptional: Bool = false, load: @escaping () throws -> Network) throws {
        keeps = options.keepsParts
        self.load = load
        if keeps, !isOptional { network = try load() }
    }

    /// The network, read now where it is not here.
    func callAsFunction() throws -> Network {
        if let network { return network }
        let network = try load()
        Engine.returnFreedMemory()
        self.network = network
        return network
    }

    /// Reads the network now if it stays, so that what is wrong with it is told before other work.
    func prepare() throws {
        if keeps { _ = try self() }
    }

    /// Lets the network go, unless it stays.
    func release() {
        guard !keeps else { return }
        network = nil
        Engine.returnFreedMemory()
    }
}
