package import LienzoNN
package import LienzoTorch

/// How the names of a checkpoint become the names that a model asks for.
package struct KeyMap: Sendable {
    private let rename: @Sendable (String) -> String?

    /// A map by a function from the checkpoint's name to the model's; `nil` leaves the tensor out.
    package init(_ rename: @escaping @Sendable (String) -> String?) {
        self.rename = rename
    }

    /// Keeps the names that begin with `prefix`, without it, and leaves out the others.
    package static func removingPrefix(_ prefix: String) -> KeyMap {
        KeyMap { $0.hasPrefix(prefix) ? String($0.dropFirst(prefix.count)) : nil }
    }

    /// Puts `prefix` before every name.
    package static func addingPrefix(_ prefix: String) -> KeyMap {
        KeyMap { prefix + $0 }
    }

    /// Replaces every occurrence of each first text by the second, one pair after the other.
    package static func replacing(_ pairs: [(String, String)]) -> KeyMap {
        KeyMap { name in
            pairs.reduce(name) { $0.replacing($1.0, with: $1.1) }
        }
    }

    /// Leaves out the names for which `isUnwanted` holds.
    package static func dropping(where isUnwanted: @escaping @Sendable (String) -> Bool) -> KeyMap {
        KeyMap { isUnwanted($0) ? nil : $0 }
    }

    /// This map and then `next`.
    package func then(_ next: KeyMap) -> KeyMap {
        KeyMap { rename($0).flatMap(next.rename) }
    }

    /// The model's name of a tensor, or `nil` where it is left out.
    package func callAsFunction(_ name: String) -> String? { rename(name) }
}

/// A source under other names.
package struct RenamedSource: ParameterSource {
    private let source: any ParameterSource
    private let oldNames: [String: String]
    package let names: [String]

    /// Renames the tensors of `source`.
    ///
    /// - Throws: where two tensors get the same name.
    package init(_ source: any ParameterSource, by map: KeyMap) throws(CheckpointError) {
        var oldNames: [String: String] = [:]
        var names: [String] = []
        for oldName in source.names {
            guard let name = map(oldName) else { continue }
            if let other = oldNames.updateValue(oldName, forKey: name) {
                throw CheckpointError(
                    source.description,
                    "the tensors \(quoted(other)) and \(quoted(oldName)) would both be named \(quoted(name))"
                )
            }
            names.append(name)
        }
        self.source = source
        self.oldNames = oldNames
        self.names = names
    }

    package var description: String { source.description }

    package func shape(of name: String) -> [Int]? { oldNames[name].flatMap { source.shape(of: $0) } }

    package func tensor(named name: String) throws -> Tensor {
        guard let oldName = oldNames[name] else {
            throw CheckpointError(missing: name, in: description)
        }
        return try source.tensor(named: oldName)
    }
}

extension ParameterSource {
    /// This source under other names.
    package func renamed(by map: KeyMap) throws(CheckpointError) -> RenamedSource {
        try RenamedSource(self, by: map)
    }
}
