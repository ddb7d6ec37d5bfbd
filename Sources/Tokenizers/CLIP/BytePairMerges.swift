/// Joins the bytes of a word to pieces by a ranked list of merges: of all neighbours that may be joined, those of the
/// lowest rank first, and of these the first.
///
/// A queue holds the candidates, so that a word of any length takes n log n steps.
///
/// Source: Sennrich et al. 2016 (arXiv:1508.07909); Hugging Face tokenizers 0.23, `Word::merge_all`. Where merges are
/// listed after those that make their parts, `SimpleTokenizer.bpe` of OpenAI's CLIP gives the same.
struct BytePairMerges: Sendable {
    /// The rank and the product of each pair of pieces.
    private var merges: [UInt64: (rank: UInt32, product: Int32)]

    init(minimumCapacity: Int) {
        merges = Dictionary(minimumCapacity: minimumCapacity)
    }

    /// The number of merges.
    var count: Int { merges.count }

    /// Appends a merge, whose rank is below those of all before it; `false` where the pair has one already.
    mutating func append(_ left: Int32, _ right: Int32, product: Int32) -> Bool {
        let rank = UInt32(truncatingIfNeeded: merges.count)
        let previous = merges.updateValue((rank, product), forKey: Self.key(left, right))
        return previous == nil
    }

    /// The pieces of a word and where each begins.
    ///
    /// - Parameter units: the piece of each byte of the word, `[bytes]`; negative where there is none.
    /// - Returns: pieces, and for each the index of its first byte.
    func joined(_ units: [Int32]) -> (pieces: [Int32], starts: [Int]) {
        var word = Word(units)
        var queue = Queue()
        func consider(_ left: Int, _ right: Int) {
            guard left >= 0, right < word.pieces.count,
                let merge = merges[Self.key(word.pieces[left], word.pieces[right])]
            else { return }
            queue.push(Candidate(rank: merge.rank, position: UInt32(truncatingIfNeeded: left), product: merge.product))
        }
        for right in units.indices.dropFirst() { consider(right - 1, right) }
        while let candidate = queue.pop() {
            let left = Int(candidate.position)
            let right = word.next[left]
            // What was joined meanwhile is no longer what the candidate was about.
            guard !word.isJoined[left], right < units.count,
                merges[Self.key(word.pieces[left], word.pieces[right])]?.product == candidate.product
            else { continue }
            word.join(left, right, to: candidate.product)
            consider(word.previous[left], left)
            consider(left, word.next[left])
        }
        let starts = units.indices.filter { !word.isJoined[$0] }
        return (starts.map { word.pieces[$0] }, starts)
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }
}

extension BytePairMerges {
    /// Pieces in a row, each of which knows its neighbours.
    private struct Word {
        var pieces: [Int32]
        var previous: [Int]
        var next: [Int]
        /// Whether the piece has become a part of the one before it.
        var isJoined: [Bool]

        init(_ units: [Int32]) {
            pieces = units
            previous = Array(-1..<max(0, units.count) - 1)
            next = Array(1..<units.count + 1)
            isJoined = Array(repeating: false, count: units.count)
        }

        mutating func join(_ left: Int, _ right: Int, to product: Int32) {
            pieces[left] = product
            isJoined[right] = true
            next[left] = next[right]
            if next[left] < pieces.count { previous[next[left]] = left }
        }
    }

    private struct Candidate {
        let rank: UInt32
        let position: UInt32
        let product: Int32

        /// The order: rank, then position.
        var order: UInt64 { UInt64(rank) << 32 | UInt64(position) }
    }

    /// A binary heap with the first candidate on top.
    private struct Queue {
        private var heap: [Candidate] = []

        mutating func push(_ candidate: Candidate) {
            heap.append(candidate)
            var child = heap.count - 1
            while child > 0 {
                let parent = (child - 1) / 2
                guard heap[child].order < heap[parent].order else { break }
                heap.swapAt(child, parent)
                child = parent
            }
        }

        mutating func pop() -> Candidate? {
            guard let last = heap.popLast() else { return nil }
            guard let first = heap.first else { return last }
            heap[0] = last
            var parent = 0
            while true {
                var child = 2 * parent + 1
                guard child < heap.count else { break }
                if child + 1 < heap.count, heap[child + 1].order < heap[child].order { child += 1 }
                guard heap[child].order < heap[parent].order else { break }
                heap.swapAt(child, parent)
                parent = child
            }
            return first
        }
    }
}
