import ArgumentParser
import Foundation
import LienzoHub

extension ModelsCommand {
    /// `lienzo models list`: what is in the cache.
    struct ListCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract: "List the models in the cache: revisions, size, files, last change."
        )

        @OptionGroup var output: OutputOptions

        mutating func run() async throws {
            let cache = ModelsCommand.cache
            let models = try cache.models()
            if output.json {
                try Console.json(Report(cache: cache.path, models: models.map(Report.Model.init)))
            } else if models.isEmpty {
                Console.note("lienzo: There is no model in \(cache.path): 'lienzo models pull ID' brings one.")
            } else {
                for line in Self.table(models) { Console.line(line) }
            }
        }

        /// A line for each commit, under a line of titles.
        private static func table(_ models: [CachedModel]) -> [String] {
            var rows = [["MODEL", "REVISION", "SIZE", "FILES", "CHANGED"]]
            for model in models {
                for snapshot in model.snapshots {
                    rows.append([
                        model.id.description,
                        (snapshot.revisions + [snapshot.commit.short]).joined(separator: ", "),
                        ByteCount.text(snapshot.size),
                        "\(snapshot.files.count)",
                        day(snapshot.changed),
                    ])
                }
                if model.unfinishedBytes > 0 || model.snapshots.isEmpty {
                    rows.append([model.id.description, "(unfinished)", ByteCount.text(model.unfinishedBytes), "", ""])
                }
            }
            let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
            return rows.map { row in
                let cells = zip(row, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }
                return Console.printable(cells.joined(separator: "  ")).trimmingCharacters(in: .whitespaces)
            }
        }

        private static func day(_ date: Date) -> String {
            date.formatted(Date.ISO8601FormatStyle(timeZone: .current).year().month().day())
        }
    }
}

/// The cache for machines.
private struct Report: Encodable {
    struct Model: Encodable {
        let id: String
        let path: String
        let bytes: Int
        let unfinishedBytes: Int
        let revisions: [Snapshot]

        init(_ model: CachedModel) {
            id = model.id.description
            path = model.path
            bytes = model.size
            unfinishedBytes = model.unfinishedBytes
            revisions = model.snapshots.map(Snapshot.init)
        }
    }

    struct Snapshot: Encodable {
        let commit: String
        let names: [String]
        let path: String
        let bytes: Int
        let files: Int
        let changed: String

        init(_ snapshot: CachedModel.Snapshot) {
            commit = snapshot.commit.description
            names = snapshot.revisions
            path = snapshot.path
            bytes = snapshot.size
            files = snapshot.files.count
            changed = snapshot.changed.formatted(.iso8601)
        }
    }

    let cache: String
    let models: [Model]
}
