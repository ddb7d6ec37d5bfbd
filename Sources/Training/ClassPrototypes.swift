package import LienzoTorch

/// What a supervised classifier knows of photographs, as features that stand for photographs of each class.
///
/// No photograph is needed. The rows of a linear classifier say which way the features of a class differ; turned by the
/// features' covariance (the inverse of linear discriminant analysis) and added to real features, they give features
/// that the classifier takes for the class.
package struct ClassPrototypes {
    /// One name or several for each class.
    package let names: [[String]]
    /// `[classes, features]`.
    let weight: Tensor
    /// `[classes]`.
    let bias: Tensor
    /// `[classes, features]`.
    private let directions: Tensor
    /// `[1, features]`.
    private let mean: Tensor
    /// `[pictures, features]`.
    private let features: Tensor

    /// - Parameters:
    ///   - names: the classes' names.
    ///   - weight: `[classes, features]`, of the classifier.
    ///   - bias: `[classes]`.
    ///   - features: `[pictures, features]`, of the pictures that are trained on.
    package init(names: [[String]], weight: Tensor, bias: Tensor, features: Tensor) {
        self.names = names
        self.weight = weight
        self.bias = bias
        self.features = features
        mean = features.mean(dims: [0], keepDim: true)
        let centred = features - mean
        let covariance = centred.transpose(0, 1).matmul(centred) / Double(features.size(0))
        directions = (weight - weight.mean(dims: [0], keepDim: true)).matmul(covariance)
    }

    /// Features of imagined photographs.
    ///
    /// - Parameters:
    ///   - classes: the class of each.
    ///   - generator: the source of randomness.
    /// - Returns: `[classes.count, features]`, not negative, as features after a ReLU are.
    func photographs(of classes: [Int], generator: Generator) -> Tensor {
        let (count, device) = (classes.count, features.device)
        let rows = Tensor.randint(0..<features.size(0), [count], generator: generator, device: device)
        let some = features.indexSelect(dim: 0, rows)
        let strength = Tensor.rand([count, 1], generator: generator, device: device) * 12 + 3
        let direction = directions.indexSelect(dim: 0, Tensor(classes.map(Int64.init), device: device))
        return (mean + (some - mean) * 0.5 + direction * strength).relu()
    }

    /// The classifier's probabilities, `[batch, classes]`.
    func probabilities(_ features: Tensor) -> Tensor {
        features.linear(weight: weight, bias: bias).softmax(dim: -1)
    }

    /// A projection into the space of the names' embeddings that adds up the names that the classifier thinks of.
    ///
    /// - Parameter embeddings: of the names, `[classes, dimension]`.
    /// - Returns: `[dimension, features]`, scaled so that projected features have length 1 on average.
    ///
    /// Source: Norouzi et al. 2014 (ConSE), made linear.
    package func projection(into embeddings: Tensor) -> Tensor {
        let unit = embeddings.normalized()
        let projection = (unit - unit.mean(dims: [0], keepDim: true)).transpose(0, 1).matmul(weight)
        return projection / features.matmul(projection.transpose(0, 1)).norm(dims: [-1]).mean()
    }

    /// Picture embeddings by ConSE: the mean of the names' embeddings weighted by the ten largest probabilities.
    func conse(_ features: Tensor, names embeddings: Tensor) -> Tensor {
        let (values, indices) = probabilities(features).topK(10)
        let rows = embeddings.normalized().indexSelect(dim: 0, indices.flatten())
            .reshape(indices.size(0), 10, -1)
        return (rows * values.unsqueeze(-1)).sum(dims: [1])
    }
}
