import Foundation
import LienzoImages

/// Brings any picture into the form of the data set: its content, trimmed, in the middle of a transparent square.
struct PictureRenderer: Sendable {
    /// Width and height of the pictures in the data set.
    static let side = 256
    /// Free pixels at each edge, where the picture does not fill its frame by itself.
    private static let margin = 6

    /// A rendered picture and what its pixels say.
    struct Rendered: Sendable {
        let png: [UInt8]
        let measure: PictureMeasure
    }

    func render(_ content: Candidate.Content) -> Result<Rendered, DropReason> {
        do throws(ImageError) {
            let picture = try draw(content)
            guard let box = ContentBox(of: picture) else { return .failure(.blank) }
            guard max(box.width, box.height) <= 4 * min(box.width, box.height) else { return .failure(.aspect) }
            var (image, frame) = (picture, box)
            // A small drawing on a large page is drawn again, larger, instead of being magnified.
            if case .svg(let path) = content, max(box.width, box.height) < Self.side {
                let larger = min(2_048, picture.width * 2 * Self.side / max(box.width, box.height))
                image = try Image(svgAt: path, fitting: larger)
                guard let sharper = ContentBox(of: image) else { return .failure(.blank) }
                frame = sharper
            }
            let square = try letterbox(image, frame)
            let measure = PictureMeasure(square)
            guard measure.coverage > 0.01, measure.ink > 0.015 else { return .failure(.blank) }
            return .success(Rendered(png: try square.png(), measure: measure))
        } catch {
            return .failure(.unrenderable)
        }
    }

    private func draw(_ content: Candidate.Content) throws(ImageError) -> Image {
        switch content {
        case .svg(let path): try Image(svgAt: path, fitting: 2 * Self.side)
        case .bitmap(let path): try Image(contentsOf: path, alpha: .keep)
        case .bytes(let bytes): try Image(data: Data(bytes), alpha: .keep)
        }
    }

    private func letterbox(_ image: Image, _ box: ContentBox) throws(ImageError) -> Image {
        let content = try image.cropped(x: box.x, y: box.y, width: box.width, height: box.height)
        let fills = box.isWhole && image.channels == 3
        let room = fills ? Self.side : Self.side - 2 * Self.margin
        let longer = max(box.width, box.height)
        let width = max(1, (box.width * room + longer / 2) / longer)
        let height = max(1, (box.height * room + longer / 2) / longer)
        let fitted = try content.resized(width: width, height: height, filter: .bicubic)
        let (left, top) = ((Self.side - width) / 2, (Self.side - height) / 2)
        var pixels = [UInt8](repeating: 0, count: 4 * Self.side * Self.side)
        for y in 0..<height {
            for x in 0..<width {
                let from = fitted.channels * (y * width + x)
                let to = 4 * ((top + y) * Self.side + left + x)
                for c in 0..<3 { pixels[to + c] = fitted.pixels[from + c] }
                pixels[to + 3] = fitted.channels == 4 ? fitted.pixels[from + 3] : 255
            }
        }
        return try Image(width: Self.side, height: Self.side, channels: 4, pixels: pixels)
    }
}

/// The rectangle in which a picture is drawn on: what is not transparent, or for an opaque picture on a white page what
/// is not white.
struct ContentBox: Equatable {
    let x: Int
    let y: Int
    let width: Int
    let height: Int
    /// Whether it is the whole picture.
    let isWhole: Bool

    init?(of image: Image) {
        let (width, height, channels, pixels) = (image.width, image.height, image.channels, image.pixels)
        let hasAlpha = channels == 4 && stride(from: 3, to: pixels.count, by: 4).contains { pixels[$0] < 250 }
        func isDrawn(_ x: Int, _ y: Int) -> Bool {
            let at = channels * (y * width + x)
            if hasAlpha { return pixels[at + 3] > 12 }
            return min(pixels[at], pixels[at + 1], pixels[at + 2]) < 245
        }
        let corners = [(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)]
        if !hasAlpha, corners.contains(where: { isDrawn($0.0, $0.1) }) {
            (x, y, self.width, self.height, isWhole) = (0, 0, width, height, true)
            return
        }
        var (left, right, top, bottom) = (width, -1, height, -1)
        for row in 0..<height {
            guard let first = (0..<width).first(where: { isDrawn($0, row) }) else { continue }
            let last = (0..<width).last { isDrawn($0, row) } ?? first
            (left, right) = (min(left, first), max(right, last))
            (top, bottom) = (min(top, row), row)
        }
        guard right >= left, bottom >= top else { return nil }
        (x, y) = (left, top)
        (self.width, self.height) = (right - left + 1, bottom - top + 1)
        isWhole = self.width == width && self.height == height
    }
}
