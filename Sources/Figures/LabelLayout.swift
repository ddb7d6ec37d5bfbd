/// Places labels beside points so that they cover neither each other nor the points, as far as there is room.
struct LabelLayout {
    struct Rectangle: Equatable {
        var x: Double
        var y: Double
        var width: Double
        var height: Double

        func overlap(_ other: Rectangle) -> Double {
            let across = min(x + width, other.x + other.width) - max(x, other.x)
            let down = min(y + height, other.y + other.height) - max(y, other.y)
            return across > 0 && down > 0 ? across * down : 0
        }

        /// The area that sticks out of `other`.
        func excess(over other: Rectangle) -> Double {
            width * height - overlap(other)
        }
    }

    /// Where labels may be.
    let bounds: Rectangle
    /// What labels should not cover: the marks of the points, and the labels placed so far.
    private(set) var taken: [Rectangle]

    init(bounds: Rectangle, marks: [Rectangle]) {
        self.bounds = bounds
        self.taken = marks
    }

    /// Finds the best place for a label, and takes it.
    ///
    /// - Parameters:
    ///   - mark: The rectangle of the point that the label belongs to.
    ///   - width: The label's width.
    ///   - height: The label's height.
    /// - Returns: The label's rectangle; it lies within the bounds where it fits in at all.
    mutating func place(beside mark: Rectangle, width: Double, height: Double) -> Rectangle {
        let (middleX, middleY) = (mark.x + mark.width / 2, mark.y + mark.height / 2)
        var best = Rectangle(x: mark.x + mark.width + 5, y: middleY - height / 2, width: width, height: height)
        var lowest = Double.infinity
        // Rings around the mark, nearest first; in each, to the right first, since that is where eyes look for a label.
        for ring in 0..<12 {
            let gap = 4 + Double(ring) * 9
            let (right, left) = (mark.x + mark.width + gap, mark.x - gap - width)
            let (above, below) = (mark.y - gap - height, mark.y + mark.height + gap)
            let places = [
                (right, middleY - height / 2), (left, middleY - height / 2), (middleX - width / 2, below),
                (middleX - width / 2, above), (right, below - height / 2), (right, above + height / 2),
                (left, below - height / 2), (left, above + height / 2),
            ]
            for (order, place) in places.enumerated() {
                let candidate = Rectangle(
                    x: min(max(place.0, bounds.x), max(bounds.x, bounds.x + bounds.width - width)),
                    y: min(max(place.1, bounds.y), max(bounds.y, bounds.y + bounds.height - height)),
                    width: width,
                    height: height
                )
                let covered = taken.reduce(0) { $0 + candidate.overlap($1) }
                let cost = covered * 4 + gap * 6 + Double(order)
                if cost < lowest { (lowest, best) = (cost, candidate) }
            }
        }
        taken.append(best)
        return best
    }
}
