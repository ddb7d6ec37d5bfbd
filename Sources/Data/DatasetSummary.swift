import Foundation
import LienzoFiles

/// What a built data set holds, for people and programs: counts, drops with their reasons, shards with their digests.
package struct DatasetSummary: Codable, Sendable, Equatable {
    /// Version of each Debian package that pictures or words came from.
    package var packages: [String: String]
    package var pictures: Int
    package var bySplit: [String: Int]
    package var bySource: [String: Int]
    package var byMedium: [String: Int]
    package var byLicence: [String: Int]
    /// Pictures with a caption in each language; derived captions count under "es derived" and so on.
    package var byLanguage: [String: Int]
    /// The families and concepts with most pictures.
    package var byFamily: [String: Int]
    package var concepts: [String: Int]
    /// Different English captions in each split.
    package var distinctCaptions: [String: Int]
    /// Pictures left out, by reason.
    package var dropped: [String: Int]
    /// SHA-256 of each shard.
    package var shards: [String: String]

    /// The summary as a page of text.
    package var text: String {
        func table(_ title: String, _ counts: [String: Int], most: Int = 40) -> String {
            let rows = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            let shown = rows.prefix(most).map { row in
                String(repeating: " ", count: max(1, 8 - String(row.value).count)) + "\(row.value)  \(row.key)"
            }
            let rest = rows.count > most ? ["          … and \(rows.count - most) more"] : []
            return ([title] + shown + rest).joined(separator: "\n")
        }
        let versions = packages.sorted { $0.key < $1.key }.map { "  \($0.key) \($0.value)" }
        let digests = shards.sorted { $0.key < $1.key }.map { "  \($0.value)  \($0.key)" }
        return [
            pictures.counted("picture"),
            (["Debian packages"] + versions).joined(separator: "\n"),
            table("Splits", bySplit), table("Distinct English captions", distinctCaptions),
            table("Sources", bySource), table("Media", byMedium), table("Licences", byLicence),
            table("Languages", byLanguage), table("Families", byFamily), table("Concepts", concepts),
            table("Left out", dropped), (["Shards (SHA-256)"] + digests).joined(separator: "\n"),
        ].joined(separator: "\n\n") + "\n"
    }
}
