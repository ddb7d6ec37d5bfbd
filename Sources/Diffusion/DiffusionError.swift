/// What can be wrong with a noise schedule's configuration or with the number of steps asked of it.
package enum DiffusionError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A scheduler configuration is not readable JSON of the expected kind; `reason` says where and why.
    case unreadableConfiguration(reason: String)
    /// `_class_name` names a scheduler that is not implemented.
    case unsupportedScheduler(String)
    /// A value of the configuration lies outside what the key may hold.
    case invalidValue(key: String, found: String, expected: String)
    /// The number of denoising steps does not fit the schedule.
    case invalidSteps(found: Int, expected: ClosedRange<Int>)

    /// The whole sentence.
    package var description: String {
        switch self {
        case .unreadableConfiguration(let reason):
            "The scheduler configuration cannot be read: \(reason)."
        case .unsupportedScheduler(let name):
            "The scheduler \"\(name)\" is not supported; expected UnCLIPScheduler, DDIMScheduler or DDPMScheduler."
        case .invalidValue(let key, let found, let expected):
            "The scheduler configuration's \"\(key)\" is \(found); expected \(expected)."
        case .invalidSteps(let found, let expected):
            "\(found) denoising steps were asked for; this schedule takes \(expected.lowerBound) to \(expected.upperBound)."
        }
    }
}
