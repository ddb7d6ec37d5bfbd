import Foundation
package import LienzoTorch

/// How much a linear classifier makes of frozen features, with a penalty that held-out samples chose.
///
/// Source: Radford et al. 2021, appendix A.3: the penalty is searched among 96 values from 1e-6 to 1e6, evenly spaced by
/// their logarithm: first seven, then ever closer to the best.
package struct LinearProbe {
    /// A penalty that was tried.
    package struct Trial: Sendable, Equatable {
        package let penalty: Double
        /// The share of validation samples that is right.
        package let accuracy: Double
    }

    /// The classifier, fitted to training and validation samples with the best penalty.
    package let classifier: LogisticRegression
    /// The best penalty.
    package let penalty: Double
    /// What was tried, by penalty.
    package let trials: [Trial]

    /// Samples with their classes.
    package struct Samples {
        /// `[samples, features]`, float32.
        package let features: Tensor
        /// `[samples]`, int64.
        package let labels: Tensor

        package init(features: Tensor, labels: Tensor) {
            self.features = features
            self.labels = labels
        }
    }

    /// Values in a decade of penalties.
    private static let stepsPerDecade = 8

    /// Searches the penalty and fits the classifier.
    ///
    /// - Parameters:
    ///   - train: what classifiers are fitted to.
    ///   - validation: what chooses among them.
    ///   - classes: how many there are.
    ///   - iterations: of each fit at most.
    ///   - report: called after each trial.
    /// - Throws: `TorchError` where there is not enough memory; `CancellationError`.
    package init(
        train: Samples,
        validation: Samples,
        classes: Int,
        iterations: Int = 1000,
        report: (Trial) -> Void = { _ in }
    ) throws {
        var tried: [Int: (accuracy: Double, classifier: LogisticRegression)] = [:]
        func penalty(_ step: Int) -> Double { pow(10, Double(step) / Double(Self.stepsPerDecade)) }
        func attempt(_ step: Int) throws {
            guard tried[step] == nil, abs(step) <= 6 * Self.stepsPerDecade else { return }
            // Neighbouring penalties have neighbouring optima.
            let nearest = tried.min { abs($0.key - step) < abs($1.key - step) }?.value.classifier
            let classifier = try LogisticRegression(
                features: train.features,
                labels: train.labels,
                classes: classes,
                penalty: penalty(step),
                start: nearest,
                iterations: iterations
            )
            let accuracy = try classifier.accuracy(features: validation.features, labels: validation.labels)
            tried[step] = (accuracy, classifier)
            report(Trial(penalty: penalty(step), accuracy: accuracy))
        }
        /// Of equally good ones the strongest penalty.
        func best() -> Int { tried.max { ($0.value.accuracy, $0.key) < ($1.value.accuracy, $1.key) }?.key ?? 0 }

        // Strong penalties first: their fits are quick and start the weaker ones.
        for decade in [6, 4, 2, 0, -2, -4, -6] { try attempt(decade * Self.stepsPerDecade) }
        var width = Self.stepsPerDecade
        while width >= 1 {
            let center = best()
            for step in [center + width, center - width] { try attempt(step) }
            width /= 2
        }
        let chosen = best()
        self.penalty = penalty(chosen)
        trials = tried.sorted { $0.key < $1.key }.map { Trial(penalty: penalty($0.key), accuracy: $0.value.accuracy) }
        classifier = try LogisticRegression(
            features: try torchScope { Tensor.cat([train.features, validation.features]) },
            labels: try torchScope { Tensor.cat([train.labels, validation.labels]) },
            classes: classes,
            penalty: self.penalty,
            start: tried[chosen]?.classifier,
            iterations: iterations
        )
    }
}
