package import LienzoTorch

/// Named tensors that a model can be built from: a checkpoint, or a renamed view of one.
package protocol ParameterSource {
    /// What the source is, for messages: a file's path.
    var description: String { get }

    /// The names of all tensors.
    var names: [String] { get }

    /// The shape of a tensor, or `nil` where the source has none of this name.
    func shape(of name: String) -> [Int]?

    /// A tensor in the type it is stored in, on the CPU.
    ///
    /// - Throws: where the source has no such tensor or it cannot be read.
    func tensor(named name: String) throws -> Tensor
}

/// Named tensors in memory.
package struct TensorDictionary: ParameterSource {
    package let description: String
    private let tensors: [String: Tensor]

    package init(_ tensors: [String: Tensor], description: String = "tensors in memory") {
        self.tensors = tensors
        self.description = description
    }

    package var names: [String] { tensors.keys.sorted() }

    package func shape(of name: String) -> [Int]? { tensors[name]?.shape }

    package func tensor(named name: String) throws -> Tensor {
        guard let tensor = tensors[name] else {
            throw ParameterError(name: name, source: description, problem: .missing)
        }
        return tensor
    }
}

/// A parameter that does not fit the model.
package struct ParameterError: Error, Sendable, CustomStringConvertible {
    package enum Problem: Sendable, Equatable {
        case missing
        case shape(expected: [Int], found: [Int])
        /// Tensors that no layer asked for; so many in all, the first of them by name.
        case unread(count: Int, first: [String])
    }

    /// The full name, such as `decoder.0.weight`; empty for ``Problem/unread(count:first:)``.
    package let name: String
    /// Where it should have come from.
    package let source: String
    package let problem: Problem

    package init(name: String, source: String, problem: Problem) {
        self.name = name
        self.source = source
        self.problem = problem
    }

    package var description: String {
        switch problem {
        case .missing:
            "\(source) has no tensor named \(name), which this model needs; is it a checkpoint of another model?"
        case .shape(let expected, let found):
            "\(source): the tensor \(name) has the shape \(found), and this model expects \(expected)."
        case .unread(let count, let first):
            "\(source) has \(count) tensors that this model does not use, such as \(first.joined(separator: ", ")); "
                + "is it a checkpoint of another model?"
        }
    }
}

/// The tensors of another source under other names; those without a new name are left out.
package struct RenamedParameters: ParameterSource {
    private let source: any ParameterSource
    private let origins: [String: String]

    /// - Parameters:
    ///   - source: has the tensors.
    ///   - origins: for each new name the one that `source` has.
    package init(_ source: any ParameterSource, origins: [String: String]) {
        self.source = source
        self.origins = origins
    }

    package var description: String { source.description }

    package var names: [String] { origins.keys.filter { shape(of: $0) != nil }.sorted() }

    package func shape(of name: String) -> [Int]? { origins[name].flatMap { source.shape(of: $0) } }

    package func tensor(named name: String) throws -> Tensor {
        guard let origin = origins[name] else {
            throw ParameterError(name: name, source: description, problem: .missing)
        }
        return try source.tensor(named: origin)
    }
}
