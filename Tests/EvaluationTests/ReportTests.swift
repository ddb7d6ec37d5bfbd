import LienzoEvaluation
import Testing

@Suite struct ReportTests {
    @Test func `a classifier's report counts what is right, over all and by class`() {
        var report = ClassificationReport(classes: ["a", "b", "c", "d", "e", "f", "g"])
        report.add(truth: 0, scores: [9, 1, 1, 1, 1, 1, 1])
        report.add(truth: 0, scores: [5, 9, 8, 7, 6, 1, 1])
        report.add(truth: 1, scores: [9, 8, 1, 1, 1, 1, 1])
        report.add(truth: 6, scores: [7, 6, 5, 4, 3, 2, 1])
        #expect(report.count == 4 && report.top1 == 0.25 && report.top5 == 0.75)
        #expect(report.confusion[0][0] == 1 && report.confusion[0][1] == 1 && report.confusion[1][0] == 1)
        #expect(report.perClass[0] == 0.5 && report.perClass[1] == 0 && report.perClass[2] == nil)
        #expect(abs(report.meanPerClass - 0.5 / 3) < 1e-12)
        // A tie goes to the earlier class.
        report.add(truth: 3, scores: [1, 1, 1, 1, 1, 1, 1])
        #expect(report.confusion[3][0] == 1)
    }

    @Test func `recall counts a query where any match is among the first`() {
        // Picture 0 has two texts, picture 1 one.
        let pictures: [[Float]] = [[1, 0], [0, 1]]
        let texts: [[Float]] = [[0.6, 0.8], [1, 0], [0.8, 0.6]]
        let report = RetrievalReport(pictures: pictures, texts: texts, matching: [0, 0, 1])
        // Text 1 is nearest to picture 0. For picture 1, text 0 is nearer than its own.
        #expect(report.textOfPicture == [0.5, 1, 1])
        // Texts 0 and 2 are nearer to the other picture.
        #expect(report.pictureOfText == [1.0 / 3, 1, 1])
    }

    @Test func `a model that says the same of everything finds nothing`() {
        let same = [[Float]](repeating: [1, 0], count: 20)
        let report = RetrievalReport(pictures: same, texts: same, matching: Array(0..<20))
        #expect(report.textOfPicture == [0, 0, 0] && report.pictureOfText == [0, 0, 0])
    }
}
