import Crypto

/// The three parts of a data set.
package enum Split: String, Codable, Sendable, CaseIterable {
    case train, validation, test
}

/// Decides which split a concept belongs to: by the concept's name alone, never by file.
///
/// Concepts with many pictures are what people ask for and stay in training; of the others a fixed share is held out by
/// the hash of their name. Of the concepts that the evaluation names, photographs and all stamps (many of which are drawn
/// from photographs) are held out although other drawings of them may be learned from.
struct SplitRule: Sendable {
    /// Concepts with at least this many pictures always train.
    static let common = 8
    /// Of 100 rarer concepts, how many go to validation and to test.
    static let (validationShare, testShare): (UInt64, UInt64) = (25, 8)
    /// Concepts whose photographs and stamps are evaluated on, and never trained on.
    static let evaluated: Set<String> = wordSet(
        """
        lion lioness cat kitten dog puppy car bus bicycle cub beetle minivan dingo
        """
    )
    private static let evaluatedWords: Set<String> = wordSet(
        """
        lion lions lioness cat cats kitten dog dogs puppy car cars bus buses bicycle bicycles bike
        """
    )

    private let counts: [String: Int]

    /// - Parameter concepts: The concept of every picture.
    init(concepts: [String]) {
        counts = concepts.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }

    func split(of record: PictureRecord) -> Split {
        let words = (record.captions["en"] ?? []).flatMap { $0.split(separator: " ") }.map(String.init)
        let isEvaluated = Self.evaluated.contains(record.concept) || !Self.evaluatedWords.isDisjoint(with: words)
        let mayBeEvaluatedOn = record.medium == .photograph || record.source == TuxPaintStamps.package
        if mayBeEvaluatedOn, isEvaluated { return .test }
        if isEvaluated || counts[record.concept, default: 0] >= Self.common { return .train }
        switch SHA256.number("concept " + record.concept) % 100 {
        case ..<Self.validationShare: return .validation
        case ..<(Self.validationShare + Self.testShare): return .test
        default: return .train
        }
    }
}
