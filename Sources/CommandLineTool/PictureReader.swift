import Foundation
import LienzoImages
import LienzoPipelines

/// A picture that could not be read, and why in one sentence.
struct SkippedPicture: Encodable, Sendable {
    let path: String
    let reason: String
}

/// Reads pictures for a dual encoder, as many at once as there are processors.
struct PictureReader: Sendable {
    /// A picture that is ready to be embedded.
    struct Picture: Sendable {
        let path: String
        let prepared: PreparedPicture
        /// A small version to look at, where it was asked for.
        let thumbnail: Image?
    }

    let pipeline: CLIPPipeline
    let thumbnails: Bool

    /// The longer side of a thumbnail is at most twice this.
    private static let thumbnailSide = 192

    /// Reads pictures in their order; what cannot be read is left out and told.
    ///
    /// - Throws: `CancellationError`.
    func read(_ paths: [String]) async throws -> (pictures: [Picture], skipped: [SkippedPicture]) {
        var results = [Result<Picture, any Error>?](repeating: nil, count: paths.count)
        await withTaskGroup(of: (Int, Result<Picture, any Error>).self) { group in
            var waiting = paths.indices.makeIterator()
            func startNext() {
                guard !Task.isCancelled, let index = waiting.next() else { return }
                group.addTask { (index, Result { try read(paths[index]) }) }
            }
            for _ in 0..<ProcessInfo.processInfo.activeProcessorCount { startNext() }
            while let (index, result) = await group.next() {
                results[index] = result
                startNext()
            }
        }
        try Task.checkCancellation()

        var pictures: [Picture] = []
        var skipped: [SkippedPicture] = []
        for (path, result) in zip(paths, results) {
            switch result {
            case .success(let picture): pictures.append(picture)
            case .failure(let error): skipped.append(.init(path: path, reason: String(describing: error)))
            case nil: break
            }
        }
        return (pictures, skipped)
    }

    private func read(_ path: String) throws -> Picture {
        let image = try Image(contentsOf: path)
        let side = Self.thumbnailSide
        return Picture(
            path: path,
            prepared: try pipeline.prepare(image),
            thumbnail: thumbnails
                ? min(image.width, image.height) > side ? try image.resized(shorterSide: side) : image
                : nil
        )
    }
}
