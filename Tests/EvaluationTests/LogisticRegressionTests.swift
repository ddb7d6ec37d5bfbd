import Foundation
import LienzoCheckpoints
import LienzoEvaluation
import LienzoTorch
import TestSupport
import Testing

/// `Tools/reference/evaluation.py` writes the fixture.
@Suite(.tags(.parity))
struct LogisticRegressionTests {
    private static func fixture() throws -> SafetensorsFile {
        let folder = try #require(Bundle.module.resourceURL)
        return try SafetensorsFile(folder.appending(path: "Fixtures/logistic.safetensors").path)
    }

    private static func difference(_ a: Tensor, _ b: Tensor) -> Double { (a - b).abs().max().item }

    /// Both end near the one optimum of a convex loss, ours in float32: 1e-3 of weights of about 1.
    @Test(arguments: [0.1, 3, 100])
    func `the fit is scikit-learn's`(penalty: Double) throws {
        let file = try Self.fixture()
        try torchScope {
            let (features, labels) = (try file.tensor(named: "features"), try file.tensor(named: "labels"))
            let fit = try LogisticRegression(features: features, labels: labels, classes: 4, penalty: penalty)
            let name = penalty.formatted(.number.grouping(.never))
            let (weight, bias) = (try file.tensor(named: "weight.\(name)"), try file.tensor(named: "bias.\(name)"))
            #expect(Self.difference(fit.weights.weight, weight) < 1e-3)
            // The mean of all biases changes no probability.
            #expect(Self.difference(fit.weights.bias - fit.weights.bias.mean(), bias - bias.mean()) < 1e-3)
            // The check is no rubber stamp: another penalty gives other weights.
            let other = try LogisticRegression(features: features, labels: labels, classes: 4, penalty: penalty * 2)
            #expect(Self.difference(other.weights.weight, weight) > 1e-3)
            // Beginning elsewhere ends in the same place.
            let again = try LogisticRegression(
                features: features,
                labels: labels,
                classes: 4,
                penalty: penalty,
                start: other
            )
            #expect(Self.difference(again.weights.weight, fit.weights.weight) < 1e-3)
        }
    }

    @Test func `the probe chooses the penalty that is best on what it was not fitted to`() throws {
        let generator = Generator(seed: 3)
        try torchScope {
            // Two numbers tell the class, 98 are noise: only a strong penalty sees through with few samples.
            func samples(_ count: Int) -> LinearProbe.Samples {
                let labels = (0..<count).map { Int64($0 % 2) }
                let noise = Tensor.randn([count, 100], generator: generator)
                let sign = Tensor(labels.flatMap { label in (0..<100).map { $0 < 2 ? Float(label * 2 - 1) : 0 } })
                return .init(features: noise + sign.reshape(count, 100), labels: Tensor(labels))
            }
            let (train, validation, test) = (samples(40), samples(400), samples(1000))
            var told = 0
            let probe = try LinearProbe(train: train, validation: validation, classes: 2, iterations: 100) { _ in
                told += 1
            }
            let best = probe.trials.map(\.accuracy).max() ?? 0
            #expect(told == probe.trials.count && told >= 10)
            #expect(probe.trials.first { $0.penalty == probe.penalty }?.accuracy == best)
            let weak = try #require(probe.trials.min { $0.penalty < $1.penalty })
            #expect(weak.accuracy < best && probe.penalty > 1)
            #expect(try probe.classifier.accuracy(features: test.features, labels: test.labels) > 0.85)
        }
    }

    @Test func `one class, one sample and features that are all the same end`() throws {
        try torchScope {
            for (features, labels, classes) in [
                (Tensor.zeros([3, 2]), [Int64](repeating: 0, count: 3), 1), (Tensor.ones([1, 2]), [0], 2),
                (Tensor.zeros([4, 2]), [0, 1, 0, 1], 2),
            ] {
                let fit = try LogisticRegression(
                    features: features,
                    labels: Tensor(labels),
                    classes: classes,
                    penalty: 1
                )
                #expect(fit(features).isFinite().all().item == 1)
            }
        }
    }
}
