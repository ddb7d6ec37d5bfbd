/// What embeddings say about the space that pictures and texts share: its main directions, who is near whom, and how
/// far the two kinds lie apart.
public struct SharedSpace: Sendable {
    /// One that is near, and the cosine to it.
    public struct Neighbor: Sendable, Equatable {
        /// Its place among those of its kind.
        public let index: Int
        /// The cosine to it, −1…1.
        public let cosine: Double
    }

    /// Who is nearest to a picture.
    public struct Neighbors: Sendable, Equatable {
        /// The nearest text.
        public let text: Neighbor?
        /// The nearest other picture.
        public let picture: Neighbor?

        /// Makes a pair of neighbours.
        ///
        /// - Parameters:
        ///   - text: The nearest text.
        ///   - picture: The nearest other picture.
        public init(text: Neighbor?, picture: Neighbor?) {
            self.text = text
            self.picture = picture
        }
    }

    /// Three principal components of all embeddings, pictures first.
    public let components: PrincipalComponents
    /// `[pictures]`: who is nearest to each.
    public let neighbors: [Neighbors]
    /// The distance between the mean of the pictures' normalised embeddings and that of the texts', 0…2; `nil` where one
    /// kind is missing.
    ///
    /// Source: Liang et al. 2022, "Mind the Gap" (arXiv:2203.02053), section 2.
    public let gap: Double?
    /// Mean cosines over all pairs of two pictures, two texts, and one of each; `nil` where there is no such pair.
    public let meanCosine: (pictures: Double?, texts: Double?, across: Double?)

    /// Looks at embeddings, which need not be normalised.
    ///
    /// - Parameters:
    ///   - pictures: `[pictures, dimension]`.
    ///   - texts: `[texts, dimension]`.
    public init(pictures: [[Float]], texts: [[Float]]) {
        let (pictures, texts) = (pictures.map(Self.normalized), texts.map(Self.normalized))
        components = PrincipalComponents(of: (pictures + texts).map { $0.map(Float.init) }, count: 3)
        neighbors = pictures.indices.map { index in
            func nearest(_ others: [[Double]], except own: Int?) -> Neighbor? {
                others.indices.filter { $0 != own }
                    .map { Neighbor(index: $0, cosine: Self.product(pictures[index], others[$0])) }
                    .max { $0.cosine < $1.cosine }
            }
            return Neighbors(text: nearest(texts, except: nil), picture: nearest(pictures, except: index))
        }
        let (pictureMean, textMean) = (Self.mean(pictures), Self.mean(texts))
        if let pictureMean, let textMean {
            gap = zip(pictureMean, textMean).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
        } else {
            gap = nil
        }
        // The mean over pairs follows from the length of the mean vector, as each vector has length 1.
        func within(_ count: Int, _ mean: [Double]?) -> Double? {
            guard count > 1, let mean else { return nil }
            let n = Double(count)
            return (Self.product(mean, mean) * n - 1) / (n - 1)
        }
        meanCosine = (
            within(pictures.count, pictureMean), within(texts.count, textMean),
            pictureMean.flatMap { mean in textMean.map { Self.product(mean, $0) } }
        )
    }

    private static func normalized(_ vector: [Float]) -> [Double] {
        let values = vector.map { $0.isFinite ? Double($0) : 0 }
        let length = product(values, values).squareRoot()
        return length > 0 ? values.map { $0 / length } : values
    }

    private static func product(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

    private static func mean(_ rows: [[Double]]) -> [Double]? {
        guard let first = rows.first else { return nil }
        let sum = rows.dropFirst().reduce(first) { zip($0, $1).map { $0 + $1 } }
        return sum.map { $0 / Double(rows.count) }
    }
}
