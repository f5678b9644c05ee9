"""Writes OME-Zarr images of every version, with labels, plates and wells, as other programs write them."""

import numpy as np
import pytest

zarr = pytest.importorskip("zarr")

KINDS = {"c": "channel", "t": "time"}


def write_image(
    path, array, axes, version="0.4", *, unit=None, scale=None, channels=None, dtype=None, **more
):
    """Write an image with one level. `axes` in lower case, such as "czyx"; more: attributes of the group."""
    form = 3 if version == "0.5" else 2
    group = zarr.open_group(path, mode="w", zarr_format=form)
    data = np.asarray(array, dtype)
    level = group.create_array(
        "s0", shape=data.shape, chunks=tuple(min(n, 64) for n in data.shape), dtype=data.dtype
    )
    level[...] = data
    named = [{"name": n, "type": KINDS.get(n, "space")} for n in axes]
    for axis in named:
        if unit is not None and axis["type"] == "space":
            axis["unit"] = unit
    dataset = {"path": "s0"}
    if scale is not None:
        dataset["coordinateTransformations"] = [{"type": "scale", "scale": list(scale)}]
    image = {"datasets": [dataset], "name": "x"}
    if version in ("0.4", "0.5"):
        image["axes"] = named
    elif version == "0.3":
        image["axes"] = list(axes)
    if version != "0.5":
        image["version"] = version
    image |= more.pop("multiscale", {})
    attributes = {"multiscales": [image], **more}
    if channels is not None:
        attributes["omero"] = {"channels": [{"label": name} for name in channels]}
    write_attributes(group, attributes, version)
    return path


def write_attributes(group, attributes, version="0.4"):
    group.attrs.update({"ome": {"version": version, **attributes}} if version == "0.5" else attributes)


def add_labels(path, name, labels, axes="yx", version="0.4", **more):
    group = zarr.open_group(path, mode="r+").require_group("labels")
    listed = dict(group.attrs).get("ome", dict(group.attrs)).get("labels", [])
    write_attributes(group, {"labels": [*listed, name]}, version)
    return write_image(path / "labels" / name, labels, axes, version, **more)


def write_plate(path, fields, version="0.4"):
    """Write a plate from {"A/1/0": array}."""
    wells = sorted({name.rpartition("/")[0] for name in fields})
    plate = zarr.open_group(path, mode="w", zarr_format=3 if version == "0.5" else 2)
    write_attributes(plate, {"plate": {"wells": [{"path": well} for well in wells]}}, version)
    for well in wells:
        inside = [name.rpartition("/")[2] for name in fields if name.startswith(f"{well}/")]
        write_attributes(
            plate.require_group(well), {"well": {"images": [{"path": p} for p in inside]}}, version
        )
    for name, array in fields.items():
        write_image(path / name, array, "yx", version)
    return path
