import LienzoTorch

/// A part of a model: a network that stays once it is read, or one that comes when it is needed and goes again.
///
/// What is wrong with its files is told when the part is made, also where their weights are read later.
final class Part<Network> {
    private let loader: PartLoader
    private let load: (PartLoader) throws -> Network
    /// The network while it is here.
    private(set) var network: Network?

    private var stays: Bool { loader.options.keepsParts }

    /// - Parameters:
    ///   - loader: says whether the network stays, and then it is read at once.
    ///   - isOptional: whether not every request needs it, so that the first one that does reads it.
    ///   - load: reads it with the loader that it is given.
    /// - Throws: what `load` throws.
    init(_ loader: PartLoader, isOptional: Bool = false, load: @escaping (PartLoader) throws -> Network) throws {
        self.loader = loader
        self.load = load
        if stays, !isOptional {
            network = try load(loader)
        } else {
            _ = try load(loader.checking)
        }
    }

    /// The network, read now where it is not here.
    func callAsFunction() throws -> Network {
        if let network { return network }
        let network = try load(loader)
        Engine.returnFreedMemory()
        self.network = network
        return network
    }

    /// Does something with the network, and lets it go, unless it stays.
    func callAsFunction<Result>(_ use: (Network) throws -> Result) throws -> Result {
        defer { release() }
        return try use(self())
    }

    /// Lets the network go, unless it stays.
    func release() {
        guard !stays, network != nil else { return }
        network = nil
        Engine.returnFreedMemory()
    }
}
