/// A picture that may enter the data set, before it has been rendered.
struct Candidate: Sendable {
    /// Where the picture's bytes are.
    enum Content: Sendable {
        case svg(path: String)
        case bitmap(path: String)
        case bytes([UInt8])
    }

    var content: Content
    /// The record with its captions; `concept` and the final family come later.
    var record: PictureRecord
}

/// Why a picture was left out of the data set.
enum DropReason: String, Error, Codable, Sendable, CaseIterable {
    case licence = "licence not open or not stated"
    case caption = "no usable caption"
    case textOnly = "text only"
    case mirrored = "mirrored or variant copy"
    case skinTone = "emoji skin-tone variant"
    case oversize = "file too large"
    case unrenderable = "does not render"
    case blank = "blank or nearly blank"
    case aspect = "extreme aspect"
    case duplicate = "near-duplicate"
    case family = "family is full"
}

/// A picture that was left out, and why.
struct Drop: Sendable {
    let file: String
    let reason: DropReason
}
