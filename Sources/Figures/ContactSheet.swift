public import LienzoImages

/// Pictures in a grid with their captions beneath, as one picture.
public struct ContactSheet: Sendable {
    /// One picture of the sheet.
    public struct Item: Sendable {
        /// The picture; scaled to fit its cell, whatever its proportions.
        public let image: Image
        /// What stands beneath, in up to `captionLines` lines.
        public let caption: String

        /// Makes an item.
        ///
        /// - Parameters:
        ///   - image: The picture, 3 or 4 channels.
        ///   - caption: What stands beneath.
        public init(image: Image, caption: String) {
            self.image = image
            self.caption = caption
        }
    }

    /// The pictures, by rows.
    public let items: [Item]
    /// How many stand side by side.
    public let columns: Int
    /// Width and height in pixels that each picture may fill.
    public let side: Int
    /// How many lines each caption may take; 0 leaves captions out.
    public let captionLines: Int
    /// What stands over the sheet; empty for nothing.
    public let title: String

    /// Makes a sheet.
    ///
    /// - Parameters:
    ///   - items: The pictures, by rows.
    ///   - columns: How many stand side by side, at least 1.
    ///   - side: Width and height in pixels that each picture may fill, at least 16.
    ///   - captionLines: How many lines each caption may take; 0 leaves captions out.
    ///   - title: What stands over the sheet; empty for nothing.
    public init(items: [Item], columns: Int, side: Int = 192, captionLines: Int = 2, title: String = "") {
        self.items = items
        self.columns = max(columns, 1)
        self.side = max(side, 16)
        self.captionLines = max(captionLines, 0)
        self.title = title
    }

    /// Draws the sheet on white.
    ///
    /// - Returns: The sheet, 3 channels.
    /// - Throws: `ImageError.impossibleSize` when it would be too large, or another `ImageError`.
    public func image() throws(ImageError) -> Image {
        let gap = max(side / 14, 6)
        // Large pictures get larger letters.
        let size = min(max(Double(side) / 14, 11), 18)
        let lineHeight = (size * 1.35).rounded()
        let captionHeight = captionLines == 0 ? 0 : Int(lineHeight) * captionLines + 8
        let titleHeight = title.isEmpty ? 0 : Int(size * 3)
        let rows = (items.count + columns - 1) / columns
        let width = gap + columns * (side + gap)
        let height = gap + titleHeight + rows * (side + captionHeight + gap)
        var sheet = try Image(width: width, height: height, filledWith: .white)

        if !title.isEmpty {
            var strip = SVG(width: Double(width), height: Double(titleHeight), palette: .light, title: "")
            let fitting = TextMetrics.lines(title, width: Double(width - 2 * gap), size: size * 1.5, maximumLines: 1)
            strip.body += strip.text(
                fitting.first ?? "",
                x: Double(gap),
                y: size * 1.9,
                size: size * 1.5,
                color: Palette.light.ink,
                isBold: true
            )
            sheet.draw(try Image(drawing: strip.finished), x: 0, y: gap / 2)
        }
        for row in 0..<rows {
            let top = gap + titleHeight + row * (side + captionHeight + gap)
            let range = row * columns..<min((row + 1) * columns, items.count)
            // The letters of a whole row in one drawing: starting librsvg costs more than the letters do.
            var captions = SVG(width: Double(width), height: Double(max(captionHeight, 1)), palette: .light, title: "")
            for (column, item) in items[range].enumerated() {
                let left = gap + column * (side + gap)
                let fitted = try item.image.fitted(into: side)
                sheet.draw(fitted, x: left + (side - fitted.width) / 2, y: top + (side - fitted.height) / 2)
                let lines = TextMetrics.lines(
                    item.caption,
                    width: Double(side),
                    size: size,
                    maximumLines: max(captionLines, 1)
                )
                for (line, text) in lines.enumerated() {
                    captions.body += captions.text(
                        text,
                        x: Double(left) + Double(side) / 2,
                        y: 4 + size + Double(line) * lineHeight,
                        size: size,
                        color: Palette.light.ink,
                        anchor: "middle"
                    )
                }
            }
            if captionLines > 0 { sheet.draw(try Image(drawing: captions.finished), x: 0, y: top + side) }
        }
        return sheet
    }
}

extension Image {
    /// Scaled so that its longer side is `side`.
    func fitted(into side: Int) throws(ImageError) -> Image {
        let longer = max(width, height)
        if longer == side { return self }
        return try resized(width: max(width * side / longer, 1), height: max(height * side / longer, 1))
    }
}
