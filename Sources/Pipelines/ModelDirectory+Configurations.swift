import Foundation
import LienzoDiffusion

extension ModelDirectory {
    /// What a part's `scheduler_config.json` says, and its bytes, of which another scheduler can be made.
    ///
    /// - Throws: one sentence with the file's name where it is missing or wrong.
    func scheduler(
        _ part: String
    ) throws(PipelineError) -> (configuration: SchedulerConfiguration, unknownKeys: [String], json: Data) {
        let json = try json("scheduler_config.json", of: part)
        do throws(DiffusionError) {
            let (configuration, unknownKeys) = try SchedulerConfiguration.read(json)
            return (configuration, unknownKeys, json)
        } catch {
            let sentence = error.description.dropLast()
            throw .invalidModel(
                path: path,
                reason:
                    "in \(prefix)\(part)/scheduler_config.json, \(sentence.prefix(1).lowercased())\(sentence.dropFirst())"
            )
        }
    }

    /// One sentence about the keys of a part's configuration that are passed over; `nil` where there are none.
    static func notice(of part: String, unknownKeys: [String]) -> String? {
        guard !unknownKeys.isEmpty else { return nil }
        return "The configuration of the model's \(part) has keys that are not known and change nothing: "
            + "\(unknownKeys.joined(separator: ", "))."
    }
}
