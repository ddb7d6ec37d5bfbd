// What users of the package import: pictures, pipelines, search and figures under one name.
@_exported public import LienzoFigures
@_exported public import LienzoImages
@_exported public import LienzoPipelines
@_exported public import LienzoSearch
