// What users of the package import: pictures, pipelines and figures under one name.
@_exported public import LienzoFigures
@_exported public import LienzoImages
@_exported public import LienzoPipelines
