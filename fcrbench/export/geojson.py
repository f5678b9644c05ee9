"""Converts the objects of an image to GeoJSON (RFC 7946) for QuPath."""

from __future__ import annotations

import uuid
from typing import Any

from numpy.typing import ArrayLike

from fcrbench.export.polygons import Part, Ring, polygons
from fcrbench.text import to_unicode

CLASSIFICATION = "Nucleus"


def feature_collection(
    labels: ArrayLike, image: str = "", measurements: dict[int, dict[str, float]] | None = None
) -> dict[str, Any]:
    """Return every object of a label image (H, W) as a Feature of a FeatureCollection, ready for JSON.

    Coordinates are pixels from the upper left corner, x before y, with y pointing down, as in QuPath. An
    object in one piece is a Polygon with its holes. An object in several pieces is a MultiPolygon.

    Args:
        labels: (H, W), any integer dtype, 0 = background.
        image: name of the image. The UUID of an object depends only on this name and the object's id.
        measurements: {id: {name: value}}, which QuPath shows as measurements; see `table.measure`.

    Raises TypeError for labels that are not integers, ValueError for another shape or a negative id.
    """
    features = []
    image = to_unicode(image)
    for label, parts in polygons(labels).items():
        properties: dict[str, Any] = {
            "objectType": "detection",
            "name": str(label),
            "classification": {"name": CLASSIFICATION},
        }
        if measurements is not None:
            properties["measurements"] = measurements[label]
        features.append(
            {
                "type": "Feature",
                "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"fcrbench:{image}/{label}")),
                "geometry": _geometry(parts),
                "properties": properties,
            }
        )
    return {"type": "FeatureCollection", "features": features}


def _geometry(parts: list[Part]) -> dict[str, Any]:
    coordinates = [[_closed(ring) for ring in (part.outer, *part.holes)] for part in parts]
    if len(coordinates) == 1:
        return {"type": "Polygon", "coordinates": coordinates[0]}
    return {"type": "MultiPolygon", "coordinates": coordinates}


def _closed(ring: Ring) -> list[list[int]]:
    points: list[list[int]] = ring.tolist()
    return [*points, points[0]]
