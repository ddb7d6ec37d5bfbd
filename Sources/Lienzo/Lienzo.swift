// What users of the package import: pictures, pipelines, models of the hub, search and figures under one name.
@_exported public import LienzoFigures
@_exported public import LienzoHub
@_exported public import LienzoImages
@_exported public import LienzoPipelines
@_exported public import LienzoSearch
