import Foundation
import LienzoImages

/// A picture of a data set: a few hundred of its pictures, evenly chosen, each with its caption under it.
struct ContactSheet {
    private static let columns = 16
    private static let rows = 16
    private static let cell = (width: 118, height: 138)
    private static let thumbnail = 104

    let pictures: [ChosenPicture]

    /// Writes the sheet as a PNG.
    func write(to path: String) throws(DataError) {
        let count = min(Self.columns * Self.rows, pictures.count)
        let (width, height) = (Self.columns * Self.cell.width, Self.rows * Self.cell.height)
        var svg = """
            <svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" \
            width="\(width)" height="\(height)" viewBox="0 0 \(width) \(height)">\
            <rect width="\(width)" height="\(height)" fill="white"/>\
            <g font-family="sans-serif" font-size="10" text-anchor="middle" fill="#333">
            """
        let drawing = path + ".svg"
        defer { try? FileManager.default.removeItem(atPath: drawing) }
        do {
            for i in 0..<count {
                let picture = pictures[i * pictures.count / count]
                let (x, y) = (i % Self.columns * Self.cell.width, i / Self.columns * Self.cell.height)
                let small = try Image(data: Data(picture.png), alpha: .keep)
                    .resized(width: Self.thumbnail, height: Self.thumbnail, filter: .bicubic).png()
                svg += """
                    <image x="\(x + 7)" y="\(y + 4)" width="\(Self.thumbnail)" height="\(Self.thumbnail)" \
                    xlink:href="data:image/png;base64,\(Data(small).base64EncodedString())"/>\
                    <text x="\(x + Self.cell.width / 2)" y="\(y + 119)">\(caption(picture.record))</text>\
                    <text x="\(x + Self.cell.width / 2)" y="\(y + 131)" fill="#999">\(detail(picture))</text>
                    """
            }
            try Data((svg + "</g></svg>").utf8).write(to: URL(fileURLWithPath: drawing))
            let side = max(width, height)
            let sheet = try Image(svgAt: drawing, fitting: side)
            try sheet.cropped(x: (side - width) / 2, y: (side - height) / 2, width: width, height: height)
                .flattened(over: .white).write(to: path)
        } catch {
            throw .unwritable(path: path, reason: "\(error)")
        }
    }

    private func caption(_ record: PictureRecord) -> String { escaped(record.captions["en"]?.first ?? "", limit: 22) }

    private func detail(_ picture: ChosenPicture) -> String {
        let extra = picture.record.derived["en"]?.first ?? picture.record.captions["es"]?.first
        return escaped("\(extra ?? picture.record.medium.rawValue)", limit: 22)
    }

    private func escaped(_ text: String, limit: Int) -> String {
        let short = text.count > limit ? text.prefix(limit - 1) + "…" : Substring(text)
        return short.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
    }
}
