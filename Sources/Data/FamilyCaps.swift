/// How many pictures of one family a data set takes, so that a model does not learn stars and flags.
enum FamilyCaps {
    private static let caps: [String: Int] = [
        "flag": 240, "geometric star": 40, "playing card": 60, "gradient": 30, "pattern": 70, "jigsaw": 12, "led": 24,
        "flowchart": 12, "callout": 16, "smiley": 44, "stick man": 40, "semaphore": 12, "map symbol": 150,
        "road sign": 130, "icon etiquette": 140, "icon flat action": 180, "icon flat": 180, "icon lemon": 200,
        "icon": 160, "map": 70, "arrow": 50, "button": 30, "star": 60, "clock": 30, "emoji family": 16,
        "emoji couple": 16, "emoji person": 900, "emoji shape": 60, "letter": 30, "number": 20, "money": 40,
        "stamp symbol": 80, "dreidel": 4, "fish photograph": 40, "coloured butterfly": 70, "chess piece": 12,
    ]
    /// The cap of a family that has no cap of its own: all pictures of one concept.
    private static let concept = 60

    static func cap(of family: String) -> Int { caps[family] ?? concept }
}
