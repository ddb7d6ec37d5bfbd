import Foundation
import LienzoEvaluation
import LienzoFigures
import LienzoFiles

/// What the pages of `lienzo evaluate` say.
struct EvaluationWords {
    let classes: String
    let classesNote: String
    let right: String
    let confusion: String
    let confusionNote: String
    let mistakesNote: String
    let share: String
    let tableTitle: String
    let tableSubtitle: String
    let tableSection: String
    let tableNote: String
    let published: String
    let measured: String
    private let picture: (one: String, many: String)
    private let category: (one: String, many: String)
    private let meanPerClass: String

    /// A result in a line; the five likeliest of five classes or fewer are all of them, which says nothing.
    func summary(_ report: ClassificationReport) -> String {
        func percent(_ share: Double) -> String { String(format: "%.1f %%", share * 100) }
        return "\(size(pictures: report.count, classes: report.classes.count)): top-1 \(percent(report.top1)), "
            + (report.classes.count > 5 ? "top-5 \(percent(report.top5)), " : "")
            + "\(meanPerClass) \(percent(report.meanPerClass))"
    }

    /// How large a data set is.
    func size(pictures: Int, classes: Int) -> String {
        "\(self.pictures(pictures)), \(classes.counted(category.one, category.many))"
    }

    /// A number of pictures.
    func pictures(_ count: Int) -> String { count.counted(picture.one, picture.many) }

    static let english = EvaluationWords(
        classes: "Class by class",
        classesNote:
            "The share of each class's pictures that is named rightly, the worst first; the number of pictures stands "
            + "behind the name.",
        right: "right",
        confusion: "What was taken for what",
        confusionNote: "A row for each true class, a column for each answer; the shares of a row add up to 100 %.",
        mistakesNote: "The most frequent mistakes, as shares of the true class's pictures.",
        share: "share",
        tableTitle: "ImageNet and five sets like it",
        tableSubtitle: "Top-1: the share of pictures whose likeliest class is theirs.",
        tableSection: "Top-1 in %",
        tableNote: "Published figures: Radford et al. 2021.",
        published: "published",
        measured: "measured",
        picture: ("picture", "pictures"),
        category: ("class", "classes"),
        meanPerClass: "mean per class"
    )

    static let spanish = EvaluationWords(
        classes: "Clase por clase",
        classesNote:
            "La parte de las imágenes de cada clase que se nombra bien, la peor primero; detrás del nombre está el "
            + "número de imágenes.",
        right: "bien",
        confusion: "Qué se tomó por qué",
        confusionNote:
            "Una fila para cada clase verdadera, una columna para cada respuesta; cada fila suma el 100 %.",
        mistakesNote: "Los errores más frecuentes, como parte de las imágenes de la clase verdadera.",
        share: "parte",
        tableTitle: "ImageNet y cinco conjuntos parecidos",
        tableSubtitle: "Top-1: la parte de las imágenes cuya clase más probable es la suya.",
        tableSection: "Top-1 en %",
        tableNote: "Cifras publicadas: Radford et al. 2021.",
        published: "publicado",
        measured: "medido",
        picture: ("imagen", "imágenes"),
        category: ("clase", "clases"),
        meanPerClass: "media por clase"
    )
}

extension FigureLanguage {
    /// What the pages of `lienzo evaluate` say in this language.
    var evaluation: EvaluationWords { self == .english ? .english : .spanish }
}
