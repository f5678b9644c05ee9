"""Large images on the disk: OME-Zarr and TIFF, read and written by slices."""

import errno
import json

import numpy as np
import pytest
import tifffile

from fcrbench.errors import DataError, FcrbenchError
from fcrbench.io import large as files
from fcrbench.io import large_labels, read_labels
from fcrbench.tiles import split_into_tiles

zarr = pytest.importorskip("zarr")
ALL = (slice(None), slice(None))


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 60_000, (130, 170)).astype(np.uint16)


def check(path, image):
    opened = files.open_image(path)
    assert opened.shape == image.shape
    assert opened.dtype == image.dtype.newbyteorder("=")
    np.testing.assert_array_equal(opened[ALL], image)
    np.testing.assert_array_equal(opened[30:99, 100:170], image[30:99, 100:170])


@pytest.mark.parametrize("options", [{"tile": (32, 48)}, {}, {"byteorder": ">", "tile": (16, 16)}])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_tiff(tmp_path, image, options, compression):
    tifffile.imwrite(tmp_path / "a.tif", image, compression=compression, **options)
    check(tmp_path / "a.tif", image)


def test_tiff_with_a_pyramid(tmp_path, image):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(image, tile=(32, 32), subifds=1)
        writer.write(image[::2, ::2], tile=(32, 32), subfiletype=1)
    check(tmp_path / "a.tif", image)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr_of_others(tmp_path, image, version):
    """Five axes, as microscopes' converters write them, the levels' names of their own."""
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2 if version == "0.4" else 3)
    array = group.create_array("full", shape=(1, 1, 1, *image.shape), chunks=(1, 1, 1, 64, 64), dtype=">u2")
    array[:] = image[None, None, None]
    multiscales = {"multiscales": [{"version": version, "datasets": [{"path": "full"}, {"path": "half"}]}]}
    group.attrs.update(multiscales if version == "0.4" else {"ome": multiscales})
    check(tmp_path / "a.zarr", image)


def test_a_plain_zarr_array(tmp_path, image):
    zarr.create_array(tmp_path / "a.zarr", data=image, chunks=(50, 50))
    check(tmp_path / "a.zarr", image)


@pytest.mark.parametrize("side", [40, 33, 1, None])
def test_labels_are_ome_zarr_with_a_pyramid(tmp_path, monkeypatch, side):
    monkeypatch.setattr(large_labels, "_MIN_LEVEL_SIDE", 64)
    monkeypatch.setattr(large_labels, "CHUNK", 32)
    shape = (13, 80) if side == 1 else (130, 171)
    labels = np.random.default_rng(0).integers(0, 2**31 - 1, shape).astype(np.int32)
    with files.new_labels(tmp_path / "a.zarr", labels.shape) as out:
        assert not (tmp_path / "a.zarr").exists()
        for where in (tile.slices for tile in split_into_tiles(labels.shape, side)) if side else [ALL]:
            out[where] = labels[where]
    check(tmp_path / "a.zarr", labels)
    (multiscale,) = json.loads((tmp_path / "a.zarr" / ".zattrs").read_text())["multiscales"]
    assert [axis["name"] for axis in multiscale["axes"]] == ["y", "x"]
    levels = [np.asarray(zarr.open_array(tmp_path / "a.zarr" / d["path"])) for d in multiscale["datasets"]]
    expected = [(13, 80), (7, 40)] if side == 1 else [(130, 171), (65, 86), (33, 43)]
    assert [level.shape for level in levels] == expected
    for k, level in enumerate(levels):
        np.testing.assert_array_equal(level, labels[:: 2**k, :: 2**k])
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


def test_labels_as_a_tiled_tiff_with_a_pyramid(tmp_path, monkeypatch):
    monkeypatch.setattr(large_labels, "_MIN_LEVEL_SIDE", 64)
    monkeypatch.setattr(large_labels, "CHUNK", 32)
    labels = np.random.default_rng(0).integers(0, 2**31 - 1, (130, 171)).astype(np.int32)
    path = tmp_path / "a.tif"
    with files.new_labels(path, labels.shape) as out:
        for tile in split_into_tiles(labels.shape, 40):
            out[tile.slices] = labels[tile.slices]
        assert not path.exists()
    check(path, labels.astype(np.uint32))
    np.testing.assert_array_equal(read_labels(path), labels)
    with tifffile.TiffFile(path) as tif:
        assert tif.is_ome
        assert tif.is_bigtiff
        assert tif.pages[0].tile == (32, 32)
        for k, level in enumerate(tif.series[0].levels):
            np.testing.assert_array_equal(level.asarray(), labels[:: 2**k, :: 2**k])
        assert k == 2
    with files.new_labels(path, (8, 8), overwrite=True) as out:
        out[ALL] = np.full((8, 8), 3, np.int32)
    assert (read_labels(path) == 3).all()
    monkeypatch.setattr(tifffile.TiffWriter, "write", no_space)
    with (
        pytest.raises(FcrbenchError, match=r"cannot write .*a.tif: No space"),
        files.new_labels(path, (4, 4), overwrite=True),
    ):
        pass
    assert [found.name for found in tmp_path.iterdir()] == ["a.tif"]
    assert (read_labels(path) == 3).all()


def no_space(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_what_fails_leaves_nothing_and_what_was_there(tmp_path):
    with files.new_labels(tmp_path / "a.zarr", (8, 8)) as out:
        out[ALL] = np.ones((8, 8), np.int32)
    with pytest.raises(FcrbenchError, match="exists"), files.new_labels(tmp_path / "a.zarr", (8, 8)):
        pass
    with pytest.raises(ZeroDivisionError), files.new_labels(tmp_path / "a.zarr", (8, 8), overwrite=True):
        raise ZeroDivisionError
    with files.scratch_array(tmp_path / "b.zarr", (1, 8, 8), 4) as array:
        array[0, :4, :4] = np.ones((4, 4))
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]
    assert files.open_image(tmp_path / "a.zarr")[ALL].all()
    with files.new_labels(tmp_path / "a.zarr", (4, 4), overwrite=True):
        pass
    assert files.open_image(tmp_path / "a.zarr").shape == (4, 4)
    (tmp_path / "file").touch()
    with (
        pytest.raises(FcrbenchError, match="cannot write"),
        files.new_labels(tmp_path / "file" / "x.zarr", (4, 4)),
    ):
        pass


def test_two_at_once_into_one_place(tmp_path):
    """The first to finish is kept, the other is told; with overwrite the last one is."""
    path = tmp_path / "a.zarr"

    def written(value, overwrite, inner=None):
        with files.new_labels(path, (8, 8), overwrite=overwrite) as out:
            out[ALL] = np.full((8, 8), value, np.int32)
            if inner:
                written(*inner)

    with pytest.raises(FcrbenchError, match=r"a.zarr has been written by another process"):
        written(1, False, inner=(2, False))
    assert (files.open_image(path)[ALL] == 2).all()
    written(3, True, inner=(4, True))
    assert (files.open_image(path)[ALL] == 3).all()
    assert [found.name for found in tmp_path.iterdir()] == ["a.zarr"]


def test_what_is_no_image_is_refused(tmp_path, image):
    group = zarr.open_group(tmp_path / "group.zarr", mode="w")
    zarr.create_array(tmp_path / "stack.zarr", data=np.zeros((2, 3, 4)))
    zarr.create_array(tmp_path / "empty.zarr", shape=(0, 4), dtype="u1")
    zarr.create_array(tmp_path / "complex.zarr", shape=(4, 4), dtype="c8")
    (tmp_path / "hollow.zarr").mkdir()
    (tmp_path / "text.zarr").write_text("no")
    (tmp_path / "text.tif").write_text("no")
    (tmp_path / "zero.tif").touch()
    tifffile.imwrite(tmp_path / "pages.tif", np.zeros((3, 40, 50), np.uint8), photometric="minisblack")
    tifffile.imwrite(tmp_path / "colour.tif", np.zeros((40, 50, 3), np.uint8), photometric="rgb")
    tifffile.imwrite(tmp_path / "cut.tif", image, tile=(32, 32))
    data = (tmp_path / "cut.tif").read_bytes()
    (tmp_path / "cut.tif").write_bytes(data[: len(data) // 2])
    assert group is not None
    words = {
        "missing.zarr": "no such file",
        "group.zarr": "without an OME-Zarr image",
        "stack.zarr": "expected a label image with one plane",
        "empty.zarr": "no pixel",
        "complex.zarr": "expected numbers",
        "hollow.zarr": "a folder, and not a Zarr",
        "text.zarr": "a text file",
        "text.tif": "a text file",
        "zero.tif": "is empty",
        "pages.tif": "axes QYX of 3 x 40 x 50",
        "colour.tif": "expected a label image with one plane",
        "cut.tif": "that claims|cannot be read",
    }
    for name, found in words.items():
        with pytest.raises(DataError, match=rf"{name}.*({found})"):
            files.open_image(tmp_path / name)


def test_a_damaged_chunk_is_an_error_of_the_file(tmp_path, image):
    zarr.create_array(tmp_path / "a.zarr", data=image, chunks=(64, 64))
    (tmp_path / "a.zarr" / "c" / "1" / "1").write_bytes(b"garbage")
    opened = files.open_image(tmp_path / "a.zarr")
    opened[:64, :64]
    with pytest.raises(DataError, match=r"a.zarr: cannot be read"):
        opened[64:, 64:]


def test_which_files_are_worked_on_by_tiles(tmp_path, image, monkeypatch):
    monkeypatch.setattr(files, "_LARGE_FILE", 1000)
    monkeypatch.setattr(files, "_LARGE_IMAGE", image.size)
    zarr.create_array(tmp_path / "a.zarr", data=image)
    tifffile.imwrite(tmp_path / "at_most.tif", image)
    tifffile.imwrite(tmp_path / "more.tiff", np.pad(image, 1))
    (tmp_path / "text.tif").write_text("no" * 1000)
    (tmp_path / "file.zarr").touch()
    large = {path.name for path in tmp_path.iterdir() if files.is_large(path)}
    assert large == {"a.zarr", "more.tiff"}
