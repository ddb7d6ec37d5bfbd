import Testing

@testable import LienzoCommandLineTool

@Suite("The progress bar")
struct ProgressBarTests {
    @Test(
        "reads durations as people do",
        arguments: [(0.84, "0.8 s"), (42.4, "42 s"), (187, "3:07 min"), (8_100, "2:15 h"), (0, "0.0 s")]
    )
    func durations(seconds: Double, text: String) {
        #expect(ProgressBar.duration(seconds) == text)
    }

    @Test("shows count, rate and time left")
    func middle() {
        let line = line(completed: 10, seconds: 2, columns: 120)
        #expect(line == "decoder       ████████████░░░░░░░░░░░░  10/20  5.0 steps/s  2.0 s left  loss 0.3")
    }

    @Test("shows the time it took at the end")
    func end() {
        #expect(line(completed: 20, seconds: 4, columns: 120).hasSuffix("20/20  5.0 steps/s  4.0 s  loss 0.3"))
    }

    @Test("never writes more than the terminal is wide, or more bar than there is", arguments: [0, 1, 20, 300])
    func width(columns: Int) {
        #expect(line(completed: 50, seconds: 4, columns: columns).count <= max(columns - 1, 0))
    }

    private func line(completed: Int, seconds: Double, columns: Int) -> String {
        ProgressBar.line(
            title: "decoder",
            completed: completed,
            total: 20,
            unit: "steps",
            seconds: seconds,
            note: "loss 0.3",
            columns: columns
        )
    }
}
