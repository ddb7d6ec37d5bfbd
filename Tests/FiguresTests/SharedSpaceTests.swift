import LienzoFigures
import Testing

@Suite struct SharedSpaceTests {
    @Test func `neighbours, gap and mean cosines of a space that can be worked out by hand`() throws {
        // Unit vectors along the axes; lengths do not count.
        let space = SharedSpace(pictures: [[2, 0, 0], [0.6, 0.8, 0]], texts: [[0, 0, 3], [0, 5, 0]])
        #expect(space.neighbors[0].text?.cosine == 0)
        #expect(space.neighbors[0].picture?.index == 1)
        #expect(abs(try #require(space.neighbors[0].picture).cosine - 0.6) < 1e-6)
        #expect(space.neighbors[1].text?.index == 1)
        #expect(abs(try #require(space.neighbors[1].text).cosine - 0.8) < 1e-6)
        // Means (0.8, 0.4, 0) and (0, 0.5, 0.5).
        #expect(abs(try #require(space.gap) - (0.64 + 0.01 + 0.25).squareRoot()) < 1e-6)
        #expect(abs(try #require(space.meanCosine.pictures) - 0.6) < 1e-6)
        #expect(abs(try #require(space.meanCosine.texts)) < 1e-6)
        #expect(abs(try #require(space.meanCosine.across) - 0.2) < 1e-6)
        #expect(space.components.coordinates.allSatisfy { $0.count == 3 })
        #expect(abs(space.components.explainedVariance.reduce(0, +) - 1) < 1e-9)
    }

    @Test func `what is missing has no number`() {
        let space = SharedSpace(pictures: [[1, 0]], texts: [])
        #expect(space.neighbors == [.init(text: nil, picture: nil)])
        #expect(space.gap == nil && space.meanCosine.pictures == nil && space.meanCosine.across == nil)
    }
}
