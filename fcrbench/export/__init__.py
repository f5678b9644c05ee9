"""Converts instances for other programs: GeoJSON (QuPath), COCO, tables of measurements."""

from fcrbench.export.coco import coco
from fcrbench.export.geojson import feature_collection
from fcrbench.export.polygons import Part, polygons
from fcrbench.export.table import measure

__all__ = ["Part", "coco", "feature_collection", "measure", "polygons"]


def __dir__() -> list[str]:
    return __all__
