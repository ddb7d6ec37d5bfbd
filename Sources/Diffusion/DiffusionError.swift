/// What can be wrong with a noise schedule's configuration or with the number of steps asked of it.
package enum DiffusionError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A scheduler configuration is not readable JSON of the expected kind; `reason` says where and why.
    case unreadableConfiguration(reason: String)
    /// `_class_name` names a scheduler that is not implemented.
    case unsupportedScheduler(String)
    /// A value of the configuration lies outside what the key may hold.
    case invalidValue(key: String, found: String, expected: String)
    /// The configuration switches on what excludes each other.
    case contradiction(keys: [String])
    /// There is no scheduler of a name that a user chose.
    case unknownScheduler(String)
    /// A scheduler that a user chose cannot spread its sigmas.
    case noKarras(String)
    /// The strength with which a picture is to be changed is not above 0 and at most 1.
    case invalidStrength(Double)
    /// The strength with which a picture is to be changed leaves no step to do.
    case noStepLeft(strength: Double, steps: Int)
    /// The number of denoising steps does not fit the schedule.
    case invalidSteps(found: Int, expected: ClosedRange<Int>)

    /// The whole sentence.
    package var description: String {
        switch self {
        case .unreadableConfiguration(let reason):
            "The scheduler configuration cannot be read: \(reason)."
        case .unsupportedScheduler(let name):
            "The scheduler \"\(name)\" is not supported; expected \(listed(SchedulerConfiguration.classNames))."
        case .invalidValue(let key, let found, let expected):
            "The scheduler configuration's \"\(key)\" is \(found); expected \(expected)."
        case .contradiction(let keys):
            "The scheduler configuration asks for \(keys.joined(separator: " and ")) at once; "
                + "expected at most one of them."
        case .unknownScheduler(let name):
            "There is no scheduler \"\(name)\"; expected \(listed(SchedulerChoice.names)), and -karras behind "
                + "\(listed(SchedulerChoice.karrasNames)) where wanted."
        case .noKarras(let name):
            "The scheduler \"\(name)\" has no Karras sigmas; "
                + "expected \(listed(SchedulerChoice.karrasNames)) before -karras."
        case .invalidStrength(let strength):
            "The strength is \(strength); expected a number above 0 and at most 1."
        case .noStepLeft(let strength, let steps):
            "A strength of \(strength) leaves none of \(steps) steps; "
                + "expected a larger strength or more steps."
        case .invalidSteps(let found, let expected):
            "\(found) denoising steps were asked for; "
                + "this schedule takes \(expected.lowerBound) to \(expected.upperBound)."
        }
    }
}

private func listed(_ names: [String]) -> String {
    names.dropLast().joined(separator: ", ") + (names.count > 1 ? " or " : "") + (names.last ?? "")
}
