import ArgumentParser
import Foundation
import LienzoEvaluation
import LienzoFigures
import LienzoFiles

/// How the result of a classification is told: a line, JSON or a page.
struct ClassificationOutput: ParsableArguments {
    @Option(help: "Write a page with the share of each class and what was taken for what.", completion: .file())
    var html: String?

    @OptionGroup var language: LanguageOption
    @OptionGroup var output: OutputOptions

    func validate() throws { try OutputFile.requireEnding(html, .html, option: "--html") }

    /// Checks before the work that its result can be kept.
    func requireWritable() throws { try OutputFile.requireWritable(html) }

    /// What was measured, beside the numbers.
    struct Facts {
        let model: String
        /// The sentences that the classes stood in (zero-shot).
        var templates: [String]?
        /// The penalty that was chosen, and those that were tried (linear probe).
        var penalty: Double?
        var trials: [Trial]?
        let skipped: [SkippedInput]

        struct Trial: Encodable {
            let penalty: Double
            let accuracy: Double
        }
    }

    /// Tells a result.
    func tell(_ report: ClassificationReport, _ facts: Facts) throws {
        if let html { try AtomicFile.write(page(report, facts).html.utf8, to: html) }
        if output.json { return try Console.json(JSONReport(report, facts)) }
        Console.line(EvaluationWords.english.summary(report))
        if let html { Console.line(html) }
    }

    /// Classes of which a page shows every pair.
    private static let fullTable = 30
    /// Pairs that a page shows where there are more classes.
    private static let pairs = 50

    private func page(_ report: ClassificationReport, _ facts: Facts) -> EvaluationPage {
        let words = language.language.evaluation
        let order = report.classes.indices.filter { report.perClass[$0] != nil }
            .sorted { (report.perClass[$0] ?? 0) < (report.perClass[$1] ?? 0) }
        let shares = ShadedTable(
            rows: order.map { "\(report.classes[$0]) (\(report.confusion[$0].values.reduce(0, +)))" },
            columns: [words.right],
            values: order.map { [report.perClass[$0] ?? .nan] }
        )
        let isFull = report.classes.count <= Self.fullTable
        return EvaluationPage(
            title: facts.model,
            subtitle: words.summary(report),
            sections: [
                .init(title: words.classes, note: words.classesNote, table: shares),
                .init(
                    title: words.confusion,
                    note: isFull ? words.confusionNote : words.mistakesNote,
                    table: isFull ? Self.answers(report) : Self.mistakes(report, share: words.share)
                ),
            ],
            language: language.language
        )
    }

    /// A row for each true class, a column for each answer.
    private static func answers(_ report: ClassificationReport) -> ShadedTable {
        ShadedTable(
            rows: report.classes,
            columns: report.classes,
            values: report.confusion.map { row in
                let all = Double(row.values.reduce(0, +))
                return report.classes.indices.map { all > 0 ? Double(row[$0, default: 0]) / all : .nan }
            }
        )
    }

    /// The most frequent mistakes.
    private static func mistakes(_ report: ClassificationReport, share: String) -> ShadedTable {
        let wrong = report.confusion.enumerated().flatMap { truth, row in
            row.filter { $0.key != truth }.map { (truth: truth, answer: $0.key, count: $0.value) }
        }
        .sorted { ($1.count, $0.truth, $0.answer) < ($0.count, $1.truth, $1.answer) }.prefix(pairs)
        return ShadedTable(
            rows: wrong.map { "\(report.classes[$0.truth]) → \(report.classes[$0.answer])" },
            columns: [share],
            values: wrong.map { pair in
                [Double(pair.count) / Double(max(report.confusion[pair.truth].values.reduce(0, +), 1))]
            }
        )
    }

    /// What `--json` prints.
    private struct JSONReport: Encodable {
        let model: String
        let pictures: Int
        let top1: Double
        let top5: Double
        let meanPerClass: Double
        let perClass: [Class]
        let confusion: [Confusion]
        let templates: [String]?
        let penalty: Double?
        let trials: [Facts.Trial]?
        let skipped: [SkippedInput]

        struct Class: Encodable {
            let name: String
            let right: Double?
        }

        /// How many pictures of a class were taken for which, where any were.
        struct Confusion: Encodable {
            let truth: String
            let predicted: String
            let pictures: Int
        }

        init(_ report: ClassificationReport, _ facts: Facts) {
            model = facts.model
            pictures = report.count
            (top1, top5, meanPerClass) = (report.top1, report.top5, report.meanPerClass)
            perClass = zip(report.classes, report.perClass).map { Class(name: $0, right: $1) }
            confusion = zip(report.classes, report.confusion).flatMap { truth, row in
                row.sorted { $0.key < $1.key }.map {
                    Confusion(truth: truth, predicted: report.classes[$0.key], pictures: $0.value)
                }
            }
            (templates, penalty, trials) = (facts.templates, facts.penalty, facts.trials)
            skipped = facts.skipped
        }
    }
}
