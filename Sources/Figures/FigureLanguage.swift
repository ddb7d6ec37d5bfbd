/// The language of a figure's own words; names and texts stay as they are.
public enum FigureLanguage: String, Sendable, CaseIterable, Codable {
    /// English.
    case english = "en"
    /// Spanish.
    case spanish = "es"

    var compare: CompareWords { self == .english ? .english : .spanish }
}

/// What ``ComparePage`` says.
struct CompareWords {
    let title: String
    let picture: String
    let pictures: String
    let text: String
    let texts: String
    let model: String
    let probabilities: String
    let probabilitiesNote: String
    let tableCaption: String
    let space: String
    let spaceNote: String
    let plotSummary: String
    let firstComponent: String
    let secondComponent: String
    let thirdComponent: String
    let ofVariance: String
    let neighbors: String
    let neighborsNote: String
    let nearestText: String
    let nearestPicture: String
    let gap: String
    let gapNote: String
    let gapDistance: String
    let meanCosine: String
    let amongPictures: String
    let amongTexts: String
    let across: String
    let leftOut: String

    static let english = CompareWords(
        title: "Which text fits which picture?",
        picture: "picture",
        pictures: "pictures",
        text: "text",
        texts: "texts",
        model: "model",
        probabilities: "Probabilities",
        probabilitiesNote:
            "Each row shares 100 % among the texts. The small number is the cosine of the two embeddings.",
        tableCaption: "Probability of each text for each picture",
        space: "The shared space",
        spaceNote:
            "Pictures and texts as the model places them, seen along the directions in which they differ most.",
        plotSummary: "Scatter plot",
        firstComponent: "first principal component",
        secondComponent: "second",
        thirdComponent: "third",
        ofVariance: "of the variance",
        neighbors: "Nearest neighbours",
        neighborsNote: "The text and the other picture whose embeddings have the highest cosine with a picture's.",
        nearestText: "nearest text",
        nearestPicture: "nearest picture",
        gap: "The gap between pictures and texts",
        gapNote:
            "In many models the two kinds lie in regions of their own: a text is nearer to other texts than to the "
            + "picture that it describes.",
        gapDistance: "distance between the mean picture and the mean text",
        meanCosine: "mean cosine",
        amongPictures: "among pictures",
        amongTexts: "among texts",
        across: "between pictures and texts",
        leftOut: "Left out"
    )

    static let spanish = CompareWords(
        title: "¿Qué texto encaja con qué imagen?",
        picture: "imagen",
        pictures: "imágenes",
        text: "texto",
        texts: "textos",
        model: "modelo",
        probabilities: "Probabilidades",
        probabilitiesNote:
            "Cada fila reparte el 100 % entre los textos. El número pequeño es el coseno de los dos vectores.",
        tableCaption: "Probabilidad de cada texto para cada imagen",
        space: "El espacio común",
        spaceNote:
            "Imágenes y textos donde los sitúa el modelo, vistos en las direcciones en las que más se diferencian.",
        plotSummary: "Diagrama de dispersión",
        firstComponent: "primera componente principal",
        secondComponent: "segunda",
        thirdComponent: "tercera",
        ofVariance: "de la varianza",
        neighbors: "Vecinos más cercanos",
        neighborsNote: "El texto y la otra imagen cuyos vectores tienen el mayor coseno con el de una imagen.",
        nearestText: "texto más cercano",
        nearestPicture: "imagen más cercana",
        gap: "La brecha entre imágenes y textos",
        gapNote:
            "En muchos modelos cada clase ocupa una región propia: un texto está más cerca de otros textos que de la "
            + "imagen que describe.",
        gapDistance: "distancia entre la imagen media y el texto medio",
        meanCosine: "coseno medio",
        amongPictures: "entre imágenes",
        amongTexts: "entre textos",
        across: "entre imágenes y textos",
        leftOut: "Sin usar"
    )
}
