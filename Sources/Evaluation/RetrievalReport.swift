/// How often what belongs together is found: pictures by their captions and captions by their pictures.
///
/// Source: Karpathy & Fei-Fei 2015, section 4.1: recall at K counts a query where any of its matches is among the first K.
package struct RetrievalReport: Sendable, Equatable {
    /// The cut-offs of recall.
    package static let cutoffs = [1, 5, 10]

    /// Recall at each of ``cutoffs`` for captions by pictures, 0…1.
    package let textOfPicture: [Double]
    /// Recall at each of ``cutoffs`` for pictures by captions.
    package let pictureOfText: [Double]

    /// Works out ranks of normalised embeddings.
    ///
    /// Of equal cosines those that do not match count first, so that a model which says the same of everything finds
    /// nothing.
    ///
    /// - Parameters:
    ///   - pictures: `[pictures, dimension]`.
    ///   - texts: `[texts, dimension]`.
    ///   - pictureOfText: `[texts]`: the picture that each text belongs to.
    package init(pictures: [[Float]], texts: [[Float]], matching pictureOfText: [Int]) {
        precondition(texts.count == pictureOfText.count, "each text belongs to a picture")
        var textsOfPicture = [[Int]](repeating: [], count: pictures.count)
        for (text, picture) in pictureOfText.enumerated() { textsOfPicture[picture].append(text) }
        /// How many that do not match are at least as near as the best that does.
        func rank(_ query: [Float], among others: [[Float]], matches: [Int]) -> Int {
            let cosines = others.map { other in zip(query, other).reduce(0) { $0 + $1.0 * $1.1 } }
            let best = matches.map { cosines[$0] }.max() ?? -.infinity
            let own = Set(matches)
            return cosines.indices.count { !own.contains($0) && cosines[$0] >= best }
        }
        func recall(_ ranks: [Int]) -> [Double] {
            Self.cutoffs.map { cutoff in
                ranks.isEmpty ? 0 : Double(ranks.count { $0 < cutoff }) / Double(ranks.count)
            }
        }
        textOfPicture = recall(
            pictures.indices.filter { !textsOfPicture[$0].isEmpty }
                .map { rank(pictures[$0], among: texts, matches: textsOfPicture[$0]) }
        )
        self.pictureOfText = recall(
            texts.indices.map { rank(texts[$0], among: pictures, matches: [pictureOfText[$0]]) }
        )
    }
}
