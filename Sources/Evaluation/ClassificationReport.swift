/// How often a classifier is right, over all pictures and class by class.
package struct ClassificationReport: Sendable, Equatable {
    /// What each class is called.
    package let classes: [String]
    /// For each true class how many pictures were taken for which class; most classes are never taken for each other.
    package private(set) var confusion: [[Int: Int]]
    /// Pictures of each class whose class is among the five likeliest.
    private var amongFive: [Int]

    /// A report without pictures.
    package init(classes: [String]) {
        self.classes = classes
        confusion = Array(repeating: [:], count: classes.count)
        amongFive = Array(repeating: 0, count: classes.count)
    }

    /// Counts a picture.
    ///
    /// Of equal scores the one of the earlier class counts as higher.
    ///
    /// - Parameters:
    ///   - truth: the picture's class.
    ///   - scores: `[classes]`, higher for likelier classes.
    package mutating func add(truth: Int, scores: [Float]) {
        precondition(classes.indices.contains(truth) && scores.count == classes.count, "a score for each class")
        let better = scores.indices.count { scores[$0] > scores[truth] || (scores[$0] == scores[truth] && $0 < truth) }
        if better < 5 { amongFive[truth] += 1 }
        let predicted =
            better == 0
            ? truth : scores.indices.max { scores[$0] < scores[$1] || (scores[$0] == scores[$1] && $0 > $1) }
        confusion[truth][predicted ?? truth, default: 0] += 1
    }

    /// Pictures counted.
    package var count: Int { confusion.reduce(0) { $0 + $1.values.reduce(0, +) } }

    /// The share of pictures whose likeliest class is theirs, 0…1; 0 where there is no picture.
    package var top1: Double { share(classes.indices.reduce(0) { $0 + confusion[$1][$1, default: 0] }, of: count) }

    /// The share of pictures whose class is among the five likeliest.
    package var top5: Double { share(amongFive.reduce(0, +), of: count) }

    /// The share that is right of each class; `nil` for a class without pictures.
    package var perClass: [Double?] {
        classes.indices.map { index in
            let all = confusion[index].values.reduce(0, +)
            return all > 0 ? Double(confusion[index][index, default: 0]) / Double(all) : nil
        }
    }

    /// The mean over the classes that have pictures of the share that is right, as some benchmarks count.
    package var meanPerClass: Double {
        let shares = perClass.compactMap(\.self)
        return shares.isEmpty ? 0 : shares.reduce(0, +) / Double(shares.count)
    }

    private func share(_ part: Int, of whole: Int) -> Double { whole > 0 ? Double(part) / Double(whole) : 0 }
}
