"""Formats of microscopes through bioio: with a stand-in for it, and CZI where the extra "bio" is there."""

import importlib
import sys

import numpy as np
import pytest

from fcrbench.errors import DataError
from fcrbench.io import bio, find_images, read_image, read_labels
from fcrbench.io.find import list_images

STACK = np.random.default_rng(0).integers(0, 60000, (2, 3, 64, 80)).astype(np.uint16)  # channels, planes
STAND_IN = """
import sys
from collections import namedtuple
from types import SimpleNamespace
import numpy as np
Sizes = namedtuple("Sizes", "Z Y X")
class BioImage:
    def __init__(self, path, reader):
        data = np.load(path, allow_pickle=False)
        self.scenes = tuple(str(n) for n in data["scenes"])
        self.xarray_dask_data = SimpleNamespace(dims=tuple(str(data["dims"])), data=data["pixels"])
        self.channel_names = [str(n) for n in data["names"]] or None
        self.physical_pixel_sizes = Sizes(None, *(float(n) or None for n in data["sizes"]))
"""


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """A package bioio whose files are those of NumPy, and a plug-in for ND2."""
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "bioio.py").write_text(STAND_IN)
    (tmp_path / "packages" / "bioio_nd2.py").write_text("class Reader: pass")
    for name in ("bioio", "bioio_nd2"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    importlib.invalidate_caches()
    bio.readable_suffixes.cache_clear()
    yield
    for name in ("bioio", "bioio_nd2"):
        sys.modules.pop(name, None)
    bio.readable_suffixes.cache_clear()


def write_nd2(path, pixels, dims, names=(), sizes=(0.5, 0.25), scenes=("Image:0",)):
    with path.open("wb") as file:
        np.savez(file, pixels=pixels, dims=dims, names=np.array(names, str), sizes=sizes, scenes=scenes)
    return path


def test_axes_names_and_pixel_size(tmp_path, stand_in):
    path = write_nd2(tmp_path / "a.nd2", STACK[None], "TCZYX", ("DAPI", "GFP"))
    np.testing.assert_array_equal(read_image(path, "GFP", 1), STACK[1, 1])
    np.testing.assert_array_equal(read_image(path, 0, "mean"), np.rint(STACK[0].mean(0)))
    assert bio.open_bio(path).pixel_size == (0.5, 0.25)
    with pytest.raises(DataError, match="2 channels x 3 planes"):
        read_image(path)
    colours = write_nd2(tmp_path / "b.ND2", np.moveaxis(STACK[0], 0, -1)[None, None], "TCYXS", sizes=(0, 1))
    np.testing.assert_array_equal(read_image(colours, "green"), STACK[0, 1])
    assert bio.open_bio(colours).pixel_size is None
    one = write_nd2(tmp_path / "c.nd2", STACK[:1, :1] % 9, "CZYX")
    np.testing.assert_array_equal(read_image(one), STACK[0, 0] % 9)
    np.testing.assert_array_equal(read_labels(one), STACK[0, 0] % 9)
    scenes = write_nd2(tmp_path / "d.nd2", STACK, "CZYX", scenes=("left", "right"))
    with pytest.raises(
        DataError, match=r"d\.nd2: 2 images \(scenes\) in one file, expected one: left, right"
    ):
        read_image(scenes)
    (tmp_path / "e.nd2").write_bytes(b"x")
    with pytest.raises(DataError, match=r"e\.nd2: cannot be read, truncated or damaged"):
        read_image(tmp_path / "e.nd2")


def test_in_a_folder_they_are_images_or_left_out_with_what_helps(tmp_path, stand_in, monkeypatch):
    for name in ("a.nd2", "b.czi", "c.oib"):
        (tmp_path / name).write_bytes(b"x")
    monkeypatch.setattr(bio, "is_installed", lambda suffix: suffix == ".nd2")
    listing = list_images(tmp_path)
    assert list(listing.by_name()) == ["a"]
    line = listing.describe_left_out()
    assert "1 .czi (b.czi)" in line
    assert "; to read .czi and .oib: " in line
    assert line.endswith('pip install "fcrbench[bio]" bioio-bioformats')


def write_czi(path, array):
    pytest.importorskip("bioio_czi")
    czi = pytest.importorskip("pylibCZIrw.czi")
    with czi.create_czi(str(path)) as file:
        for c, planes in enumerate(array):
            for z, plane in enumerate(planes):
                file.write(plane[..., None], plane={"C": c, "Z": z, "T": 0})
        names = {0: "DAPI", 1: "GFP"}
        file.write_metadata("a", channel_names=names, scale_x=0.25e-6, scale_y=0.5e-6, scale_z=1e-6)
    return path


def test_channels_planes_and_pixel_size_of_czi(tmp_path):
    path = write_czi(tmp_path / "a.czi", STACK)
    stack = bio.open_bio(path)
    assert stack.channels == ("DAPI", "GFP")
    assert stack.pixel_size == pytest.approx((0.5, 0.25))
    for channel, k in (("GFP", 1), (0, 0)):
        np.testing.assert_array_equal(read_image(path, channel, 2), STACK[k, 2])
        np.testing.assert_array_equal(read_image(path, channel, "max"), STACK[k].max(0))
    assert list(find_images(tmp_path)) == ["a"]
    np.testing.assert_array_equal(read_image(write_czi(tmp_path / "b.CZI", STACK[:1, :1])), STACK[0, 0])


@pytest.mark.parametrize("suffix", [".czi", ".nd2", ".lif"])
def test_a_damaged_or_missing_file_is_one_line(tmp_path, suffix, capfd):
    whole = write_czi(tmp_path / "whole.czi", STACK).read_bytes()
    path = tmp_path / f"a{suffix}"
    with pytest.raises(DataError, match="no such file"):
        read_image(path)
    for content in (b"x" * 3000, whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"cannot be read, truncated or damaged") as error:
            read_image(path, 0, 0)
        assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")
