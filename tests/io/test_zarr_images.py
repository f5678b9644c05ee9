"""OME-Zarr images: axes, channels and pixel size as their metadata say; label images; plates and wells."""

import json
import re
import shutil

import numpy as np
import pytest
import tifffile
from refusals import refused
from zarr_images import add_labels, write_attributes, write_image, write_plate

from fcrbench.errors import DataError
from fcrbench.io import read_image, read_labels
from fcrbench.io.choice import Choice, choose_plane
from fcrbench.io.decode import decode
from fcrbench.io.large import is_large, new_labels, open_image, open_stack
from fcrbench.io.zarr_folder import images_inside, is_zarr

zarr = pytest.importorskip("zarr")

RNG = np.random.default_rng(0)
STACK = RNG.integers(0, 60000, (3, 4, 70, 90)).astype(np.uint16)  # channels, planes
ALL = (slice(None), slice(None))
VERSIONS = ["0.1", "0.2", "0.3", "0.4", "0.5"]


@pytest.mark.parametrize(
    ("version", "suffix"), list(zip(VERSIONS, ["", ".zarr", ".ome.zarr", "", ".zarr"], strict=True))
)
def test_a_channel_and_plane_of_each_version(tmp_path, version, suffix):
    early = version in ("0.1", "0.2")
    axes, array = ("tczyx", STACK[None]) if early else ("czyx", STACK)
    path = write_image(tmp_path / f"a{suffix}", array, axes, version, channels=["DAPI", "GFP", "RFP"])
    assert is_large(path)
    assert is_zarr(path)
    for channel, k in ((2, 2), ("dapi", 0)):
        opened = open_image(path, Choice(channel, 3), indexed=False)
        np.testing.assert_array_equal(opened[ALL], STACK[k, 3])
        np.testing.assert_array_equal(opened[5:40, 60:90], STACK[k, 3, 5:40, 60:90])
        np.testing.assert_array_equal(read_image(path, channel, 3), STACK[k, 3])
    np.testing.assert_array_equal(read_image(path, "RFP", "max"), STACK[2].max(0))
    refused(read_image, path, "3 channels x 4 planes", "--plane")
    refused(lambda path: read_image(path, "Cy5", 0), path, "0 DAPI, 1 GFP, 2 RFP")
    refused(read_labels, path, "expected a label image")


@pytest.mark.parametrize("axes", ["zcyx", "cyxz", "yxc", "xyc", "xy"])
def test_axes_in_any_order(tmp_path, axes):
    sizes = {"c": 3, "z": 4, "y": 20, "x": 30}
    array = RNG.integers(0, 999, [sizes[axis] for axis in axes]).astype(np.uint16)
    path = write_image(tmp_path / "a", array, axes)
    picked = array.transpose([axes.index(axis) for axis in "czyx" if axis in axes])
    choice = Choice(1 if "c" in axes else None, 2 if "z" in axes else None)
    expected = picked[tuple({"c": 1, "z": 2}[axis] for axis in "cz" if axis in axes)]
    view = choose_plane(open_stack(path, indexed=False), choice, path)
    np.testing.assert_array_equal(view[3:9, 4:30], expected[3:9, 4:30])
    np.testing.assert_array_equal(read_image(path, choice.channel, choice.plane), expected)


def test_plain_arrays_with_and_without_names(tmp_path):
    zarr.create_array(tmp_path / "v3", data=STACK[:, 0], dimension_names=["channel", "y", "x"])
    array = zarr.create_array(tmp_path / "xarray", data=STACK[0], zarr_format=2)
    array.attrs["_ARRAY_DIMENSIONS"] = ["z", "y", "x"]
    zarr.create_array(tmp_path / "unknown", data=STACK[0])
    np.testing.assert_array_equal(read_image(tmp_path / "v3", 2), STACK[2, 0])
    refused(read_image, tmp_path / "v3", "3 channels")
    refused(read_image, tmp_path / "xarray", "4 planes")
    np.testing.assert_array_equal(read_image(tmp_path / "xarray", plane="max"), STACK[0].max(0))
    refused(read_image, tmp_path / "unknown", "4 pages that differ")
    np.testing.assert_array_equal(read_labels(tmp_path / "unknown", volume=True), STACK[0])


@pytest.mark.parametrize(
    ("unit", "scale", "expected"),
    [
        ("micrometer", (1, 0.5, 0.25), (0.5, 0.25)),
        ("nanometer", (1, 65, 130), (0.065, 0.13)),
        ("millimeter", (1, 1e-3, 2e-3), (1.0, 2.0)),
        (None, (1, 0.5, 0.5), None),
        ("pixel", (1, 1, 1), None),
        ("micrometer", None, None),
        ("micrometer", (1, 0, 0.5), None),
        ("micrometer", (1, "x", 0.5), None),
        (["micrometer"], (1, 1, 1), None),
    ],
)
def test_pixel_size(tmp_path, unit, scale, expected):
    path = write_image(tmp_path / "a", STACK[:1, 0], "cyx", unit=unit, scale=scale)
    found = decode(path).pixel_size
    assert found == (None if expected is None else pytest.approx(expected))


def test_the_scale_of_all_levels_counts_too_and_labels_keep_the_size(tmp_path):
    whole = {"coordinateTransformations": [{"type": "scale", "scale": [2, 2]}]}
    path = write_image(
        tmp_path / "a", STACK[0, 0], "yx", unit="micrometer", scale=(0.5, 0.3), multiscale=whole
    )
    size = open_stack(path, indexed=False).pixel_size
    assert size == pytest.approx((1.0, 0.6))
    with new_labels(tmp_path / "out.zarr", (8, 9), pixel_size=size) as labels:
        labels[0:8, 0:9] = np.ones((8, 9), np.int32)
    assert open_stack(tmp_path / "out.zarr").pixel_size == pytest.approx((1.0, 0.6))
    with new_labels(tmp_path / "none.zarr", (8, 9)):
        pass
    assert open_stack(tmp_path / "none.zarr").pixel_size is None


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_label_images_of_an_image(tmp_path, version):
    labels = RNG.integers(0, 9, (70, 90)).astype(np.uint16)
    image = write_image(tmp_path / "a.zarr", STACK[0, 0], "yx", version)
    add_labels(image, "nuclei", labels, version=version)
    np.testing.assert_array_equal(open_image(image / "labels" / "nuclei")[ALL], labels)
    np.testing.assert_array_equal(read_labels(image / "labels" / "nuclei"), labels)
    for read in (open_image, read_labels):
        refused(read, image, "labels/nuclei", str(image / "labels" / "nuclei"))
    add_labels(image, "cells", labels, version=version)
    refused(read_labels, image, "labels/nuclei, labels/cells")
    refused(read_labels, image / "labels", "label images", "nuclei, cells")
    np.testing.assert_array_equal(read_image(image), STACK[0, 0])
    (tmp_path / "labels").mkdir()  # an image in a folder of this name is still one
    shutil.copytree(image, tmp_path / "labels" / "a.zarr")
    refused(read_labels, tmp_path / "labels" / "a.zarr", "labels/nuclei, labels/cells")
    shutil.rmtree(image / "s0")
    refused(read_image, image, "without an OME-Zarr image")


def test_a_label_image_without_such_metadata_is_one(tmp_path, caplog):
    labels = RNG.integers(0, 9, (1, 1, 70, 90)).astype(np.int32)
    np.testing.assert_array_equal(read_labels(write_image(tmp_path / "a", labels, "czyx")), labels[0, 0])
    assert caplog.messages == []
    read_labels(write_image(tmp_path / "b", labels, "czyx", channels=["DAPI"]))
    assert "metadata (omero) are those of an image" in caplog.text
    volume = RNG.integers(0, 9, (4, 70, 90)).astype(np.uint8)
    path = write_image(tmp_path / "v", volume, "zyx", **{"image-label": {}})
    np.testing.assert_array_equal(read_labels(path, volume=True), volume)
    refused(read_labels, path, "4 planes, expected a label image with one")
    refused(open_image, path, "expected a label image with one plane")


def test_packed_and_float_labels(tmp_path):
    ids = np.arange(70 * 90).reshape(70, 90) * 977 % 2**24
    np.testing.assert_array_equal(read_labels(write_image(tmp_path / "f", ids, "yx", dtype="f8")), ids)
    refused(read_labels, write_image(tmp_path / "g", ids * 0.5, "yx"), "whole numbers")


def test_missing_chunks(tmp_path, caplog):
    path = write_image(tmp_path / "a", STACK[0, 0], "yx")
    for chunk in (path / "s0").iterdir():
        if not chunk.name.startswith("."):
            chunk.unlink()
    assert not read_image(path).any()
    assert "not one chunk of pixels is stored" in caplog.text


def test_a_chunk_that_claims_too_much_is_refused(tmp_path):
    path = write_image(tmp_path / "a", STACK[0, 0], "yx")
    meta = json.loads((path / "s0" / ".zarray").read_text())
    for change, words in (
        ({"shape": [10**6, 10**6]}, "claims"),
        ({"shape": [10**6, 10**6], "chunks": [10**6, 10**6]}, "chunks of 2,000,000,000,000 bytes"),
        ({"dtype": "<c8", "fill_value": None}, "expected numbers"),
        ({"shape": [0, 4]}, "no pixels"),
    ):
        (path / "s0" / ".zarray").write_text(json.dumps(meta | change))
        refused(read_image, path, words)


@pytest.mark.parametrize(
    "attributes",
    [
        {"multiscales": []},
        {"multiscales": [{"datasets": []}]},
        {"multiscales": [{"datasets": [{"path": "../a"}]}]},
        {"multiscales": [{"datasets": [{"path": "nowhere"}]}]},
        {"multiscales": [{"datasets": [{"path": "s0"}], "axes": ["y"]}]},
        {"multiscales": [{"datasets": [{"path": "s0"}], "axes": ["a", "b"]}]},
        {"multiscales": [{"datasets": [{"path": "s0"}], "axes": [{"name": 1}, {}]}]},
        {"multiscales": "x"},
        {"ome": []},
    ],
)
def test_metadata_without_sense_are_an_error_of_the_file(tmp_path, attributes):
    path = write_image(tmp_path / "a", STACK[0, 0], "yx")
    (path / ".zattrs").write_text(json.dumps(attributes))
    for read in (read_image, read_labels, open_image):
        refused(read, path)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_plates_wells_and_converted_files(tmp_path, version):
    fields = {name: STACK[0, k] for k, name in enumerate(("A/1/0", "A/1/1", "B/12/0"))}
    plate = write_plate(tmp_path / "plate.zarr", fields, version)
    assert images_inside(plate) == list(fields)
    assert images_inside(plate / "A" / "1") == ["0", "1"]
    assert images_inside(plate / "A" / "1" / "1") == [""]
    refused(read_image, plate, "3 images", "A/1/0, A/1/1, B/12/0")
    np.testing.assert_array_equal(read_image(plate / "B/12/0"), STACK[0, 2])
    converted = tmp_path / "converted"
    group = zarr.open_group(converted, mode="w", zarr_format=3 if version == "0.5" else 2)
    write_attributes(group, {"bioformats2raw.layout": 3}, version)
    for k in (10, 2):
        write_image(converted / str(k), STACK[0, 0], "yx", version)
    assert images_inside(converted) == ["2", "10"]
    refused(read_image, converted, "2 images", "2, 10")
    write_attributes(group.require_group("OME"), {"series": ["10", "../2", "/2", 3]}, version)
    assert images_inside(converted) == ["10"]
    assert images_inside(tmp_path) == [""]


def test_planes_and_channels_of_large_tiff_files(tmp_path):
    """Pages are opened when they are read; axes are those of a file that is read whole."""
    options = {"photometric": "minisblack", "tile": (32, 32)}
    names = {"Channel": {"Name": ["DAPI", "GFP", "RFP"]}}
    tifffile.imwrite(tmp_path / "o.ome.tif", STACK, ome=True, metadata={"axes": "CZYX", **names}, **options)
    tifffile.imwrite(tmp_path / "i.tif", STACK.swapaxes(0, 1), imagej=True, metadata={"axes": "ZCYX"})
    tifffile.imwrite(tmp_path / "q.tif", STACK[0], metadata=None, **options)
    colours = np.moveaxis(STACK[:, 0], 0, -1)
    tifffile.imwrite(tmp_path / "s.tif", colours, photometric="rgb", tile=(32, 32))
    tifffile.imwrite(tmp_path / "p.tif", STACK[:, 0], photometric="rgb", planarconfig="separate")
    tifffile.imwrite(tmp_path / "t.tif", STACK[0, 0], extratags=[(274, "H", 1, 6, True)], tile=(32, 32))
    chosen = {
        "o.ome.tif": [Choice("GFP", 2), Choice(2, "max"), Choice(0, "sharpest")],
        "i.tif": [Choice(1, 2), Choice(2, "mean")],
        "q.tif": [Choice(None, 3), Choice(2)],
        "s.tif": [Choice("green"), Choice("gray")],
        "p.tif": [Choice("blue")],
        "t.tif": [Choice()],
    }
    for name, choices in chosen.items():
        path = tmp_path / name
        lazy, whole = open_stack(path, indexed=False), decode(path)
        assert (lazy.axes, lazy.channels, lazy.pixel_size) == (whole.axes, whole.channels, whole.pixel_size)
        for choice in choices:
            expected = choose_plane(whole, choice, path)
            found = choose_plane(lazy, choice, path)
            assert found.shape == expected.shape
            np.testing.assert_array_equal(found[10:60, 5:70], expected[10:60, 5:70])
    refused(lambda path: open_image(path, indexed=False), tmp_path / "o.ome.tif", "3 channels x 4 planes")


def test_a_stack_behind_one_directory_is_mapped(tmp_path):
    metadata = {"axes": "ZYX", "truncate": True}
    tifffile.imwrite(tmp_path / "a.tif", STACK[0], imagej=True, photometric="minisblack", metadata=metadata)
    for k in range(4):
        view = open_image(tmp_path / "a.tif", Choice(None, k), indexed=False)
        np.testing.assert_array_equal(view[10:60, 5:70], STACK[0, k, 10:60, 5:70])
    whole = (tmp_path / "a.tif").read_bytes()
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        end = tif.series[0].dataoffset + STACK[0].nbytes
    (tmp_path / "a.tif").write_bytes(whole[: end - 1])
    refused(open_stack, tmp_path / "a.tif", "lost")


@pytest.mark.parametrize("orientation", range(2, 9))
def test_large_labels_are_stored_in_the_orientation_of_the_file(tmp_path, orientation):
    upright = RNG.integers(0, 99, (40, 60)).astype(np.int32)
    size = (0.5, 0.25)
    with new_labels(tmp_path / "a.tif", upright.shape, pixel_size=size, orientation=orientation) as labels:
        labels[0:40, 0:30] = upright[:, :30]
        labels[0:40, 30:60] = upright[:, 30:]
    np.testing.assert_array_equal(read_labels(tmp_path / "a.tif"), upright)
    assert decode(tmp_path / "a.tif").pixel_size == pytest.approx(size)
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert tif.pages[0].tags[274].value == orientation


@pytest.mark.parametrize("form", [2, 3])
@pytest.mark.parametrize("shards", [None, (64, 64)])
def test_a_blosc_chunk_that_is_cut_off_is_refused(tmp_path, form, shards):
    """numcodecs would read beyond its end: the process would die."""
    from numcodecs import Blosc
    from zarr.codecs import BloscCodec

    if form == 2 and shards:
        pytest.skip("no shards in Zarr 2")
    options = {"chunks": (32, 32), "shards": shards, "zarr_format": form}
    codec = Blosc("lz4") if form == 2 else BloscCodec(cname="lz4")
    array = zarr.create_array(tmp_path / "a", data=STACK[0, 0], compressors=codec, **options)
    np.testing.assert_array_equal(read_image(tmp_path / "a"), STACK[0, 0])
    chunk = max((p for p in (tmp_path / "a").rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    data = bytearray(chunk.read_bytes())
    where = 0 if not shards else data.index(bytes(data[:1]))
    for change in (
        data[: len(data) // 2],
        data[:12],
        data[:where] + b"\2\1\x21\2" + b"\xff" * 12 + data[16:],
    ):
        chunk.write_bytes(change)
        refused(read_image, tmp_path / "a", "truncated or damaged")
    assert array.shape == STACK[0, 0].shape


def test_a_great_number_of_channels_or_chunks(tmp_path):
    path = write_image(tmp_path / "a", STACK[:, 0], "cyx")
    meta = json.loads((path / "s0" / ".zarray").read_text())
    (path / "s0" / ".zarray").write_text(json.dumps(meta | {"shape": [3000, 70, 90]}))
    refused(read_image, path, "3000 channels (0, 1, 2,", "--channel")
    np.testing.assert_array_equal(read_image(path, 2), STACK[2, 0])
    tiny = {"shape": [1, 9000, 9000], "chunks": [1, 1, 1]}
    (path / "s0" / ".zarray").write_text(json.dumps(meta | tiny))
    refused(read_image, path, "81,000,000 chunks of 2 bytes")


@pytest.mark.parametrize(
    ("key", "value", "words"), [("chunks", [0, 4], "chunks of shape (0, 4)"), ("filters", [], None)]
)
def test_odd_metadata_of_arrays(tmp_path, key, value, words, recwarn):
    """Found by mutation: chunks without pixels; a list of no filters, which zarr warns about."""
    path = tmp_path / "a.zarr"
    image = np.arange(48, dtype=np.uint16).reshape(6, 8)
    zarr.create_array(path, data=image, chunks=(4, 4), zarr_format=2, filters=None)
    metadata = json.loads((path / ".zarray").read_text())
    (path / ".zarray").write_text(json.dumps(metadata | {key: value}))
    if words is not None:
        with pytest.raises(DataError, match=re.escape(words)):
            open_stack(path)
        return
    np.testing.assert_array_equal(open_image(path)[0:6, 0:8], image)
    assert not [warning for warning in recwarn if "filters" in str(warning.message)]
